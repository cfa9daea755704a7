#include "verbs/tree_at.h"

#include <algorithm>

namespace holdfast::verbs {

Result<OpenTree> open_tree(Session& session, const std::string& snapshots_of, const TreePath& at) {
  OpenTree out;
  if (at.may_be_space && at.tree != backup::latest_snapshot) {
    HF_TRY(auto listed, session::list_spaces(session));
    const auto found =
        std::ranges::find_if(listed, [&](const session::ListedSpace& one) { return one.named.name == at.tree; });
    if (found != listed.end()) {
      HF_TRY(out.space, session::SpaceSession::open(session, std::move(*found)));
      HF_OK(out.space->follow_index());
      out.root = out.space->state().live_root;
      return out;
    }
  }
  HF_TRY(out.space, session::open_space(session, snapshots_of));
  HF_TRY(const auto snapshots, backup::list_snapshots(*out.space));
  HF_TRY(out.snapshot, backup::find_snapshot(snapshots, at.tree));
  out.root = out.snapshot->root;
  return out;
}

}  // namespace holdfast::verbs
