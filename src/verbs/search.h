// Looking through a whole tree: for names, and at what it is made of.
#pragma once

#include "verbs/verbs.h"

namespace holdfast::verbs {

// Entries below `at` whose name matches `pattern`, written as in gitignore(5): with a '/' inside it is matched against
// the path below `at`, with one at the end only folders match.
[[nodiscard]] Result<Listing> find(Session& session, const std::string& space, const TreePath& at,
                                   const std::string& pattern);

struct TreeStats {
  std::optional<space::Snapshot> snapshot;  // nullopt: of a live tree
  std::uint64_t files = 0, directories = 0, others = 0, bytes = 0;
  std::uint64_t chunks = 0, bytes_once = 0;  // of content, each counted once
  std::uint64_t nodes = 0;                   // of the tree itself
  std::uint64_t largest = 0;                 // of the files
  std::optional<std::int64_t> newest_mtime_ns;
  session::Alarms alarms;
};
[[nodiscard]] Result<TreeStats> tree_stats(Session& session, const std::string& space, const TreePath& at);

}  // namespace holdfast::verbs
