#include "backup/restore.h"

#include <algorithm>

#include "backup/restore_run.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::size_t planned_files_max = 20'000;
constexpr std::uint64_t planned_bytes_max = 512 * 1024 * 1024;
// One batch of small files: neighbours, whose folder's lock two threads would fight for.
constexpr std::size_t batch_files_max = 64;
constexpr std::size_t batch_bytes_max = 2 * 1024 * 1024;
constexpr std::size_t writing_bytes_max = 12 * 1024 * 1024;
constexpr std::size_t writing_batches_max = 16;
constexpr std::uint32_t set_id_bits = 06000;

bool too_deep(const std::string& name) {
  return static_cast<std::size_t>(std::ranges::count(name, '/')) > space::folders_deep_max;
}

}  // namespace

RestoreRun::RestoreRun(session::SpaceSession& space, const RestoreOptions& options)
    : space_(space), options_(options), reader_(space) {}

void RestoreRun::problem(const std::string& name, Error error) {
  ++report_.problems_count;
  ++report_.stats.left_out;
  if (report_.problems.size() < problems_kept_max) report_.problems.push_back({name, std::move(error), true});
}

void RestoreRun::fail_file(PlannedFile& file, Error error) {
  if (file.failed) return;
  file.failed = true;
  if (file.entry.hard_link) failed_firsts_.insert(file.name);
  file.open.reset();
  problem(file.name, std::move(error));
}

void RestoreRun::tell(const std::string& current, bool now) {
  if (!options_.progress) return;
  const std::int64_t time = space_.session().doors.clock.monotonic_ns();
  if (!now && time - told_ns_ < tell_every_ns) return;
  told_ns_ = time;
  counters_.current = current;
  options_.progress(counters_);
}

Result<RestoreReport> RestoreRun::go(const space::Snapshot& snapshot) {
  HF_OK(space_.follow_index());
  HF_TRY(writer_, space_.session().doors.files.tree_writer(options_.target));
  std::vector<space::TreeEntry> tops;
  if (options_.path.empty()) {
    HF_OK(
        space::for_each_entry<space::TreeEntry>(reader_, snapshot.root, [&](space::TreeEntry&& entry) -> Result<bool> {
          tops.push_back(std::move(entry));
          return true;
        }));
  } else {
    HF_TRY(auto entry, space::find_path(reader_, snapshot.root, options_.path));
    tops.push_back(std::move(entry));
  }
  for (const auto& top : tops) {
    counters_.bytes_total += top.directory() != nullptr ? top.directory()->bytes
                             : top.file() != nullptr    ? top.file()->size
                                                        : 0;
    counters_.files_total += 1 + (top.directory() != nullptr ? top.directory()->entries : 0);
  }
  for (const auto& top : tops) HF_OK(plan_entry(top.name, top));
  HF_OK(write_planned());
  HF_OK(link_together());
  HF_OK(set_folders());
  HF_OK(writer_->sync_all());
  if (options_.verify) {
    reader_.forget_blocks();
    for (const auto& top : tops) HF_OK(verify(top.name, top));
  }
  std::ranges::move(writer_->take_warnings(), std::back_inserter(report_.warnings));
  report_.bytes_received = space_.session().server.bytes_received();
  tell({}, true);
  return std::move(report_);
}

Status RestoreRun::plan_entry(const std::string& name, space::TreeEntry entry) {
  if (const auto* folder = entry.directory()) {
    const space::Root root = folder->root;
    if (auto made = writer_->make_directory(name); !made) {
      problem(name, made.error());
      return {};
    }
    ++report_.stats.directories;
    ++counters_.directories;
    auto metadata = metadata_of(entry);
    if (metadata) {
      folders_.push_back({name, *std::move(metadata)});
    } else {
      problem(name, metadata.error());
    }
    return plan_folder(name, root);
  }
  if (entry.hard_link) {
    const space::HardLink file = *entry.hard_link;
    if (!first_links_.emplace(file, name).second) {
      links_.push_back({file, name, std::move(entry)});
      return {};
    }
  }
  if (entry.file() != nullptr) return plan_file(name, std::move(entry));
  make_other(name, entry);
  return {};
}

