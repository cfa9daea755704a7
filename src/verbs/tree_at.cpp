#include "verbs/tree_at.h"

#include <algorithm>

namespace holdfast::verbs {

namespace {

std::unexpected<Error> neither(const std::string& name) {
  if (name == backup::latest_snapshot) return fail(Code::NotFound, About::snapshot, "there are no snapshots yet", name);
  return fail(Code::NotFound, About::snapshot, "there is neither a space of this name nor a snapshot of this id",
              printable(name));
}

}  // namespace

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
  auto space = session::open_space(session, snapshots_of);
  if (!space)
    return at.may_be_space && space.error().code == Code::NotFound ? neither(at.tree) : pass_on(space.error());
  out.space = *std::move(space);
  HF_TRY(const auto snapshots, backup::list_snapshots(*out.space));
  auto snapshot = backup::find_snapshot(snapshots, at.tree);
  if (!snapshot)
    return at.may_be_space && (snapshot.error().about == About::snapshot || at.tree.size() < backup::id_characters_min)
               ? neither(at.tree)
               : pass_on(snapshot.error());
  out.snapshot = *std::move(snapshot);
  out.root = out.snapshot->root;
  return out;
}

}  // namespace holdfast::verbs
