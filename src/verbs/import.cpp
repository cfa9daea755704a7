#include <algorithm>
#include <set>
#include <tuple>

#include "backup/export_contents.h"
#include "backup/local_tree.h"
#include "crypto/hash.h"
#include "space/tree_diff.h"
#include "verbs/export.h"

namespace holdfast::verbs {

namespace {

struct FoundTree {
  backup::ExportedTree tree;
  Path folder;
  Hash mark = {};  // before it was compared
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
    HF_TRY(const auto spaces, backup::names_in(files_, options_.folder, FileType::directory));
    for (const std::string& space : spaces) HF_OK(find(space));
    if (trees_.empty() && done_.differences.empty())
      return fail(Code::NotFound, "this export holds no tree", printable(options_.folder));
    check_labels();
    HF_OK(check_contents());
    for (FoundTree& found : trees_) HF_OK(verify(found));
    if (!done_.differences.empty()) return std::move(done_);
    for (const std::string& space : spaces) HF_OK(check_ids(space));
    for (const std::string& space : spaces) HF_OK(take(space));
    done_.alarms = session_.alarms;
    return std::move(done_);
  }

 private:
  // The trees of a space. What has no manifest is told: it is not whole.
  holdfast::Status find(const std::string& space) {
    for (const std::string_view kind : backup::tree_kinds) {
      const std::string below = join_path(space, kind);
      const Path folder = join_path(options_.folder, below);
      if (const auto stat = files_.stat(folder); stat && stat->type != FileType::directory) {
        done_.differences.push_back({folder, "kind"});  // a link would lead elsewhere
        continue;
      }
      HF_TRY(auto names, backup::names_in(files_, folder, FileType::directory));
      backup::ExportContents manifests;
      HF_OK(backup::add_contents(files_, options_.folder, below, manifests));
      for (const auto& [tree, hash] : manifests)
        if (!std::ranges::binary_search(names, std::string(last_component(tree))))
          done_.differences.push_back({join_path(options_.folder, tree), "missing"});
      manifests_.merge(manifests);
      if (kind == "live") keep_newest(names);
      for (const std::string& name : names) {
        const Path path = join_path(folder, name);
        const auto bytes = backup::read_beside(files_, path + std::string(backup::manifest_ending));
        if (!bytes && bytes.error().code == Code::NotFound) {
          done_.differences.push_back({path, "unfinished"});
          continue;
        }
        if (!bytes) return pass_on(bytes.error());
        auto tree = backup::decode_manifest(*bytes);
        if (!tree || tree->space != space || tree->live != (kind == "live")) {
          done_.differences.push_back({path + std::string(backup::manifest_ending), "manifest"});
          continue;
        }
        trees_.push_back({*std::move(tree), path, {}});
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
        done_.differences.push_back({found.folder + std::string(backup::manifest_ending), "manifest"});
    }
  }

  // A tree that is gone together with its manifest, and one that the export does not know of.
  holdfast::Status check_contents() {
    const Path list = join_path(options_.folder, backup::contents_file);
    const auto bytes = backup::read_beside(files_, list);
    if (!bytes && bytes.error().code == Code::NotFound) {
      done_.differences.push_back({list, "missing"});  // the export did not end
      return {};
    }
    if (!bytes) return pass_on(bytes.error());
    const auto contents = backup::decode_contents(*bytes);
    if (!contents) {
      done_.differences.push_back({list, "content"});
      return {};
    }
    const auto tell_once = [&](const std::string& tree, const char* what) {
      const Path path = join_path(options_.folder, tree);
      const bool told = std::ranges::any_of(done_.differences, [&](const auto& one) {
        return one.path == path + std::string(backup::manifest_ending) || (path + "/").starts_with(one.path + "/");
      });
      if (!told) done_.differences.push_back({path, what});
    };
    for (const auto& [tree, hash] : *contents) {
      const auto there = manifests_.find(tree);
      if (there == manifests_.end()) tell_once(tree, "missing");
      if (there != manifests_.end() && there->second != hash) tell_once(tree, "manifest");
    }
    for (const auto& [tree, hash] : manifests_)
      if (!contents->contains(tree)) tell_once(tree, "unfinished");
    return {};
  }

  static void keep_newest(std::vector<std::string>& numbers) {
    const auto newest = std::ranges::max_element(numbers, {}, backup::live_tree_number);
    if (newest != numbers.end()) numbers = {*newest};
  }

  holdfast::Status verify(FoundTree& found) {
    HF_TRY(found.mark, backup::mark_of_folder(files_, found.folder));
    HF_TRY(const auto disk,
           backup::describe_folder(files_, found.folder, nullptr, [&](const Path& path) { tell(path); }));
    backup::compare_entries(found.folder, found.tree.entries, disk, done_.differences);
    return {};
  }

  // The snapshot of this id, if the space has one already. AlreadyExists: it is another one.
  static Result<std::optional<space::Snapshot>> same_in(const std::vector<space::Snapshot>& listed,
                                                        const FoundTree& found) {
    const space::Snapshot& label = found.tree.label;
    const auto there = std::ranges::find(listed, label.id, &space::Snapshot::id);
    if (found.tree.live || there == listed.end()) return std::nullopt;
    const space::Snapshot& own = *there;
    if (std::tie(own.time_ns, own.host, own.paths) == std::tie(label.time_ns, label.host, label.paths)) return own;
    return fail(Code::AlreadyExists, "the space has another snapshot of this id", printable(found.folder));
  }

  // Of a file that is in other pieces, perhaps for its holes, the manifest's hash decides.
  static Result<bool> same_bytes(session::SpaceSession& space, const space::Root& root, const space::TreeEntry& own,
                                 const space::TreeEntry& local, const std::string& path, const FoundTree& found) {
    if (own.file() == nullptr || local.file() == nullptr || own.file()->size != local.file()->size) return false;
    const auto told = std::ranges::find(found.tree.entries, path, &backup::ExportedEntry::path);
    if (told == found.tree.entries.end()) return false;
    crypto::Sha256 hash;
    HF_OK(backup::cat_file(space, root, path, [&](ByteView bytes) -> holdfast::Status {
      hash.update(bytes);
      return {};
    }));
    return hash.finish().hex() == told->sha256;
  }

  // Whether the snapshot has the names and the content that stand in the folder, whose files are read for it. Owners
  // and attributes may be left out by an export, and times of folders by whoever may not set them.
  holdfast::Status compare(session::SpaceSession& space, const space::Snapshot& own, const FoundTree& found) {
    HF_TRY(const auto local, backup::read_local_tree(space, found.folder, options_.progress, backup::Ignores::none));
    session::SpaceReader reader(space);
    return space::diff_trees(
        reader, own.root, *local, local->root, [&](const space::TreeDifference& one) -> Result<bool> {
          const bool both = one.before != nullptr && one.after != nullptr;
          if (both && one.before->directory() != nullptr && one.after->directory() != nullptr) return true;
          if (both && one.before->content == one.after->content) return true;
          if (both) {
            HF_TRY(const bool equal, same_bytes(space, own.root, *one.before, *one.after, one.path, found));
            if (equal) return true;
          }
          return fail(Code::AlreadyExists, "the space has this snapshot with another content",
                      printable(join_path(found.folder, one.path)));
        });
  }

  // Before anything is written.
  holdfast::Status check_ids(const std::string& name) {
    const auto space = session::open_space(session_, name);
    if (!space && space.error().code == Code::NotFound) return {};
    if (!space) return pass_on(space.error());
    HF_TRY(const auto listed, backup::list_snapshots(**space));
    for (const FoundTree& found : trees_) {
      if (found.tree.space != name) continue;
      const auto check = [&]() -> holdfast::Status {
        HF_TRY(const auto own, same_in(listed, found));
        return own ? compare(**space, *own, found) : holdfast::Status();
      };
      if (auto checked = check(); !checked) {
        checked.error().whole = "nothing was imported; all that the account holds stands";
        return checked;
      }
    }
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
      HF_TRY(const auto there, same_in(listed, *found));
      if (there) {
        ++done_.snapshots_there;
      } else {
        HF_OK(take_tree(**space, *found));
      }
    }
    return {};
  }