// What a folder's nodes can't tell is left out by name; everything beside it is restored.
Status RestoreRun::plan_folder(const std::string& name, const space::Root& root) {
  if (too_deep(name)) {
    problem(name, {Code::Malformed, "folders are nested deeper than any path can be", {}, {}});
    return {};
  }
  std::vector<space::TreeEntry> entries;
  const Status read =
      space::for_each_entry<space::TreeEntry>(reader_, root, [&](space::TreeEntry&& entry) -> Result<bool> {
        entries.push_back(std::move(entry));
        return true;
      });
  if (!read) problem(name, read.error());
  for (auto& entry : entries) {
    const std::string path = join_path(name, entry.name);
    HF_OK(plan_entry(path, std::move(entry)));
    if (files_.size() >= planned_files_max || planned_bytes_ >= planned_bytes_max) HF_OK(write_planned());
  }
  return {};
}

Result<Metadata> RestoreRun::metadata_of(const space::TreeEntry& entry) {
  Metadata out;
  out.mode = entry.mode;
  if (options_.set_owner) {
    out.owner = std::pair(entry.uid, entry.gid);
  } else if (entry.file() != nullptr && (out.mode & set_id_bits) != 0 &&
             options_.restorer != std::pair(entry.uid, entry.gid)) {
    out.mode &= ~set_id_bits;
    if (report_.warnings.size() < problems_kept_max)
      report_.warnings.push_back(printable(entry.name) + ": its set-id bits were not set: they would lend your rights");
  }
  out.mtime_ns = entry.mtime_ns;
  const auto take = [&](const std::vector<space::WireAttribute>& attributes) {
    for (const auto& attribute : attributes) out.attributes.push_back({attribute.name, attribute.value});
  };
  if (const auto* chunk = std::get_if<space::AttributesChunk>(&entry.attributes)) {
    HF_TRY(const Bytes bytes, reader_.chunk(space::ChunkKind::data, chunk->id));
    HF_TRY(const auto attributes, decode<std::vector<space::WireAttribute>>(bytes, "a file's extended attributes"));
    take(attributes);
  } else {
    take(std::get<0>(entry.attributes));
  }
  return out;
}

void RestoreRun::make_other(const std::string& name, const space::TreeEntry& entry) {
  const auto make = [&]() -> Status {
    HF_TRY(const Metadata metadata, metadata_of(entry));
    FileType type = FileType::symlink;
    if (const auto* link = std::get_if<space::SymlinkContent>(&entry.content)) {
      HF_OK(writer_->make_symlink(name, link->target, options_.overwrite));
    } else {
      FileStat node;
      node.mode = entry.mode;
      node.type = FileType::fifo;
      if (const auto* device = std::get_if<space::DeviceContent>(&entry.content)) {
        node.type = device->block ? FileType::block_device : FileType::character_device;
        node.device_major = device->major;
        node.device_minor = device->minor;
      }
      type = node.type;
      HF_OK(writer_->make_node(name, node, options_.overwrite));
    }
    return writer_->set_metadata(name, type, metadata);
  };
  if (const Status made = make(); !made) {
    if (entry.hard_link) failed_firsts_.insert(name);
    problem(name, made.error());
    return;
  }
  ++report_.stats.others;
}

Status RestoreRun::plan_file(const std::string& name, space::TreeEntry entry) {
  const space::FileContent content = *entry.file();
  const std::size_t file = files_.size();
  files_.push_back({name, std::move(entry), nullptr, content.size, false});
  planned_bytes_ += content.size;
  if (const auto* one = std::get_if<space::OneChunk>(&content.data)) {
    want(one->id, static_cast<std::uint32_t>(content.size), {file, 0});
    return {};
  }
  if (const auto* manifest = std::get_if<space::ManifestRoot>(&content.data))
    return plan_manifest(file, manifest->root);
  return write_small(file, {});
}

