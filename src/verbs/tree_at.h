// Which tree a command means: a snapshot's, or what stands in a space now. Internal to verbs.
#pragma once

#include "verbs/verbs.h"

namespace holdfast::verbs {

struct OpenTree {
  std::unique_ptr<session::SpaceSession> space;
  space::Root root;
  std::optional<space::Snapshot> snapshot;  // nullopt: the live tree
};
// snapshots_of: the space whose snapshots `at` may name.
[[nodiscard]] Result<OpenTree> open_tree(Session& session, const std::string& snapshots_of, const TreePath& at);

}  // namespace holdfast::verbs
