#include "backup/restore.h"

#include <algorithm>

#include "backup/restore_run.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::uint32_t set_id_bits = 06000;

}  // namespace

RestoreRun::RestoreRun(session::SpaceSession& space, const RestoreOptions& options)
    : space_(space),
      options_(options),
      reader_(space),
      pace_(space.session().doors.clock, options.progress != nullptr),
      mark_(space.session()) {}

void RestoreRun::problem(const std::string& name, Error error) {
  ++report_.stats.left_out;
  report_.add({name, std::move(error), true});
}

void RestoreRun::tell(const std::string& current, bool now) {
  if (!pace_.due(now)) return;
  counters_.current = current;
  options_.progress(counters_);
}

Result<RestoreReport> RestoreRun::go(const space::Root& root) {
  HF_OK(space_.follow_index());
  std::vector<space::TreeEntry> tops;
  if (options_.path.empty()) {
    HF_OK(space::read_folder(reader_, root, tops));
  } else {
    HF_TRY(auto entry, space::find_path(reader_, root, options_.path));
    tops.push_back(std::move(entry));
  }
  HF_OK(space_.session().doors.files.make_directories(options_.target));  // now that there is something to put there
  HF_TRY(writer_, space_.session().doors.files.tree_writer(options_.target));
  for (const auto& top : tops) {
    counters_.bytes_total += top.directory() != nullptr ? top.directory()->bytes
                             : top.file() != nullptr    ? top.file()->size
                                                        : 0;
    counters_.files_total += 1 + (top.directory() != nullptr ? top.directory()->entries : 0);
  }
  Here here;
  if (!options_.stands) {
    look_into_target(tops, here);
  }
  for (const auto& top : tops) HF_OK(plan_entry(top.name, top, here));
  HF_OK(write_planned());
  HF_OK(link_together());
  HF_OK(set_folders());
  // What is new here is still in the snapshot; what was replaced may be nowhere else.
  if (options_.overwrite || options_.verify) HF_OK(writer_->sync_all());
  if (options_.verify) {
    reader_.forget_blocks();
    for (const auto& top : tops) HF_OK(verify(top.name, top));
  }
  if (const Status ended = mark_.end(); !ended) tell_unmarked(ended.error());
  std::ranges::move(writer_->take_warnings(), std::back_inserter(report_.warnings));
  report_.bytes_received = space_.session().server.bytes_received();
  tell({}, true);
  return std::move(report_);
}

FileType type_of(const space::TreeEntry& entry) {
  if (entry.file() != nullptr) return FileType::regular;
  if (entry.directory() != nullptr) return FileType::directory;
  if (std::holds_alternative<space::SymlinkContent>(entry.content)) return FileType::symlink;
  if (const auto* device = std::get_if<space::DeviceContent>(&entry.content))
    return device->block ? FileType::block_device : FileType::character_device;
  return FileType::fifo;
}

Bytes linked_file(space::TreeEntry entry) {
  entry.name = "?";
  return encode(entry);
}

Status RestoreRun::plan_entry(const std::string& name, space::TreeEntry entry, const Here& here) {
  if (entry.directory() != nullptr) return plan_directory(name, entry, here);
  if (entry.file() != nullptr && options_.stands && options_.stands(name, entry)) {
    if (entry.hard_link) first_links_.emplace(linked_file(entry), name);
    ++report_.stats.files;
    report_.stats.bytes += entry.file()->size;
    return {};
  }
  const auto there = standing(entry.name, here);
  if (entry.hard_link) {
    Bytes file = linked_file(entry);
    if (!first_links_.emplace(file, name).second) {
      links_.push_back({std::move(file), name, std::move(entry), there});
      return {};
    }
  }
  return plan_leaf(name, std::move(entry), there);
}

Status RestoreRun::plan_directory(const std::string& name, const space::TreeEntry& entry, const Here& here) {
  const auto made = writer_->make_directory(name);
  if (!made) {
    problem(name, made.error());
    return {};
  }
  ++report_.stats.directories;
  ++counters_.directories;
  const auto there = standing(entry.name, here);
  const bool ours =
      there && there->ours && there->stat.id() == made->id && may_finish(there->stat, entry, here.trusted);
  Here inside;
  inside.ours = ours;
  inside.trusted = here.trusted && there && there->stat.id() == made->id && is_own_alone(there->stat);
  const space::Root root = entry.directory()->root;
  auto metadata = metadata_of(entry);
  if (!metadata) {
    problem(name, metadata.error());
  } else if (!made->is_new && !ours && !options_.overwrite && !options_.stands) {
    const auto place = place_of(name);
    const auto details = place ? space_.session().doors.files.details(*place) : pass_on(place.error());
    if (details) tell_differences(name, *metadata, *details);
  } else if (options_.set_owner && !made->is_new && !ours && made->uid != entry.uid) {
    // Whoever can exchange names there could have somebody's folder given to another.
    problem(name, {Code::AlreadyExists,
                   "a folder of another owner stood there; it keeps its owner and rights: remove it, and restore again",
                   {},
                   {}});
  } else {
    folders_.push_back({name, made->id, *std::move(metadata)});
  }
  const bool look = !made->is_new && !options_.stands;
  return plan_folder(name, root, std::move(inside), look ? std::optional(made->id) : std::nullopt);
}

