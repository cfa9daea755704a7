#include "backup/export.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <ranges>
#include <set>
#include <unordered_map>

#include "backup/calendar.h"
#include "backup/snapshots.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::uint64_t manifest_bytes_max = std::uint64_t{1} << 30;  // of some 7 million files
constexpr std::uint64_t number_max = 1'000'000'000;                   // of a live tree

// What was exported last: whose files the next tree's may be links to.
struct Base {
  std::string name;  // below the space's folder
  space::Root root;
  std::unordered_map<std::string, std::string> hashes;  // by path
};

class Export {
 public:
  Export(session::SpaceSession& space, const ExportOptions& options, ExportReport& report)
      : space_(space),
        options_(options),
        report_(report),
        files_(space.session().doors.files),
        reader_(space),
        pace_(space.session().doors.clock, options.progress != nullptr) {}

  Status go() {
    HF_TRY(const auto snapshots, list_snapshots(space_));
    for (const char* kind : {"", "snapshots", "live"}) HF_OK(make_private(kind));
    HF_TRY(links_, files_.tree_writer(options_.folder));
    std::set<std::string> parts;
    for (const space::Snapshot& snapshot : snapshots)
      parts.insert(part_of("snapshots/" + name_of(snapshot), snapshot.root));
    HF_OK(discard_parts("snapshots", parts));
    for (const space::Snapshot& snapshot : snapshots) HF_OK(tree("snapshots/" + name_of(snapshot), false, snapshot));
    if (space_.state().live_root.is_zero()) return discard_parts("live", {});
    HF_TRY(const std::string number, live_number());
    if (const std::uint64_t before = live_tree_number(number) - 1; before > 0)
      newest_[{}] = "live/" + std::to_string(before);
    space::Snapshot live;
    live.root = space_.state().live_root;
    HF_OK(discard_parts("live", {part_of("live/" + number, live.root)}));
    return tree("live/" + number, true, live);
  }

