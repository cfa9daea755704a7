// A window of a restore: the chunks that its files need are fetched by pack and block, and written to all their places.
#include <algorithm>

#include "backup/restore_run.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::uint64_t planned_bytes_max = 512 * 1024 * 1024;
// One batch of small files: neighbours, whose folder's lock two threads would fight for.
constexpr std::size_t batch_files_max = 64;
constexpr std::size_t batch_bytes_max = 2 * 1024 * 1024;
constexpr std::size_t writing_bytes_max = 12 * 1024 * 1024;
constexpr std::size_t writing_batches_max = 16;

}  // namespace

void RestoreRun::fail_file(PlannedFile& file, Error error) {
  if (file.failed) return;
  file.failed = true;
  if (file.entry.hard_link) failed_firsts_.insert(file.name);
  file.open.reset();
  problem(file.name, std::move(error));
}

// A file of any size in bounded memory: whenever enough of it is planned, that is written before the walk goes on.
Status RestoreRun::plan_manifest(std::size_t file, const space::Root& manifest) {
  auto open = writer_->open_new(files_[file].name, options_.overwrite);
  if (!open) {
    fail_file(files_[file], open.error());
    return {};
  }
  files_[file].open = *std::move(open);
  files_[file].planned = false;
  const std::uint64_t size = files_[file].entry.file()->size;
  std::uint64_t offset = 0;
  Status written;
  const Status read =
      space::for_each_entry<space::ManifestEntry>(reader_, manifest, [&](space::ManifestEntry&& piece) -> Result<bool> {
        const std::uint64_t at = offset;
        offset += piece.length();
        if (offset > size) return fail(Code::Malformed, "a large file's pieces are longer than the file");
        const auto* chunk = std::get_if<space::ChunkExtent>(&piece.extent);
        if (chunk == nullptr) return true;
        files_[file].bytes_left += chunk->length;
        want(chunk->id, chunk->length, {file, at});
        if (pieces_ < options_.window_pieces_max) return true;
        reached("restore: a large file in several windows");
        written = write_planned();
        file = 0;  // what is not planned to its end is all that stays
        return written && !files_[file].failed;
      });
  HF_OK(written);
  PlannedFile& planned = files_[file];
  planned.planned = true;
  if (planned.failed) return {};
  if (!read || offset != size) {
    fail_file(planned,
              read ? Error{Code::Malformed, "a large file's pieces are shorter than the file", {}, {}} : read.error());
  } else if (auto sized = planned.open->truncate(size); !sized) {
    fail_file(planned, sized.error());
  } else if (planned.bytes_left == 0) {
    finish_file(planned);
  }
  return {};
}

Status RestoreRun::write_planned_if_enough() {
  const bool enough = files_.size() >= options_.window_pieces_max || pieces_ >= options_.window_pieces_max ||
                      planned_bytes_ >= planned_bytes_max;
  return enough ? write_planned() : Status();
}

void RestoreRun::want(const ChunkId& id, std::uint32_t length, Place place) {
  const auto [found, added] = chunk_at_.emplace(id, chunks_.size());
  if (added) chunks_.push_back({id, length, {}});
  chunks_[found->second].places.push_back(place);
  ++pieces_;
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
    if (file.open && file.planned) fail_file(file, {Code::Missing, "a part of it could not be restored", {}, {}});
  std::erase_if(files_, [](const PlannedFile& file) { return file.planned; });
  chunks_.clear();
  chunk_at_.clear();
  planned_bytes_ = 0;
  pieces_ = 0;
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
  const RequestId request = writer_->submit(std::exchange(batch_.writes, {}));
  writing_.emplace(request, std::exchange(batch_, {}));
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
  const auto [request, outcomes] = writer_->next();
  const Batch batch = std::move(writing_.extract(request).mapped());
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
      if (file.planned && file.bytes_left == 0) finish_file(file);
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

}  // namespace holdfast::backup
