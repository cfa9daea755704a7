#include "session/reader.h"
#include "space/tree_diff.h"
#include "verbs/verbs.h"

namespace holdfast::verbs {

namespace {

Result<space::Root> folder_at(session::SpaceReader& reader, const space::Root& root, const std::string& path) {
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

}  // namespace

Result<Diff> diff(Session& session, const std::string& name, const SnapshotPath& before, const SnapshotPath& after) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(const auto snapshots, backup::list_snapshots(*space));
  Diff out;
  HF_TRY(out.before, backup::find_snapshot(snapshots, before.snapshot));
  HF_TRY(out.after, backup::find_snapshot(snapshots, after.snapshot));
  session::SpaceReader reader(*space);
  HF_OK(space->follow_index());
  HF_TRY(const auto left, folder_at(reader, out.before.root, before.path));
  HF_TRY(const auto right, folder_at(reader, out.after.root, after.path));
  HF_OK(space::diff_trees(reader, left, reader, right, [&](const space::TreeDifference& found) -> Result<bool> {
    Difference one{found.path, {}, {}, {}};
    if (found.before != nullptr) one.before = *found.before;
    if (found.after != nullptr) one.after = *found.after;
    if (one.before && one.after) {
      one.changed = changes(*one.before, *one.after);
      if (one.changed.empty()) return true;
    }
    out.differences.push_back(std::move(one));
    return true;
  }));
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