  holdfast::Status take_tree(session::SpaceSession& space, const FoundTree& found) {
    backup::BackupOptions options;
    HF_TRY(const auto entries, files_.list(found.folder));
    for (const DirectoryEntry& entry : entries) options.paths.push_back(join_path(found.folder, entry.name));
    if (options.paths.empty()) {
      if (!found.tree.live)
        done_.problems.add({found.folder, {Code::Unsupported, "a snapshot without entries is not taken", {}, {}}});
      return {};
    }
    std::ranges::sort(options.paths, {}, &backup::PathToSave::path);
    options.label = found.tree.label;
    options.ignore_files = false;
    if (found.tree.live) options.into_live = "";
    options.never = {session_.shared.home};
    options.progress = options_.progress;
    options.before_commit = [&] { return still_the_same(found); };
    HF_TRY(const auto report, backup::run_backup(space, options));
    for (const auto& problem : report.problems) done_.problems.add(problem);
    ++(found.tree.live ? done_.trees_taken : done_.snapshots_taken);
    return {};
  }

  // What was saved is what was compared: nothing was changed since before that.
  holdfast::Status still_the_same(const FoundTree& found) {
    HF_TRY(const Hash mark, backup::mark_of_folder(files_, found.folder));
    if (mark == found.mark) return {};
    return fail(Code::Changed, "the export was changed while it was imported", printable(found.folder),
                "all that the account holds; nothing was taken of this tree");
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
  backup::ExportContents manifests_;  // that are there
  ImportDone done_;
};

}  // namespace

Result<ImportDone> import_all(Session& session, const ImportOptions& options) { return Import(session, options).go(); }

}  // namespace holdfast::verbs