Status RestoreRun::plan_manifest(std::size_t file, const space::Root& manifest) {
  auto open = writer_->open_new(files_[file].name, options_.overwrite);
  if (!open) {
    fail_file(files_[file], open.error());
    return {};
  }
  files_[file].open = *std::move(open);
  files_[file].bytes_left = 0;
  std::uint64_t offset = 0;
  std::vector<std::pair<space::ChunkExtent, std::uint64_t>> extents;
  const std::uint64_t size = files_[file].entry.file()->size;
  const Status read =
      space::for_each_entry<space::ManifestEntry>(reader_, manifest, [&](space::ManifestEntry&& piece) -> Result<bool> {
        if (const auto* chunk = std::get_if<space::ChunkExtent>(&piece.extent)) {
          extents.emplace_back(*chunk, offset);
          files_[file].bytes_left += chunk->length;
        }
        offset += piece.length();
        if (offset > size) return fail(Code::Malformed, "a large file's pieces are longer than the file");
        // A file of any size in bounded memory: what is known so far is written before the walk goes on.
        if (extents.size() >= planned_files_max) {
          for (const auto& [extent, at] : extents) want(extent.id, extent.length, {file, at});
          extents.clear();
        }
        return true;
      });
  if (!read || offset != size) {
    fail_file(files_[file],
              read ? Error{Code::Malformed, "a large file's pieces are shorter than the file", {}, {}} : read.error());
    return {};
  }
  if (auto sized = files_[file].open->truncate(size); !sized) {
    fail_file(files_[file], sized.error());
    return {};
  }
  for (const auto& [extent, at] : extents) want(extent.id, extent.length, {file, at});
  if (files_[file].bytes_left == 0) finish_file(files_[file]);
  return {};
}

void RestoreRun::want(const ChunkId& id, std::uint32_t length, Place place) {
  const auto [found, added] = chunk_at_.emplace(id, chunks_.size());
  if (added) chunks_.push_back({id, length, {}});
  chunks_[found->second].places.push_back(place);
}

// The blocks that hold the wanted chunks, by pack in the order of first use.
std::vector<WantedPack> RestoreRun::locate() {
  std::vector<WantedPack> packs;
  std::map<std::pair<const session::OpenSegment*, std::uint32_t>, std::size_t> pack_at;
  std::map<std::pair<std::size_t, std::uint16_t>, std::size_t> block_at;
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    const auto places = space_.index().find(chunks_[i].id);
    if (places.empty()) continue;  // inline, or missing: second_try finds out
    const auto& [segment, record] = places.front();
    const auto [pack, new_pack] = pack_at.emplace(std::pair(segment, record.pack), packs.size());
    if (new_pack) {
      auto info = segment->view.pack(record.pack);
      if (!info || info->blocks.empty()) {
        pack_at.erase(pack);
        continue;
      }
      packs.push_back({*std::move(info), space::ChunkKind::data, {}});
    }
    WantedPack& wanted = packs[pack->second];
    if (record.block >= wanted.info.blocks.size()) continue;
    const auto [block, new_block] = block_at.emplace(std::pair(pack->second, record.block), wanted.blocks.size());
    if (new_block) wanted.blocks.push_back({record.block, 0, {}, {}});
    wanted.blocks[block->second].chunks.push_back(record);
    wanted.blocks[block->second].ids.push_back(chunks_[i].id);
  }
  std::uint64_t tag = 0;
  for (WantedPack& pack : packs) {
    std::ranges::sort(pack.blocks, {}, &WantedBlock::block);
    for (WantedBlock& block : pack.blocks) block.tag = tag++;
  }
  return packs;
}

