// What differs between two trees, without reading what both have: node ids are keyed hashes of the content, so equal
// nodes, wherever they stand, are equal entries (DECISIONS F4).
#pragma once

#include "space/tree.h"

namespace holdfast::space {

struct TreeDifference {
  std::string path;  // below both roots
  const TreeEntry* before = nullptr;
  const TreeEntry* after = nullptr;  // null: not there. Of a folder only itself is meant, not what it holds
};

// A folder comes before what is in it; what only one side has is told entry by entry. visit returns false to stop.
// Trees of two spaces have no node in common: whoever compares those finds every file different, and looks into them.
Status diff_trees(ChunkSource& before_source, const Root& before, ChunkSource& after_source, const Root& after,
                  const std::function<Result<bool>(const TreeDifference&)>& visit);

}  // namespace holdfast::space
