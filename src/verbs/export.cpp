#include "verbs/export.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace holdfast::verbs {

namespace {

constexpr std::string_view own_file = "holdfast export";  // no space can have this name
constexpr std::string_view manifest_ending = ".manifest";

struct FoundTree {
  backup::ExportedTree tree;
  Path folder;
};

class Import {
 public:
  Import(Session& session, const ImportOptions& options)
      : session_(session),
        options_(options),
        files_(session.doors.files),
        pace_(session.doors.clock, options.progress != nullptr) {}

  Result<ImportDone> go() {
    done_.folder = options_.folder;
    const auto marked = backup::read_beside(files_, join_path(options_.folder, own_file));
    if (!marked && marked.error().code == Code::NotFound)
      return fail(Code::NotFound, "no export is in this folder", printable(options_.folder));
    if (!marked) return pass_on(marked.error());
    HF_TRY(const auto spaces, names_in(options_.folder, FileType::directory));
    for (const std::string& space : spaces) HF_OK(find(space));
    if (trees_.empty() && done_.differences.empty())
      return fail(Code::NotFound, "this export holds no tree", printable(options_.folder));
    check_labels();
    for (const FoundTree& found : trees_) HF_OK(verify(found));
    if (!done_.differences.empty()) return std::move(done_);
    for (const std::string& space : spaces) HF_OK(take(space));
    done_.alarms = session_.alarms;
    return std::move(done_);
  }

 private:
  Result<std::vector<std::string>> names_in(const Path& folder, FileType type) {
    std::vector<std::string> out;
    const auto entries = files_.list(folder);
    if (!entries && entries.error().code == Code::NotFound) return out;
    if (!entries) return pass_on(entries.error());
    for (const DirectoryEntry& entry : *entries)
      if (entry.stat && entry.stat->type == type) out.push_back(entry.name);
    std::ranges::sort(out);
    return out;
  }

  // The trees of a space. What has no manifest is told: it is not whole.
  holdfast::Status find(const std::string& space) {
    for (const std::string_view kind : {"snapshots", "live"}) {
      const Path folder = join_path(join_path(options_.folder, space), kind);
      if (const auto stat = files_.stat(folder); stat && stat->type != FileType::directory) {
        done_.differences.push_back({folder, "kind"});  // a link would lead elsewhere
        continue;
      }
      HF_TRY(auto names, names_in(folder, FileType::directory));
      HF_TRY(const auto texts, names_in(folder, FileType::regular));
      for (const std::string& text : texts) {
        if (!text.ends_with(manifest_ending)) continue;
        const std::string tree = text.substr(0, text.size() - manifest_ending.size());
        if (!std::ranges::binary_search(names, tree)) done_.differences.push_back({join_path(folder, tree), "missing"});
      }
      if (kind == "live") keep_newest(names);
      for (const std::string& name : names) {
        const Path path = join_path(folder, name);
        const auto bytes = backup::read_beside(files_, path + std::string(manifest_ending));
        if (!bytes && bytes.error().code == Code::NotFound) {
          done_.differences.push_back({path, "unfinished"});
          continue;
        }
        if (!bytes) return pass_on(bytes.error());
        auto tree = backup::decode_manifest(*bytes);
        if (!tree || tree->space != space || tree->live != (kind == "live")) {
          done_.differences.push_back({path + std::string(manifest_ending), "manifest"});
          continue;
        }
        trees_.push_back({*std::move(tree), path});
      }
    }
    return {};
  }

  // A snapshot's id names one of its space, and its time is not to come.
  void check_labels() {
    const std::int64_t latest = session_.doors.clock.now_ns() + 24 * 3600 * second_ns;
    std::set<std::pair<std::string, space::SnapshotId>> ids;
    for (const FoundTree& found : trees_) {
      if (found.tree.live) continue;
      const space::Snapshot& label = found.tree.label;
      if (label.id.is_zero() || label.time_ns > latest || !ids.emplace(found.tree.space, label.id).second)
        done_.differences.push_back({found.folder + std::string(manifest_ending), "manifest"});
    }
  }

  static void keep_newest(std::vector<std::string>& numbers) {
    const auto newest = std::ranges::max_element(numbers, {}, backup::live_tree_number);
    if (newest != numbers.end()) numbers = {*newest};
  }

