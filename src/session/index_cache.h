// A space's index on this device: each segment as one immutable mapped file, fetched when it is missing (DECISIONS F4,
// M3).
#pragma once

#include <unordered_set>

#include "session/session.h"
#include "space/segment.h"
#include "space/state.h"

namespace holdfast::session {

using PackSet = std::unordered_set<ObjectId, FixedBytesHash>;

struct OpenSegment {
  space::SegmentRef ref;
  bool own = false;  // its mac is this account's: what it holds counts as known (D1)
  std::shared_ptr<const Mapping> mapping;
  space::SegmentView view;
  Bytes lost_packs{};  // a bitmap as SegmentRef::retired_packs
};

struct FoundChunk {
  const OpenSegment* segment = nullptr;
  space::Record record;
};

// What these segments, one's own or the others, say of the chunk, until `visit` has enough and is true. Records of
// retired packs are left out: they must not be referred to again. The segments are searched side by side: one after the
// other, each would wait for memory by itself (docs/PERFORMANCE.md).
void search(const std::vector<OpenSegment>& segments, bool own, const ChunkId& id,
            const std::function<bool(const OpenSegment&, const space::Record&)>& visit);

class IndexCache {
 public:
  // Opens, or fetches, opens and keeps, every segment of `state`; those that are open already stay. Files of segments
  // that no state names any more are removed. Tampered: object and segment are named; Missing. After an error what was
  // open stays open.
  Status follow(Session& session, const SpaceId& space, const space::SpaceState& state, const crypto::Ed25519Key& read,
                const space::IndexKeys& index_key_of);

  // Compares every open file with its hash; what is damaged is removed, fetched again and opened. True: something was,
  // and what find() and segments() gave before is gone.
  Result<bool> recheck(Session& session, const SpaceId& space, const space::SpaceState& state,
                       const crypto::Ed25519Key& read, const space::IndexKeys& index_key_of);

  // Packs that the server has no more: what only they hold is not known, and so is sent again.
  void lose(PackSet packs);
  [[nodiscard]] bool known(const ChunkId& id) const;  // in own segments
  // Every place where the chunk is said to stand, own segments first (A5).
  [[nodiscard]] std::vector<FoundChunk> find(const ChunkId& id) const;
  [[nodiscard]] const std::vector<OpenSegment>& segments() const { return segments_; }

 private:
  void mark_lost(OpenSegment& segment) const;

  std::vector<OpenSegment> segments_;
  PackSet lost_;
};

// Writes the local file of a segment that was just made, so that it is never fetched.
Status keep_segment(Session& session, const SpaceId& space, const space::SegmentRef& ref,
                    const space::Segment& segment);

// The account's mac over a segment's objects (D5), under the circle that `ref` names.
[[nodiscard]] Hash segment_mac(const identity::CircleSecret& circle, const SpaceId& space,
                               const space::SegmentRef& ref);

}  // namespace holdfast::session
