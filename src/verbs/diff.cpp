#include "backup/local_tree.h"
#include "space/tree_diff.h"
#include "verbs/tree_at.h"

namespace holdfast::verbs {

namespace {

Result<space::Root> folder_at(space::ChunkSource& reader, const space::Root& root, const std::string& path) {
  if (path.empty()) return root;
  HF_TRY(const auto entry, space::find_path(reader, root, path));
  if (entry.directory() == nullptr)
    return fail(Code::InvalidArgument, "folders are compared, and this is none", printable(path));
  return entry.directory()->root;
}

std::vector<std::string> changes(const space::TreeEntry& before, const space::TreeEntry& after) {
  std::vector<std::string> out;
  const auto note = [&](bool differs, const char* what) {
    if (differs) out.emplace_back(what);
  };
  const auto owner = [](const space::TreeEntry& entry) {
    return std::tie(entry.uid, entry.gid, entry.user, entry.group);
  };
  const bool folders = before.directory() != nullptr && after.directory() != nullptr;
  note(!folders && before.content != after.content, "content");
  note(before.mode != after.mode, "mode");
  note(owner(before) != owner(after), "owner");
  note(before.attributes != after.attributes, "attributes");
  note(before.mtime_ns != after.mtime_ns && !(folders && out.empty()), "time");
  return out;
}

std::string name_of_tree(const OpenTree& tree) {
  return tree.snapshot ? tree.snapshot->id.short_hex() : tree.space->named().name + ":";
}

holdfast::Status compare(space::ChunkSource& left, const space::Root& before, space::ChunkSource& right,
                         const space::Root& after, std::vector<Difference>& out) {
  return space::diff_trees(left, before, right, after, [&](const space::TreeDifference& found) -> Result<bool> {
    Difference one{found.path, {}, {}, {}};
    if (found.before != nullptr) one.before = *found.before;
    if (found.after != nullptr) one.after = *found.after;
    if (one.before && one.after) {
      one.changed = changes(*one.before, *one.after);
      if (one.changed.empty()) return true;
    }
    out.push_back(std::move(one));
    return true;
  });
}

}  // namespace

Result<Diff> diff(Session& session, const std::string& name, const TreePath& before, const TreePath& after) {
  HF_TRY(const auto left, open_tree(session, name, before));
  HF_TRY(const auto right, open_tree(session, name, after));
  if (left.space->id() != right.space->id())
    return fail(Code::InvalidArgument, "two spaces name equal content differently: trees of one space are compared",
                printable(left.space->named().name + " and " + right.space->named().name));
  Diff out;
  out.before = name_of_tree(left);
  out.after = name_of_tree(right);
  out.snapshot_before = left.snapshot;
  out.snapshot_after = right.snapshot;
  session::SpaceReader left_reader(*left.space), right_reader(*right.space);
  HF_TRY(const auto left_root, folder_at(left_reader, left.root, before.path));
  HF_TRY(const auto right_root, folder_at(right_reader, right.root, after.path));
  HF_OK(compare(left_reader, left_root, right_reader, right_root, out.differences));
  out.alarms = session.alarms;
  return out;
}

Result<Diff> diff_with_folder(Session& session, const std::string& name, const TreePath& before, const Path& folder,
                              const std::function<void(const backup::Counters&)>& progress) {
  HF_TRY(const auto tree, open_tree(session, name, before));
  Diff out;
  out.before = name_of_tree(tree);
  out.after = folder;
  out.snapshot_before = tree.snapshot;
  session::SpaceReader reader(*tree.space);
  HF_TRY(const auto root, folder_at(reader, tree.root, before.path));
  HF_TRY(auto local, backup::read_local_tree(*tree.space, folder, progress));
  HF_OK(compare(reader, root, *local, local->root, out.differences));
  out.left_out = std::move(local->problems);
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
