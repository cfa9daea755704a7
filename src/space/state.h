// What a commit says of its space: everything that a reader needs to start from (DECISIONS F4, D19).
#pragma once

#include "api/entry.h"
#include "space/segment.h"
#include "space/tree.h"

namespace holdfast::space {

struct SpaceState {
  Root live_root;       // the shared folder: sync, put, rm, mv
  Root snapshots_root;  // what backups keep
  std::vector<SegmentRef> index;
  std::vector<SegmentRef> superseded;  // merged away by a plain writer; a maintainer retires their objects
  std::uint64_t inline_floor = 0;      // inline chunks of commits below this seq are not referred to any more
  api::Position membership;            // the last commit before this one that made an epoch; zero in the genesis
  std::uint64_t checkpoint_seq = 0;    // the last checkpoint before this one
  HOLDFAST_WIRE(live_root, snapshots_root, index, superseded, inline_floor, membership, checkpoint_seq)
};

}  // namespace holdfast::space
