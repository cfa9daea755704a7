// What trees refer to, each node read once however many trees have it: for prune, where most of a snapshot is what the
// one before had.
#pragma once

#include "space/chunk_set.h"
#include "space/tree.h"

namespace holdfast::space {

// Every node below `root`, itself too, that `seen` has not, and every data chunk that those name; the nodes that could
// be read are in `seen` afterwards. A root of any kind: a directory, a manifest, a list of snapshots with all that they
// hold. After an error `seen` is of no use. Missing, Tampered, Malformed: a node can't be read; `lost`, where it is
// given, says whether that is an error, or whether it is passed over with all that only it leads to.
[[nodiscard]] Status mark_tree(ChunkSource& source, const Root& root, ChunkSet& seen,
                               const std::function<Status(ChunkKind kind, const ChunkId& id)>& visit,
                               const std::function<Status(const Error& error)>& lost = {});

}  // namespace holdfast::space