Status RestoreRun::write_planned() {
  const std::vector<WantedPack> packs = locate();
  std::vector<const WantedBlock*> blocks;
  for (const WantedPack& pack : packs)
    for (const WantedBlock& block : pack.blocks) blocks.push_back(&block);

  std::vector<bool> done(chunks_.size(), false);
  std::map<std::size_t, Error> errors;
  HF_OK(fetch_blocks(space_, packs, [&](OpenedBlock&& opened) -> Status {
    const WantedBlock& block = *blocks[opened.tag];
    if (opened.plain) current_block_ = std::make_shared<const Bytes>(*std::move(opened.plain));
    for (std::size_t i = 0; i < block.ids.size(); ++i) {
      const std::size_t chunk = chunk_at_.at(block.ids[i]);
      const bool bad = std::ranges::find(opened.bad_chunks, i) != opened.bad_chunks.end();
      if (!opened.plain || bad) {
        errors.emplace(chunk, opened.plain ? Error{Code::Tampered, "a chunk is not what its id says", {}, {}}
                                           : opened.plain.error());
        continue;
      }
      done[chunk] = true;
      const ByteView bytes =
          ByteView(*current_block_).subspan(block.chunks[i].offset.value, block.chunks[i].length.value);
      HF_OK(write_chunk(chunks_[chunk], bytes));
    }
    current_block_.reset();
    return {};
  }));
  for (std::size_t i = 0; i < chunks_.size(); ++i) {
    if (done[i]) continue;
    const auto error = errors.find(i);
    second_try(chunks_[i],
               error != errors.end()
                   ? error->second
                   : Error{Code::Missing, "the space's index does not know a chunk that is needed", {}, {}});
  }
  submit_batch();
  while (writer_->in_flight() > 0) HF_OK(finish_batch());
  for (PlannedFile& file : files_)
    if (file.open && !file.failed) fail_file(file, {Code::Missing, "a part of it could not be restored", {}, {}});
  files_.clear();
  chunks_.clear();
  chunk_at_.clear();
  planned_bytes_ = 0;
  return {};
}

// Another place that has the chunk, or the commit that carries it (A5). What is not found anywhere is told of each
// file.
void RestoreRun::second_try(const PlannedChunk& chunk, const Error& first) {
  const auto bytes = reader_.chunk(space::ChunkKind::data, chunk.id);
  if (bytes) {
    reached("restore: chunk found in another place");
    current_block_ = std::make_shared<const Bytes>(*bytes);
    if (const Status written = write_chunk(chunk, *current_block_); !written)
      for (const Place& place : chunk.places) fail_file(files_[place.file], written.error());
    current_block_.reset();
    return;
  }
  const bool unknown = bytes.error().code == Code::Missing && first.code != Code::Missing;
  for (const Place& place : chunk.places) fail_file(files_[place.file], unknown ? first : bytes.error());
}

Status RestoreRun::write_chunk(const PlannedChunk& chunk, ByteView bytes) {
  for (const Place& place : chunk.places) {
    PlannedFile& file = files_[place.file];
    if (file.failed) continue;
    if (!file.open) {
      if (bytes.size() != file.entry.file()->size) {
        fail_file(file, {Code::Tampered, "its content has another size than the snapshot says", {}, {}});
        continue;
      }
      HF_OK(write_small(place.file, bytes));
      continue;
    }
    if (bytes.size() != chunk.length) {
      fail_file(file, {Code::Tampered, "its content has another size than the snapshot says", {}, {}});
      continue;
    }
    batch_.writes.pieces.push_back({file.open, place.offset, bytes});
    batch_.pieces.push_back({place.file, bytes.size()});
    HF_OK(added_to_batch(bytes.size()));
  }
  return {};
}

// Bounds what is in memory: waits while too much of it is being written.
Status RestoreRun::added_to_batch(std::size_t bytes) {
  batch_.bytes += bytes;
  batch_.writes.owners.push_back(current_block_);
  if (batch_.bytes >= batch_bytes_max || batch_.writes.owners.size() >= batch_files_max) submit_batch();
  while (writing_bytes_ > writing_bytes_max || writer_->in_flight() > writing_batches_max) HF_OK(finish_batch());
  return {};
}

