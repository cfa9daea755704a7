#include <algorithm>

#include "backup/run.h"

namespace holdfast::backup {

namespace {

constexpr std::uint64_t partial_bytes = 10'000'000'000;  // D21
constexpr std::size_t partial_objects = 900;

}  // namespace

Result<worktree::ScanOptions> Run::scan_options() const {
  worktree::ScanOptions options;
  options.one_file_system = options_.one_file_system;
  options.ignore_files = options_.ignore_files;
  if (!options_.excludes.empty())
    options.exclude =
        std::make_shared<const worktree::IgnoreRules>(worktree::IgnoreRules::from_patterns(options_.excludes));
  for (const Path& path : options_.never)
    if (const auto stat = doors_.files.stat(path)) options.exclude_inodes.push_back(stat->id());
  return options;
}

Status Run::count() {
  for (const auto& [root, name] : roots_) {
    HF_TRY(auto options, scan_options());
    worktree::Scanner scanner(doors_.files, root, std::move(options));
    for (;;) {
      HF_TRY(const auto event, scanner.next());
      if (!event) break;
      const auto* entry = std::get_if<worktree::ScanEntry>(&*event);
      if (entry == nullptr || entry->stat.type != FileType::regular) continue;
      ++counters_.files_total;
      counters_.bytes_total += entry->stat.size;
      tell(root);
    }
  }
  return {};
}

// A root that is a file comes with the root folder's files, before all folders: the order that a walk has everywhere.
Status Run::walk_all() {
  std::vector<std::pair<Path, std::string>> folders;
  for (const auto& root : roots_) {
    const auto stat = doors_.files.stat(root.first);
    if (stat && stat->type == FileType::directory) {
      folders.push_back(root);
    } else {
      HF_OK(walk_root(root.first, root.second));
    }
  }
  for (const auto& [root, name] : folders) HF_OK(walk_root(root, name));
  return {};
}

Status Run::walk_root(const Path& root, const std::string& name) {
  HF_TRY(auto options, scan_options());
  worktree::Scanner scanner(doors_.files, root, std::move(options));
  std::vector<Path> open;
  for (;;) {
    HF_TRY(auto event, scanner.next());
    if (!event) return {};
    if (auto* folder = std::get_if<worktree::EnterDirectory>(&*event)) {
      Path path = folder->path.empty() ? root : join_path(root, folder->path);
      count_entry(folder->stat);
      check_time(path, folder->stat);
      tell(path);
      const std::string& own = open.empty() ? name : std::string(last_component(path));
      HF_OK(compare_->enter({own, path, folder->stat, std::move(folder->place)}));
      open.push_back(std::move(path));
    } else if (auto* entry = std::get_if<worktree::ScanEntry>(&*event)) {
      const bool is_root = open.empty();
      HF_OK(on_entry({is_root ? name : entry->name, is_root ? root : join_path(open.back(), entry->name), entry->stat,
                      std::move(entry->place)}));
    } else if (auto* trouble = std::get_if<worktree::ScanProblem>(&*event)) {
      problem(trouble->path.empty() ? root : join_path(root, trouble->path), trouble->error);
    } else {
      open.pop_back();
      HF_OK(compare_->leave());
    }
    const bool due = upload_ && (upload_->bytes_put() > partial_bytes || upload_->objects() > partial_objects ||
                                 doors_.clock.monotonic_ns() - upload_began_ns_ > partial_age_ns);
    if (due && !options_.dry_run) HF_OK(commit_partial());
  }
}

void Run::count_entry(const FileStat& stat, bool saved) {
  if (stat.type == FileType::directory) {
    stats_.directories += saved ? 1 : 0;
    ++counters_.directories;
  } else if (stat.type == FileType::regular) {
    stats_.files += saved ? 1 : 0;
    stats_.bytes += saved ? stat.size : 0;
    ++counters_.files;
    counters_.bytes += stat.size;
  } else {
    stats_.others += saved ? 1 : 0;
  }
}

void Run::check_time(const Path& path, const FileStat& stat) {
  if (!is_time_kept(stat.mtime_ns))
    problem(path,
            {Code::Unsupported, "its time, before 1678 or after 2261, is saved as the nearest that can be", {}, {}},
            false);
}

Status Run::on_entry(const Walked& entry) {
  if (entry.stat.type == FileType::socket) {
    problem(entry.path, {Code::Unsupported, "a socket has no content to save", {}, {}});
    return {};
  }
  check_time(entry.path, entry.stat);
  HF_TRY(const bool unchanged, compare_->unchanged(entry));
  const bool regular = entry.stat.type == FileType::regular;
  const FileCount count = unchanged || compare_->looked_the_same() ? &space::SnapshotStats::files_unchanged
                          : compare_->had_before()                 ? &space::SnapshotStats::files_changed
                                                                   : &space::SnapshotStats::files_new;
  bool saved = true;
  if (!unchanged && options_.dry_run && regular) saved = could_be_read(entry);
  if (!unchanged && !options_.dry_run) {
    HF_TRY(saved, take_in(entry, count));
  }
  if (saved && regular) ++(stats_.*count);
  count_entry(entry.stat, saved);
  tell(entry.path);
  return {};
}

// For a dry run.
bool Run::could_be_read(const Walked& entry) {
  const auto file = doors_.files.open_entry(entry.place);
  if (!file) problem(entry.path, file.error());
  report_.bytes_read += file ? entry.stat.size : 0;
  return file.has_value();
}

Result<bool> Run::take_in(const Walked& entry, FileCount count) {
  if (entry.stat.type == FileType::regular) return take_in_file(entry, count);
  auto now = look_at(entry);
  if (!now) {
    problem(entry.path, now.error());
    return false;
  }
  const std::uint64_t token = assembly().entry(std::move(now->tree), seen(now->stat, now->whole));
  HF_OK(add_attributes(token));
  return true;
}

// Without attributes; content that is not in `stat` comes later.
space::TreeEntry Run::entry_of(const std::string& name, const FileStat& stat) {
  space::TreeEntry entry;
  entry.name = name;
  entry.mode = static_cast<std::uint16_t>(stat.mode & 07777);
  entry.uid = stat.uid;
  entry.gid = stat.gid;
  entry.user = names_.user(stat.uid);
  entry.group = names_.group(stat.gid);
  entry.mtime_ns = stat.mtime_ns;
  if (stat.links > 1 && stat.type != FileType::directory) entry.hard_link = space::HardLink{stat.device, stat.inode};
  switch (stat.type) {
    case FileType::directory:
      entry.content = space::DirectoryContent{};
      break;
    case FileType::character_device:
    case FileType::block_device:
      entry.content = space::DeviceContent{stat.type == FileType::block_device, stat.device_major, stat.device_minor};
      break;
    case FileType::fifo:
      entry.content = space::FifoContent{};
      break;
    default:
      entry.content = space::FileContent{};
  }
  return entry;
}

Seen Run::seen(const FileStat& stat, bool whole) const {
  Seen out = seen_of(stat, scan_time_ns_);
  out.racy = out.racy || !whole;
  return out;
}

// Few go into the entry; many wait for add_attributes. Where there is an ACL, the group's bits of the mode are its
// mask: an entry without its attributes would be open to more than before.
bool Run::give_attributes(space::TreeEntry& entry, const Path& path, Result<std::vector<Attribute>> attributes) {
  attributes_.reset();
  std::vector<space::WireAttribute> wire;
  std::size_t bytes = 0;
  if (attributes) {
    for (Attribute& attribute : *attributes) {
      bytes += attribute.name.size() + attribute.value.size();
      wire.push_back({std::move(attribute.name), std::move(attribute.value)});
    }
    if (bytes <= space::attributes_inline_max) {
      entry.attributes = std::move(wire);
      return true;
    }
    attributes_ = encode(wire);
    if (attributes_->size() <= space::chunk_bytes_max) return true;
    attributes_.reset();
    attributes = fail(Code::Unsupported, "its extended attributes are more than can be saved");
  }
  problem(path,
          {attributes.error().code,
           attributes.error().code == Code::Unsupported ? attributes.error().sentence
                                                        : "its extended attributes can't be read",
           {},
           {}},
          false);
  entry.mode &= 0700;
  return false;
}

// What is no regular file.
Result<Run::Looked> Run::look_at(const Walked& walked) {
  HF_TRY(auto details, doors_.files.details(walked.place));
  const bool folder = walked.stat.type == FileType::directory;
  if ((details.stat.type == FileType::directory) != folder || details.stat.type == FileType::regular ||
      details.stat.type == FileType::socket)
    return fail(Code::Changed, "it was replaced while it was looked at");
  Looked now{entry_of(walked.name, details.stat), details.stat};
  if (details.stat.type == FileType::symlink) now.tree.content = space::SymlinkContent{std::move(details.target)};
  if (const auto possible = space::check_entry(now.tree); !possible)
    return fail(Code::Unsupported, "it can't be saved: " + possible.error().sentence);
  now.whole = give_attributes(now.tree, walked.path, std::move(details.attributes));
  return now;
}

// What was not entered, and can't be looked at any more, is what the folder above said of it, for its owner alone.
Run::Looked Run::look_at_folder(const Walked& folder) {
  auto now = look_at(folder);
  if (now) return *std::move(now);
  Looked then{entry_of(folder.name, folder.stat), folder.stat};
  then.whole = give_attributes(then.tree, folder.path, pass_on(std::move(now).error()));
  return then;
}

Status Run::begin(const Walked& folder) {
  Looked now = look_at_folder(folder);
  return add_attributes(assembly().begin_folder(std::move(now.tree), seen(now.stat, now.whole)));
}

Status Run::unchanged_inside(const Walked& folder, const space::DirectoryContent& content, ByteView inside) {
  Looked now = look_at_folder(folder);
  now.tree.content = content;
  return add_attributes(assembly().folder_inside_unchanged(std::move(now.tree), seen(now.stat, now.whole), inside));
}

Status Run::add_attributes(std::uint64_t token) {
  if (!attributes_ || options_.dry_run) return {};
  Bytes encoded = *std::exchange(attributes_, std::nullopt);
  assembly().expect_attributes(token, static_cast<std::uint32_t>(encoded.size()));
  return intake_->add_chunk(Assembly::attributes_of(token), std::move(encoded));
}

}  // namespace holdfast::backup
