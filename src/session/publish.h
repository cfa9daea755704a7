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
// retiring: packs that the same commit takes out of the index, whoever's they are (F1, D5). They stay in their segments
// with a mark, until those are merged; a segment without any other pack goes, and of one's own those go that have more
// marked packs than others, as far as a merge may be.
// returning: packs of this account's own that a prune took out, and that stand in the index again (past.h).
Result<NewIndex> make_index(SpaceSession& space, Upload& upload, const PackSet& retiring = {},
                            const space::Segment& returning = {});
// Of this account's segments with so many records each, oldest first: from which on they are merged with `added` new
// records; sizes.size(): none is. Where that would be more than 64 MiB, the oldest stay for themselves.
[[nodiscard]] std::size_t merge_start(std::span<const std::uint64_t> sizes, std::uint64_t added);

// Chunks that would travel inline, put as packs instead. Those that the upload has already are left out.
Status put_chunks(SpaceSession& space, Upload& upload, const std::vector<space::InlineChunk>& chunks);

// How a commit takes along `chunks`: inline, or, when they are too many for that or it is time to fold what stands
// inline (F2), as packs; and the index of everything in `upload`. begin_upload sets `upload`; called when one is needed
// and there is none.
Status carry(SpaceSession& space, std::vector<space::InlineChunk> chunks, std::unique_ptr<Upload>& upload,
             const std::function<Status()>& begin_upload, Draft& draft, const space::Segment& returning = {});

}  // namespace holdfast::session