void RestoreRun::submit_batch() {
  if (batch_.writes.owners.empty()) return;
  writing_bytes_ += batch_.bytes;
  const RequestId ticket = writer_->submit(std::exchange(batch_.writes, {}));
  writing_.emplace(ticket, std::exchange(batch_, {}));
}

Status RestoreRun::write_small(std::size_t index, ByteView bytes) {
  PlannedFile& file = files_[index];
  auto metadata = metadata_of(file.entry);
  if (!metadata) {
    fail_file(file, metadata.error());
    return {};
  }
  batch_.writes.files.push_back({file.name, {bytes}, *std::move(metadata), options_.overwrite});
  batch_.files.push_back(index);
  return added_to_batch(bytes.size());
}

// Where there is no more room for one file, there is none for the others.
Status RestoreRun::finish_batch() {
  const auto [ticket, outcomes] = writer_->next();
  const Batch batch = std::move(writing_.extract(ticket).mapped());
  writing_bytes_ -= batch.bytes;
  for (std::size_t i = 0; i < outcomes.size(); ++i) {
    const bool whole = i < batch.files.size();
    PlannedFile& file = files_[whole ? batch.files[i] : batch.pieces[i - batch.files.size()].file];
    if (!outcomes[i]) {
      if (outcomes[i].error().code == Code::NoSpaceLeft) return outcomes[i];
      fail_file(file, outcomes[i].error());
    } else if (whole) {
      ++report_.stats.files;
      ++counters_.files;
      report_.stats.bytes += file.entry.file()->size;
      counters_.bytes += file.entry.file()->size;
    } else if (!file.failed) {
      const std::size_t size = batch.pieces[i - batch.files.size()].size;
      file.bytes_left -= size;
      counters_.bytes += size;
      if (file.bytes_left == 0) finish_file(file);
    }
    tell(file.name);
  }
  return {};
}

void RestoreRun::finish_file(PlannedFile& file) {
  const auto finish = [&]() -> Status {
    HF_TRY(const Metadata metadata, metadata_of(file.entry));
    file.open.reset();
    return writer_->set_metadata(file.name, FileType::regular, metadata);
  };
  if (const Status finished = finish(); !finished) {
    fail_file(file, finished.error());
    return;
  }
  ++report_.stats.files;
  ++counters_.files;
  report_.stats.bytes += file.entry.file()->size;
}

// What stands under a name that this run could not write is somebody else's: the content is written once more, under
// the next name.
Status RestoreRun::link_together() {
  for (Link& link : links_) {
    std::string& first = first_links_.at(link.file);
    const space::FileContent* file = link.entry.file();
    if (failed_firsts_.contains(first)) {
      reached("restore: content written again under a link's next name");
      first = link.name;
      if (file != nullptr) {
        HF_OK(plan_file(link.name, std::move(link.entry)));
        HF_OK(write_planned());
      } else {
        make_other(link.name, link.entry);
      }
    } else if (const Status made = writer_->make_hard_link(first, link.name, options_.overwrite); !made) {
      problem(link.name, made.error());
    } else if (file != nullptr) {
      ++report_.stats.files;
      report_.stats.bytes += file->size;
    } else {
      ++report_.stats.others;
    }
  }
  return {};
}

// Deepest first, so that what is made below does not change a folder's time afterwards.
Status RestoreRun::set_folders() {
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder)
    if (const Status set = writer_->set_metadata(folder->name, FileType::directory, folder->metadata); !set)
      problem(folder->name, set.error());
  return {};
}

Status RestoreRun::verify(const std::string& name, const space::TreeEntry& entry) {
  if (const auto* folder = entry.directory()) return verify_folder(name, folder->root);
  return entry.file() != nullptr ? verify_file(name, entry) : Status();
}