 private:
  // "2026-11-28T10-22-12Z-2d6ee138"
  static std::string name_of(const space::Snapshot& snapshot) {
    const CivilDate date = civil_date(snapshot.time_ns);
    const std::int64_t seconds = floor_divide(snapshot.time_ns, second_ns);
    const std::int64_t of_day = seconds - floor_divide(seconds, 86'400) * 86'400;
    const auto digits = [](std::int64_t number) {
      return std::string(number < 10 ? "0" : "") + std::to_string(number);
    };
    return std::to_string(date.year) + "-" + digits(date.month) + "-" + digits(date.day) + "T" + digits(of_day / 3600) +
           "-" + digits(of_day / 60 % 60) + "-" + digits(of_day % 60) + "Z-" + snapshot.id.short_hex();
  }

  // That of the newest one that has been exported, if nothing changed since; else the next.
  Result<std::string> live_number() {
    std::uint64_t newest = 0;
    HF_TRY(const auto entries, files_.list(join_path(options_.folder, "live")));
    for (const DirectoryEntry& entry : entries) newest = std::max(newest, live_tree_number(entry.name));
    if (newest == 0) return std::string("1");
    const auto manifest = read_manifest("live/" + std::to_string(newest));
    const bool same = !manifest || manifest->label.root == space_.state().live_root;
    return std::to_string(same ? newest : newest + 1);
  }

  Status make_private(const std::string& name) {
    return make_private_folder(files_, path_of(name), options_.restorer ? options_.restorer->first : 0);
  }
  [[nodiscard]] bool is_there(const std::string& name) const { return files_.stat(path_of(name)).has_value(); }

  [[nodiscard]] Path path_of(const std::string& name) const {
    return name.empty() ? options_.folder : join_path(options_.folder, name);  // "FOLDER/" would follow a link
  }

  Result<ExportedTree> read_manifest(const std::string& name) {
    HF_TRY(const Bytes bytes, read_beside(files_, path_of(name + ".manifest")));
    return decode_manifest(bytes);
  }

  // The newest tree of the same paths.
  void choose_base(const std::vector<std::string>& paths) {
    base_.reset();
    base_folder_.reset();
    const auto newest = newest_.find(paths);
    if (newest == newest_.end()) return;
    const auto tree = read_manifest(newest->second);
    if (!tree) return;  // somebody took it away: everything is written
    base_ = Base{newest->second, tree->label.root, {}};
    for (const ExportedEntry& entry : tree->entries)
      if (entry.type == 'f') base_->hashes.emplace(entry.path, entry.sha256);
  }

  static std::string part_of(const std::string& name, const space::Root& root) {
    return name + "-" + root.short_hex() + ".part";
  }

  // Interrupted runs were at trees that are past now.
  Status discard_parts(const std::string& folder, const std::set<std::string>& but) {
    HF_TRY(const auto entries, files_.list(path_of(folder)));
    for (const DirectoryEntry& entry : entries) {
      const std::string part = join_path(folder, entry.name);
      if (!entry.name.ends_with(".part") || but.contains(part)) continue;
      reached("export: a part of a tree that is past is discarded");
      HF_TRY(auto inside, describe_part(part));
      for (const ExportedEntry& one : inside | std::views::reverse)  // what is in a folder comes after it
        HF_OK(files_.remove(join_path(path_of(part), one.path)));
      HF_OK(files_.remove(path_of(part)));
    }
    return {};
  }

  Status tree(const std::string& name, bool live, const space::Snapshot& label) {
    const std::string part = part_of(name, label.root);
    auto there = read_manifest(name);
    if (there && there->label.root != label.root)
      return fail(Code::AlreadyExists, "another tree than this one stands there", printable(path_of(name)));
    if (!there && there.error().code != Code::NotFound) return pass_on(there.error());
    if (!there && is_there(name))
      return fail(Code::AlreadyExists, "a folder stands there that no manifest tells of", printable(path_of(name)));
    if (there && !is_there(name)) {
      if (is_there(part)) {
        reached("export: a tree that has its manifest, and not yet its name");
        HF_OK(give_name(part, name));
      } else {  // somebody took the tree away
        HF_OK(files_.remove(path_of(name + ".manifest")));
        there = fail(Code::NotFound, "the tree is gone");
      }
    }
    if (there) {
      ++report_.trees_there;
      newest_[label.paths] = name;
      return {};
    }
    choose_base(label.paths);
    const bool again = is_there(part);
    HF_OK(make_private(part));
    if (again) HF_OK(remove_special(part));
    ExportReport first;
    HF_TRY(const bool whole, write(part, label.root, report_));
    if (!whole) return {};
    if (again) {
      HF_TRY(const bool removed, remove_leftovers(part));
      if (removed) HF_OK(write(part, label.root, first));  // folders have their times again
    }
    ExportedTree manifest{live, space_.named().name, label, {}};
    HF_TRY(manifest.entries,
           describe_folder(
               files_, path_of(part), [&](const std::string& path, const FileStat& stat) { return known(path, stat); },
               [&](const Path& path) { tell(path); }));
    HF_OK(files_.replace_file(path_of(name + ".manifest"), encode_manifest(manifest)));
    HF_OK(give_name(part, name));
    ++report_.trees_written;
    newest_[label.paths] = name;
    return {};
  }

  Status give_name(const std::string& part, const std::string& name) {
    HF_OK(files_.rename(path_of(part), path_of(name)));
    return files_.sync_directory(path_of(std::string(parent_of(name))));
  }

  // What is neither file nor folder is made anew: nothing replaces it.
  Status remove_special(const std::string& part) {
    HF_TRY(const auto entries, describe_part(part));
    for (const ExportedEntry& entry : entries) {
      if (entry.type == 'f' || entry.type == 'd') continue;
      reached("export: a link of an interrupted run is made anew");
      HF_OK(files_.remove(join_path(path_of(part), entry.path)));
    }
    return {};
  }

  Result<std::vector<ExportedEntry>> describe_part(const std::string& part) {
    return describe_folder(
        files_, path_of(part), [](const auto&, const auto&) { return std::string("-"); }, [](const Path&) {});
  }

  // What an interrupted run was just writing under a name of its own.
  Result<bool> remove_leftovers(const std::string& part) {
    HF_TRY(const auto entries, describe_part(part));
    bool removed = false;
    for (const ExportedEntry& entry : entries) {
      if (entry.type != 'f' || asked_.contains(entry.path)) continue;
      reached("export: what an interrupted run left is removed");
      HF_OK(files_.remove(join_path(path_of(part), entry.path)));
      removed = true;
    }
    return removed;
  }

  // False: something of it could not be written.
  Result<bool> write(const std::string& name, const space::Root& root, ExportReport& report) {
    asked_.clear();
    RestoreOptions restore;
    restore.target = path_of(name);
    restore.overwrite = true;
    restore.set_owner = options_.set_owner;
    restore.restorer = options_.restorer;
    restore.progress = options_.progress;
    restore.stands = [&](const std::string& path, const space::TreeEntry& entry) { return stands(name, path, entry); };
    HF_TRY(auto done, run_restore(space_, root, restore));
    report.files += done.stats.files;
    report.bytes += done.stats.bytes;
    for (Problem& problem : done.problems) {
      problem.path = join_path(path_of(name), problem.path);
      report.add(std::move(problem));
    }
    report.problems_count += done.problems_count - std::min<std::uint64_t>(done.problems_count, done.problems.size());
    std::ranges::move(done.warnings, std::back_inserter(report.warnings));
    return done.problems_count == 0;
  }

  // Whether the file is there from an interrupted run, or is made a link to the tree before, which has the same.
  bool stands(const std::string& tree, const std::string& path, const space::TreeEntry& entry) {
    const std::string name = join_path(tree, path);
    asked_.insert(path);
    if (const auto there = links_->stat(name); there && *there) {
      const FileStat& stat = **there;
      const bool set_id = (entry.mode & 06000u) != 0;  // may have been left away
      if (stat.type != FileType::regular || stat.size != entry.file()->size || stat.mtime_ns != entry.mtime_ns ||
          (!set_id && stat.mode != entry.mode))
        return false;
      const auto file = links_->open_existing(name);
      const bool same = file && is_equal(**file, *entry.file());
      if (same) reached("export: a file of an interrupted run is whole");
      return same;
    }
    if (!base_ || !before_has(path, entry) || !is_whole(join_path(base_->name, path), *entry.file())) return false;
    const ExpectedFile expected{
        .type = FileType::regular, .owner = {}, .size = entry.file()->size, .mtime_ns = entry.mtime_ns};
    const bool linked = links_->make_hard_link(join_path(base_->name, path), name, false, expected).has_value();
    if (linked) ++report_.files_linked;
    return linked;
  }

  bool is_equal(File& file, const space::FileContent& content) {
    return content_on_disk(reader_, space_.root_keys(), file, content, false).value_or(Sameness::different) ==
           Sameness::equal;
  }

  // Disks rot: what another tree has is read before it is taken for this one, once.
  bool is_whole(const std::string& name, const space::FileContent& content) {
    const auto there = links_->stat(name);
    if (!there || !*there || (*there)->type != FileType::regular) return false;
    if (read_.contains((*there)->id())) return true;
    const auto file = links_->open_existing(name);
    if (!file || !is_equal(**file, content)) return false;
    read_.insert((*there)->id());
    return true;
  }

  bool before_has(const std::string& path, const space::TreeEntry& entry) {
    const std::string folder(parent_of(path));
    if (!base_folder_ || base_folder_->first != folder) {
      base_folder_.emplace(folder, std::vector<space::TreeEntry>());
      space::Root root = base_->root;
      if (!folder.empty()) {
        const auto found = space::find_path(reader_, root, folder);
        if (!found || found->directory() == nullptr) return false;
        root = found->directory()->root;
      }
      (void)space::read_folder(reader_, root, base_folder_->second);  // what is not known is written
    }
    const auto& entries = base_folder_->second;
    const auto found = std::ranges::lower_bound(entries, entry.name, {}, &space::TreeEntry::name);
    return found != entries.end() && *found == entry;
  }

  // Of a link to the tree before: its manifest has the hash.
  std::optional<std::string> known(const std::string& path, const FileStat& stat) {
    if (!base_ || stat.links < 2) return std::nullopt;
    const auto hash = base_->hashes.find(path);
    if (hash == base_->hashes.end()) return std::nullopt;
    const auto before = files_.stat(path_of(join_path(base_->name, path)));
    return before && before->id() == stat.id() ? std::optional(hash->second) : std::nullopt;
  }

  void tell(const Path& path) {
    if (!pace_.due()) return;
    counters_.current = path;
    options_.progress(counters_);
  }

  session::SpaceSession& space_;
  const ExportOptions& options_;
  ExportReport& report_;
  Files& files_;
  session::SpaceReader reader_;
  Pace pace_;
  Counters counters_;
  std::unique_ptr<TreeWriter> links_;
  std::set<FileId> read_;                                   // files of earlier trees, found whole
  std::set<std::string> asked_;                             // files of the tree that is being written
  std::map<std::vector<std::string>, std::string> newest_;  // of the same paths (none: live): its name
  std::optional<Base> base_;
  std::optional<std::pair<std::string, std::vector<space::TreeEntry>>> base_folder_;
};

}  // namespace