// What a folder's nodes can't tell is left out by name; everything beside it is restored.
Status RestoreRun::plan_folder(const std::string& name, const space::Root& root, Here here,
                               const std::optional<FileId>& look_into_it) {
  std::vector<space::TreeEntry> entries;
  Status read = space::check_depth(name);
  if (read) read = space::read_folder(reader_, root, entries);
  if (!read) problem(name, read.error());
  if (look_into_it) {
    const auto listing = list_folder(name);
    if (listing && listing->self.id() != *look_into_it) here = {};  // exchanged since
    if (listing) look_into(name, *listing, entries, here);
  }
  for (auto& entry : entries) {
    const std::string path = join_path(name, entry.name);
    HF_OK(plan_entry(path, std::move(entry), here));
    HF_OK(write_planned_if_enough());
  }
  return {};
}

Status RestoreRun::plan_leaf(const std::string& name, space::TreeEntry entry, const std::optional<Standing>& there) {
  if (there && meet(name, entry, *there) == Meeting::done) return {};
  if (entry.file() != nullptr) return plan_file(name, std::move(entry));
  make_other(name, entry);
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
    const FileType type = type_of(entry);
    if (const auto* link = std::get_if<space::SymlinkContent>(&entry.content)) {
      HF_OK(writer_->make_symlink(name, link->target, options_.overwrite));
    } else {
      FileStat node;
      node.mode = entry.mode;
      node.type = type;
      if (const auto* device = std::get_if<space::DeviceContent>(&entry.content)) {
        node.device_major = device->major;
        node.device_minor = device->minor;
      }
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
  files_.push_back({.name = name, .entry = std::move(entry)});
  planned_bytes_ += content.size;
  if (const auto* one = std::get_if<space::OneChunk>(&content.data)) {
    want(one->id, static_cast<std::uint32_t>(content.size), {file, 0});
    return {};
  }
  if (const auto* manifest = std::get_if<space::ManifestRoot>(&content.data))
    return plan_manifest(file, manifest->root);
  return write_small(file, {});
}

// Of an entry's first name, when names of several owners are made: somebody else's file under it must get no link.
std::optional<ExpectedFile> RestoreRun::expected_first(const space::TreeEntry& entry) const {
  if (!options_.set_owner) return std::nullopt;
  ExpectedFile expected{.type = type_of(entry), .owner = std::pair(entry.uid, entry.gid), .mtime_ns = entry.mtime_ns};
  if (const auto* file = entry.file()) expected.size = file->size;
  return expected;
}

// What stands under a name that this run could not write is somebody else's: the content is written once more, under
// the next name.
Status RestoreRun::link_together() {
  for (Link& link : links_) {
    std::string& first = first_links_.at(link.file);
    const bool first_failed = failed_firsts_.contains(first);
    if (!first_failed && link.there && is_link_there(first, link.name, link.entry, *link.there)) continue;
    const space::FileContent* file = link.entry.file();
    Status made;
    if (!first_failed) made = writer_->make_hard_link(first, link.name, options_.overwrite, expected_first(link.entry));
    if (first_failed || (!made && made.error().code == Code::Changed)) {
      reached("restore: content written again under a link's next name");
      first = link.name;
      HF_OK(plan_leaf(link.name, std::move(link.entry), link.there));
      HF_OK(write_planned());
    } else if (!made) {
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
    if (const Status set = writer_->complete(folder->name, FileType::directory, folder->made, folder->metadata); !set)
      problem(folder->name, set.error());
  return {};
}

bool RestoreReport::damaged() const {
  return std::ranges::any_of(problems, [](const Problem& problem) {
    return problem.error.code == Code::Tampered || problem.error.code == Code::Missing;
  });
}

Result<RestoreReport> run_restore(session::SpaceSession& space, const space::Root& root,
                                  const RestoreOptions& options) {
  return RestoreRun(space, options).go(root);
}

}  // namespace holdfast::backup