Status RestoreRun::verify_folder(const std::string& name, const space::Root& root) {
  if (too_deep(name)) return {};  // told when it was restored
  std::vector<space::TreeEntry> entries;
  const Status read =
      space::for_each_entry<space::TreeEntry>(reader_, root, [&](space::TreeEntry&& entry) -> Result<bool> {
        entries.push_back(std::move(entry));
        return true;
      });
  if (!read) return {};  // told when it was restored
  for (const auto& entry : entries) HF_OK(verify(join_path(name, entry.name), entry));
  return {};
}

Status RestoreRun::verify_file(const std::string& name, const space::TreeEntry& entry) {
  if (std::ranges::find(report_.problems, name, &Problem::path) != report_.problems.end()) return {};
  const auto compare = [&]() -> Status {
    HF_TRY(const auto file, writer_->open_existing(name));
    HF_TRY(const FileStat stat, file->stat());
    const auto different = [&] {
      return fail(Code::Tampered, "what was read back from disk is not what was restored");
    };
    if (stat.size != entry.file()->size) return different();
    const auto piece = [&](const ChunkId& id, std::uint64_t offset, std::uint64_t length) -> Status {
      Bytes bytes(length);
      HF_TRY(const std::size_t got, file->read_at(offset, bytes));
      if (got != length || space::chunk_id(space_.root_keys().chunk_id, space::ChunkKind::data, bytes) != id)
        return different();
      return {};
    };
    if (const auto* one = std::get_if<space::OneChunk>(&entry.file()->data))
      return piece(one->id, 0, entry.file()->size);
    const auto* manifest = std::get_if<space::ManifestRoot>(&entry.file()->data);
    if (manifest == nullptr) return {};
    std::uint64_t offset = 0;
    return space::for_each_entry<space::ManifestEntry>(
        reader_, manifest->root, [&](space::ManifestEntry&& part) -> Result<bool> {
          if (const auto* chunk = std::get_if<space::ChunkExtent>(&part.extent))
            HF_OK(piece(chunk->id, offset, chunk->length));
          offset += part.length();
          return true;
        });
  };
  if (const Status same = compare(); !same) {
    problem(name, same.error());
  } else {
    ++report_.files_verified;
  }
  tell(name);
  return {};
}

Result<RestoreReport> run_restore(session::SpaceSession& space, const space::Snapshot& snapshot,
                                  const RestoreOptions& options) {
  return RestoreRun(space, options).go(snapshot);
}

Status cat_file(session::SpaceSession& space, const space::Snapshot& snapshot, const std::string& path,
                const std::function<Status(ByteView)>& out) {
  HF_OK(space.follow_index());
  session::SpaceReader reader(space);
  HF_TRY(const auto entry, space::find_path(reader, snapshot.root, path));
  const auto* file = entry.file();
  if (file == nullptr) return fail(Code::InvalidArgument, "this is not a regular file", printable(path));
  if (const auto* one = std::get_if<space::OneChunk>(&file->data)) {
    HF_TRY(const Bytes bytes, reader.chunk(space::ChunkKind::data, one->id));
    return out(bytes);
  }
  const auto* manifest = std::get_if<space::ManifestRoot>(&file->data);
  if (manifest == nullptr) return {};
  const Bytes zeros(64 * 1024);
  return space::for_each_entry<space::ManifestEntry>(
      reader, manifest->root, [&](space::ManifestEntry&& piece) -> Result<bool> {
        if (const auto* chunk = std::get_if<space::ChunkExtent>(&piece.extent)) {
          HF_TRY(const Bytes bytes, reader.chunk(space::ChunkKind::data, chunk->id));
          HF_OK(out(bytes));
          return true;
        }
        for (std::uint64_t left = piece.length(); left > 0;) {
          const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
          HF_OK(out(ByteView(zeros).first(part)));
          left -= part;
        }
        return true;
      });
}

}  // namespace holdfast::backup