std::uint64_t live_tree_number(const std::string& name) {
  std::uint64_t out = 0;
  const auto read = std::from_chars(name.data(), name.data() + name.size(), out);
  return read.ec == std::errc() && out < number_max ? out : 0;
}

Status make_private_folder(Files& files, const Path& folder, std::uint32_t user) {
  HF_OK(files.make_directories(folder));
  HF_TRY(const FileStat stat, files.stat(folder));
  if (stat.type == FileType::directory && (stat.uid == user || stat.uid == 0) && (stat.mode & 022u) == 0) return {};
  return fail(Code::InvalidArgument,
              stat.type != FileType::directory ? "what stands there is no folder"
                                               : "others may change what is in the folder: an export wants one of "
                                                 "your own that nobody else may write to (chmod go-w)",
              printable(folder), "what stands there was not touched");
}

Result<Bytes> read_beside(Files& files, const Path& path) {
  HF_TRY(const FileStat stat, files.stat(path));
  if (stat.type != FileType::regular || stat.size > manifest_bytes_max)
    return fail(Code::Malformed, "this is no file that an export writes", printable(path));
  return files.read_file(path, manifest_bytes_max);
}

Status run_export(session::SpaceSession& space, const ExportOptions& options, ExportReport& report) {
  return Export(space, options, report).go();
}

}  // namespace holdfast::backup
