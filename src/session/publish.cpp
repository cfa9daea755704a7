#include "session/publish.h"

#include <algorithm>
#include <array>

#include "base/reached.h"
#include "space/packer.h"

namespace holdfast::session {

namespace {

constexpr std::uint64_t fold_bytes = 4 * 1024 * 1024;
constexpr std::uint64_t fold_commits = 1000;
constexpr int compression_level = 1;
constexpr std::uint64_t merge_bytes_max = 64 * 1024 * 1024;
constexpr std::size_t dropped_objects_max = 64;  // of a segment that goes; the commit retires packs, too (D21)

Result<space::SegmentRef> put_segment(SpaceSession& space, Upload& upload, const space::Segment& segment) {
  Session& session = space.session();
  space::SegmentRef ref;
  ref.account = session.account().profile.account;
  ref.circle_epoch = session.account().chain.circle.e;
  ref.records = segment.records.size();
  const auto put = [&](space::SealedPack object) {
    ref.objects.push_back({object.info.object, object.info.sha256});
    return upload.put_index(std::move(object));
  };
  HF_OK(space::seal_segment(
      segment, space.epoch_keys().index, space.id(), space.epoch_keys().epoch, session.doors.random,
      [&] { return upload.make_room(); }, put));
  ref.mac = segment_mac(session.account().circle.back(), space.id(), ref);
  HF_OK(keep_segment(session, space.id(), ref, segment));
  HF_OK(upload.settle());
  return ref;
}

// Which of the head's segments are this account's own, as positions in the index list.
std::vector<std::size_t> own_positions(const IndexCache& index) {
  std::vector<std::size_t> own;
  for (std::size_t i = 0; i < index.segments().size(); ++i)
    if (index.segments()[i].own) own.push_back(i);
  return own;
}

// A segment's bitmap of retired packs with more of them, and how many are in it and not.
struct Marked {
  Bytes bits;
  std::uint32_t gone = 0, left = 0;
};

Result<Marked> mark(const OpenSegment& segment, const PackSet& retiring) {
  Marked out{segment.ref.retired_packs, 0, 0};
  for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
    bool gone = space::is_retired(out.bits, i);
    if (!gone && !retiring.empty()) {
      HF_TRY(const auto pack, segment.view.pack(i));
      gone = retiring.contains(pack.object);
      if (gone) space::set_retired(out.bits, i);
    }
    ++(gone ? out.gone : out.left);
  }
  return out;
}

// What stands inline in the space now.
std::vector<space::InlineChunk> inlined_chunks(const SpaceSession& space) {
  std::vector<space::InlineChunk> out;
  for (const auto& [id, bytes] : space.inlined()) {
    const bool node = space::chunk_id(space.root_keys().chunk_id, space::ChunkKind::node, bytes) == id;
    out.push_back({node ? space::ChunkKind::node : space::ChunkKind::data, bytes});
  }
  return out;
}

}  // namespace

std::size_t merge_start(std::span<const std::uint64_t> sizes, std::uint64_t added) {
  for (std::size_t first = 0;; ++first) {
    const std::size_t from = first + space::merge_from(sizes.subspan(first), added);
    std::uint64_t bytes = 0;
    for (std::size_t i = from; i < sizes.size(); ++i) bytes += sizes[i] * space::record_bytes;
    if (bytes <= merge_bytes_max) return from;
  }
}

