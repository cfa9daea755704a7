// From packs that have arrived to an index that names them (DECISIONS F1 B3, F4).
#pragma once

#include "session/upload.h"

namespace holdfast::session {

// The index list for the commit that publishes `upload`: the space's segments at its head and one of the upload's own
// packs, merged with this account's smaller ones where the sizes ask for it. The new index objects are put into the
// upload and have arrived. `retire` are the objects of segments merged away, when this account may retire; else they
// are in `superseded`.
struct NewIndex {
  std::vector<space::SegmentRef> index, superseded;
  std::vector<ObjectId> retire;
};
Result<NewIndex> make_index(SpaceSession& space, Upload& upload);

// Chunks that would travel inline, put as packs instead. Those that the upload has already are left out.
Status put_chunks(SpaceSession& space, Upload& upload, const std::vector<space::InlineChunk>& chunks);
// What stands inline in the space now.
[[nodiscard]] std::vector<space::InlineChunk> inlined_chunks(const SpaceSession& space);
// Whether a commit with so many bytes more must fold what is inline into packs (F2).
[[nodiscard]] bool fold_is_due(const SpaceSession& space, std::uint64_t more_bytes);

}  // namespace holdfast::session
