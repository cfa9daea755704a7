#include "session/past.h"

#include <algorithm>
#include <set>

#include "base/reached.h"
#include "session/log_reader.h"

namespace holdfast::session {

Result<std::unique_ptr<Past>> Past::read(SpaceSession& space) {
  std::unique_ptr<Past> past(new Past(space));
  HF_OK(space.follow_index());
  HF_OK(space.look_for_trouble());  // what is lost does not stand now
  HF_OK(past->read_log());
  HF_OK(past->open_index());
  HF_OK(past->ask_for_packs());
  return past;
}

// A pack leaves the index by a prune only, and stands in the index right before it.
Status Past::read_log() {
  std::set<Hash> known;  // of segments, by the first object
  std::vector<space::SegmentRef> before;
  return CommitReader(space_).read_on([&](const space::CommitBody& commit) -> Status {
    if (commit.kind == space::CommitKind::prune) {
      prunes_.push_back({commit.seq, commit.time_ns});
      for (space::SegmentRef& ref : before)
        if (!ref.objects.empty() && known.insert(ref.objects.front().sha256).second) refs_.push_back(std::move(ref));
    }
    if (roots_.empty() || roots_.back().root != commit.state.snapshots_root)
      roots_.push_back({commit.seq, commit.time_ns, commit.state.snapshots_root});
    before = commit.state.index;
    return {};
  });
}

Status Past::open_index() {
  std::vector<ObjectId> ids;
  for (const space::SegmentRef& ref : refs_)
    for (const space::SegmentObject& object : ref.objects) ids.push_back(object.id);
  PackSet gone;
  HF_OK(space_.stat(ids, [&](std::size_t i, const api::ObjectStatus& object) {
    if (!object.can_be_read()) gone.insert(ids[i]);
  }));
  std::erase_if(refs_, [&](const space::SegmentRef& ref) {
    return std::ranges::any_of(ref.objects, [&](const auto& object) { return gone.contains(object.id); });
  });
  return space_.open_past_index(refs_, index_);
}

Status Past::ask_for_packs() {
  std::vector<ObjectId> packs;
  std::vector<Hash> hashes;
  PackSet named;
  for (const OpenSegment& segment : index_.segments()) {
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      if (space::is_retired(segment.ref.retired_packs, i)) continue;
      HF_TRY(const auto pack, segment.view.pack(i));
      if (!named.insert(pack.object).second) continue;
      packs.push_back(pack.object);
      hashes.push_back(pack.sha256);
    }
  }
  HF_TRY(PackSet lost, space_.damaged());
  HF_OK(space_.stat(packs, [&](std::size_t i, const api::ObjectStatus& object) {
    if (!object.can_be_read() || object.sha256 != hashes[i]) lost.insert(packs[i]);
    if (object.state == api::ObjectState::retired) retired_.insert(packs[i]);
  }));
  index_.lose(std::move(lost));
  return {};
}

Result<Bytes> Past::chunk(space::ChunkKind kind, const ChunkId& id) {
  if (space_.inlined().contains(id) || !space_.index().find(id).empty()) {
    auto bytes = now_.chunk(kind, id);
    if (bytes || !kept_pack(id)) return bytes;
  }
  return before_.chunk(kind, id);
}

void Past::prefetch(std::span<const ChunkId> ids) {
  std::vector<ChunkId> now, before;
  for (const ChunkId& id : ids) (stands_now(id) ? now : before).push_back(id);
  now_.prefetch(now);
  before_.prefetch(before);
}

bool Past::stands_now(const ChunkId& id) const {
  return space_.inlined().contains(id) || std::ranges::any_of(space_.index().find(id), [](const FoundChunk& place) {
           return !space::is_retired(place.segment->lost_packs, place.record.pack);
         });
}

std::optional<ObjectId> Past::kept_pack(const ChunkId& id) const {
  for (const FoundChunk& place : index_.find(id)) {
    if (!place.segment->own || space::is_retired(place.segment->lost_packs, place.record.pack)) continue;
    if (const auto pack = place.segment->view.pack(place.record.pack)) return pack->object;
  }
  return std::nullopt;
}

Result<Past::Returning> Past::returning(const PackSet& packs) const {
  Returning out;
  std::unordered_map<ObjectId, std::uint32_t, FixedBytesHash> ordinals;
  for (const OpenSegment& segment : index_.segments()) {
    if (!segment.own) continue;
    std::vector<std::optional<std::uint32_t>> returns(segment.view.packs());
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      HF_TRY(auto pack, segment.view.pack(i));
      if (!packs.contains(pack.object)) continue;
      const auto [ordinal, is_new] =
          ordinals.try_emplace(pack.object, static_cast<std::uint32_t>(out.segment.packs.size()));
      returns[i] = ordinal->second;
      if (!is_new) continue;
      out.bytes += pack.block_offset(pack.blocks.size());
      if (retired_.contains(pack.object)) out.retired.push_back(pack.object);
      out.segment.packs.push_back(std::move(pack));
    }
    if (std::ranges::none_of(returns, [](const auto& ordinal) { return ordinal.has_value(); })) continue;
    for (std::uint64_t at = 0; at < segment.view.records(); ++at) {
      space::Record record = segment.view.record(at);
      if (record.pack >= returns.size()) return fail(Code::Malformed, "a local index segment is damaged");
      if (!returns[record.pack]) continue;
      ChunkId id;
      std::ranges::copy(record.id, id.bytes.begin());
      if (stands_now(id)) continue;  // perhaps newer, because this place was once bad
      record.pack = *returns[record.pack];
      out.segment.records.push_back(record);
    }
  }
  std::ranges::stable_sort(out.segment.records, {}, &space::Record::id);
  const auto twice = std::ranges::unique(out.segment.records, {}, &space::Record::id);
  out.segment.records.erase(twice.begin(), twice.end());
  return out;
}

}  // namespace holdfast::session