Result<NewIndex> make_index(SpaceSession& space, Upload& upload, const PackSet& retiring,
                            const space::Segment& returning) {
  HF_OK(space.follow_index());
  const auto& segments = space.index().segments();
  NewIndex out{{}, space.state().superseded, {}};
  const auto& lost_index = space.lost_index();
  const auto is_bad = [&](const OpenSegment& segment) {
    return segment.own && std::ranges::any_of(segment.ref.objects,
                                              [&](const auto& object) { return lost_index.bad.contains(object.id); });
  };
  const bool mends = std::ranges::any_of(segments, is_bad);
  if (upload.objects() == 0 && retiring.empty() && returning.packs.empty() && !mends) {
    out.index = space.state().index;
    return out;
  }
  std::vector<Marked> marked;
  for (const OpenSegment& segment : segments) {
    auto its = mark(segment, retiring);
    if (!its) {
      HF_TRY(const bool rebuilt, space.recheck_index());
      return rebuilt ? make_index(space, upload, retiring, returning) : pass_on(its.error());
    }
    marked.push_back(*std::move(its));
  }
  HF_TRY(space::Segment added, upload.arrived());
  if (!returning.packs.empty())
    added = space::merge_segments(std::array{returning, std::move(added)}, std::vector<Bytes>(2));

  std::vector<std::size_t> own;
  std::vector<std::uint64_t> sizes;
  for (const std::size_t at : own_positions(space.index())) {
    if (marked[at].left == 0) continue;
    own.push_back(at);
    sizes.push_back(segments[at].view.records());
  }
  std::size_t from = merge_start(sizes, added.records.size());
  for (std::size_t i = from; !retiring.empty() && i-- > merge_start(sizes, merge_bytes_max / space::record_bytes);)
    if (marked[own[i]].gone > marked[own[i]].left) from = i;

  std::vector<bool> leaves(segments.size());
  std::vector<std::optional<space::SegmentRef>> mended(segments.size());
  std::vector<space::Segment> parts;
  std::vector<Bytes> lost;  // which packs of them
  Upload::MadeSegment made;
  std::uint64_t bytes_mended = 0;
  for (std::size_t i = 0; i < own.size(); ++i) {
    if (i < from) {
      // What the server has no more of the index is made anew, some at a time.
      if (!is_bad(segments[own[i]]) || bytes_mended > merge_bytes_max) continue;
      bytes_mended += sizes[i] * space::record_bytes;
    }
    auto part = segments[own[i]].view.load();
    if (!part) {
      HF_TRY(const bool rebuilt, space.recheck_index());
      return rebuilt ? make_index(space, upload, retiring, returning) : pass_on(part.error());
    }
    leaves[own[i]] = true;
    if (i < from) {  // where it was: of two places of a chunk the later one counts
      reached("session: lost index segment made anew");
      const auto whole = space::merge_segments(std::array{*std::move(part)}, std::array{marked[own[i]].bits},
                                               std::array{segments[own[i]].lost_packs});
      if (whole.packs.empty()) continue;
      HF_TRY(mended[own[i]], put_segment(space, upload, whole));
      continue;
    }
    parts.push_back(*std::move(part));
    made.retired.push_back(marked[own[i]].bits);
    lost.push_back(segments[own[i]].lost_packs);
    const auto& objects = segments[own[i]].ref.objects;
    made.merged.insert(made.merged.end(), objects.begin(), objects.end());
  }
  if (!parts.empty()) {
    parts.push_back(std::move(added));
    auto retired = made.retired;
    retired.emplace_back();
    added = space::merge_segments(parts, retired, lost);
  }
  for (std::size_t at = 0; at < segments.size(); ++at) {
    const space::SegmentRef& ref = segments[at].ref;
    if (!leaves[at] && (marked[at].left > 0 || ref.objects.size() > dropped_objects_max)) {
      out.index.push_back(ref);
      out.index.back().retired_packs = marked[at].bits;
    } else if (space.may_maintain()) {
      for (const auto& object : ref.objects)
        if (!lost_index.unknown.contains(object.id)) out.retire.push_back(object.id);
    } else {
      out.superseded.push_back(ref);
    }
    if (mended[at]) out.index.push_back(*std::move(mended[at]));
  }
  if (added.packs.empty()) return out;
  // After a lost race the same segment serves again, unless what it was merged from has changed.
  made.packs = upload.objects();
  for (const space::PackInfo& pack : returning.packs) made.returning.push_back(pack.object);
  const auto same = [&](const Upload::MadeSegment& before) {
    return before.merged == made.merged && before.retired == made.retired && before.packs == made.packs &&
           before.returning == made.returning;
  };
  if (!upload.segment || !same(*upload.segment)) {
    HF_TRY(made.ref, put_segment(space, upload, added));
    upload.segment = std::move(made);
  }
  out.index.push_back(upload.segment->ref);
  return out;
}

Status put_chunks(SpaceSession& space, Upload& upload, const std::vector<space::InlineChunk>& chunks) {
  for (const auto kind : {space::ChunkKind::data, space::ChunkKind::node}) {
    space::Packer packer(kind == space::ChunkKind::data ? space::PackKind::data : space::PackKind::nodes, "live");
    std::vector<space::ReadyPack> ready;
    for (const space::InlineChunk& chunk : chunks) {
      const ChunkId id = space::chunk_id(space.root_keys().chunk_id, chunk.kind, chunk.bytes);
      if (chunk.kind != kind || upload.has(id)) continue;
      auto block = space::compress_block(chunk.bytes, {{id, 0, {0}, {static_cast<std::uint32_t>(chunk.bytes.size())}}},
                                         compression_level);
      if (auto full = packer.add(std::move(block))) ready.push_back(std::move(*full));
    }
    for (auto& last : packer.finish()) ready.push_back(std::move(last));
    for (auto& pack : ready) {
      HF_TRY(auto sealed, std::move(pack.builder)
                              .finish(space.epoch_keys().pack, space.id(), space.epoch_keys().epoch, pack.size,
                                      space.session().doors.random));
      HF_OK(upload.put(std::move(sealed)));
    }
  }
  return upload.settle();
}

Status carry(SpaceSession& space, std::vector<space::InlineChunk> chunks, std::unique_ptr<Upload>& upload,
             const std::function<Status()>& begin_upload, Draft& draft, const space::Segment& returning) {
  std::size_t bytes = 0;
  for (const space::InlineChunk& chunk : chunks) bytes += chunk.bytes.size();
  const bool fold = space.inlined_bytes() + bytes > fold_bytes || space.inlined_commits() + 1 > fold_commits;
  if (fold) {
    reached("session: inline changes folded into packs");
    const auto old = inlined_chunks(space);
    chunks.insert(chunks.end(), old.begin(), old.end());
    draft.state.inline_floor = space.head().seq + 1;
  }
  if (fold || bytes > space::inline_bytes_max) {
    if (!upload) HF_OK(begin_upload());
    HF_OK(put_chunks(space, *upload, chunks));
  } else {
    draft.inlined = std::move(chunks);
  }
  if (!upload && !returning.packs.empty()) HF_OK(begin_upload());
  if (!upload) return {};
  HF_TRY(auto index, make_index(space, *upload, {}, returning));
  draft.state.index = std::move(index.index);
  draft.state.superseded = std::move(index.superseded);
  draft.retire = std::move(index.retire);
  draft.publish = {upload->id()};
  return {};
}

}  // namespace holdfast::session