  holdfast::Status verify(const FoundTree& found) {
    HF_TRY(const auto disk,
           backup::describe_folder(files_, found.folder, nullptr, [&](const Path& path) { tell(path); }));
    backup::compare_entries(found.folder, found.tree.entries, disk, done_.differences);
    return {};
  }

  holdfast::Status take(const std::string& name) {
    done_.spaces.push_back(name);
    auto space = session::open_space(session_, name);
    if (!space && space.error().code == Code::NotFound) {
      space = session::create_space(session_, name);
      if (space) done_.spaces_made.push_back(name);
    }
    if (!space) return pass_on(space.error());
    std::vector<const FoundTree*> own;
    for (const FoundTree& found : trees_)
      if (found.tree.space == name) own.push_back(&found);
    std::ranges::stable_sort(own, {}, [](const FoundTree* found) {
      return std::tuple(found->tree.live, found->tree.label.time_ns);  // snapshots as they were made
    });
    HF_TRY(const auto listed, backup::list_snapshots(**space));
    for (const FoundTree* found : own) {
      const space::Snapshot& label = found->tree.label;
      const auto there = std::ranges::find(listed, label.id, &space::Snapshot::id);
      if (!found->tree.live && there != listed.end()) {
        const space::Snapshot& own_one = *there;
        if (std::tie(own_one.time_ns, own_one.host, own_one.paths) != std::tie(label.time_ns, label.host, label.paths))
          return fail(Code::AlreadyExists, "the space has another snapshot of this id", printable(found->folder));
        ++done_.snapshots_there;
        continue;
      }
      HF_OK(take_tree(**space, *found));
    }
    return {};
  }

  holdfast::Status take_tree(session::SpaceSession& space, const FoundTree& found) {
    backup::BackupOptions options;
    HF_TRY(const auto entries, files_.list(found.folder));
    for (const DirectoryEntry& entry : entries) options.paths.push_back(join_path(found.folder, entry.name));
    if (options.paths.empty()) return {};
    std::ranges::sort(options.paths, {}, &backup::PathToSave::path);
    options.label = found.tree.label;
    if (found.tree.live) options.into_live = "";
    options.never = {session_.shared.home};
    options.progress = options_.progress;
    HF_TRY(const auto report, backup::run_backup(space, options));
    for (const auto& problem : report.problems) done_.problems.add(problem);
    ++(found.tree.live ? done_.trees_taken : done_.snapshots_taken);
    return {};
  }

  void tell(const Path& path) {
    if (!pace_.due()) return;
    counters_.current = path;
    options_.progress(counters_);
  }

  Session& session_;
  const ImportOptions& options_;
  Files& files_;
  backup::Pace pace_;
  backup::Counters counters_;
  std::vector<FoundTree> trees_;
  ImportDone done_;
};

}  // namespace

Result<ExportDone> export_all(Session& session, backup::ExportOptions options) {
  Files& files = session.doors.files;
  const Path folder = options.folder;
  const std::string own = "holdfast export 1\naccount\t" + session.account().profile.account.hex() + "\n";
  HF_OK(backup::make_private_folder(files, folder, options.restorer ? options.restorer->first : 0));
  const Path marker = join_path(folder, own_file);
  const auto there = backup::read_beside(files, marker);
  if (!there && there.error().code != Code::NotFound) return pass_on(there.error());
  if (there && as_text(*there) != own)
    return fail(Code::AlreadyExists, "the folder holds the export of another account", printable(folder));
  if (!there) {
    HF_TRY(const auto entries, files.list(folder));
    if (!entries.empty())
      return fail(Code::NotEmpty, "the folder holds something that is no export of this account", printable(folder),
                  "nothing was written");
    HF_OK(files.replace_file(marker, as_bytes(own)));
  }
  ExportDone out;
  out.folder = folder;
  HF_TRY(const auto spaces, session::list_spaces(session));
  for (const session::ListedSpace& listed : spaces) {
    const std::string& name = listed.named.name;
    if (name == "." || name == "..") return fail(Code::Unsupported, "no folder can have the name of this space", name);
    out.spaces.push_back(name);
    HF_TRY(const auto space, session::open_space(session, name));
    options.folder = join_path(folder, name);
    HF_OK(backup::run_export(*space, options, out.report));
  }
  out.alarms = session.alarms;
  return out;
}

Result<ImportDone> import_all(Session& session, const ImportOptions& options) { return Import(session, options).go(); }

}  // namespace holdfast::verbs
