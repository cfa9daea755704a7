#include "backup/prune_mark.h"

#include <algorithm>
#include <ranges>

#include "base/reached.h"
#include "space/tree_mark.h"

namespace holdfast::backup {

namespace {

ChunkId id_of(const std::array<std::uint8_t, 16>& first) {
  ChunkId out;
  std::ranges::copy(first, out.bytes.begin());
  return out;
}

bool same_owner(const session::OpenSegment& a, const session::OpenSegment& b) {
  return a.own == b.own && (a.own || a.ref.account == b.ref.account);
}

}  // namespace

Status Marks::take_in(const std::function<void()>& progress) {
  HF_OK(space_.follow_index());
  if (first_) {
    segments_ = space_.index().segments();
    std::ranges::stable_partition(segments_, [](const auto& segment) { return segment.own; });
    for (const auto& segment : segments_) marked_.emplace_back(segment.view.records());
  }
  const space::SpaceState& state = space_.state();
  session::SpaceReader reader(space_);
  const auto visit = [&](space::ChunkKind kind, const ChunkId& id) -> Status {
    if (kind == space::ChunkKind::node) progress();
    return first_ ? mark(id) : mark_later(id);
  };
  for (const space::Root& root : {state.snapshots_root, state.live_root})
    HF_OK(space::mark_tree(reader, root, nodes_, visit));
  std::vector<Version> versions;
  HF_OK(log_.read_on([&](const space::CommitBody& commit) -> Status {
    if (versions.empty() || commit.state.live_root != versions.back().root)
      versions.push_back({commit.seq, commit.state.live_root});
    return {};
  }));
  for (const Version& version : versions) HF_OK(take_in_version(reader, version, visit));
  first_ = false;
  return {};
}

// Whoever withholds one node may have it back tomorrow: what is below it is only let go when somebody says so.
Status Marks::take_in_version(session::SpaceReader& reader, const Version& version,
                              const std::function<Status(space::ChunkKind, const ChunkId&)>& visit) {
  bool whole = true;
  const auto lost = [&](const Error& error) -> Status {
    if (!gives_up_lost_)
      return std::unexpected(
          Error{error.code,
                "an old version of a file or folder can't be read any more, and what only it leads to would be freed",
                "version " + std::to_string(version.seq) + ", " + error.object, "everything: nothing was changed",
                About::old_version});
    whole = false;
    return {};
  };
  const auto visit_what_is_known = [&](space::ChunkKind kind, const ChunkId& id) -> Status {
    const Status visited = visit(kind, id);
    return !visited && visited.error().code == Code::Missing ? lost(visited.error()) : visited;
  };
  HF_OK(space::mark_tree(reader, version.root, nodes_, visit_what_is_known, lost));
  if (!whole) {
    reached("prune: a lost old version given up");
    ++versions_lost_;
  }
  return {};
}

Status Marks::mark(const ChunkId& id) {
  struct Place {
    std::size_t segment;
    std::uint64_t record;
    bool good;
  };
  std::vector<Place> places;
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const auto at = segments_[s].view.position(id);
    if (!at) continue;
    const std::uint32_t pack = segments_[s].view.record(*at).pack;
    if (space::is_retired(segments_[s].ref.retired_packs, pack)) continue;
    const bool good = pack < segments_[s].view.packs() && !space::is_retired(segments_[s].lost_packs, pack);
    places.push_back({s, *at, good});
  }
  if (places.empty())
    return space_.inlined().contains(id) ? Status()
                                         : fail(Code::Missing, "the space's index does not know a chunk that is needed",
                                                "chunk " + id.short_hex());
  const bool lost = std::ranges::none_of(places, &Place::good);
  if (lost && !marked_[places[0].segment][places[0].record] && !space_.inlined().contains(id)) ++chunks_lost_;
  std::vector<std::size_t> served;  // a segment of each account that has a place
  // The newest place first: what was sent again because an older place is bad, which only its sender may know, is
  // there.
  for (const Place& place : std::views::reverse(places)) {
    const auto by_same = [&](std::size_t other) { return same_owner(segments_[other], segments_[place.segment]); };
    if (!lost && (!place.good || std::ranges::any_of(served, by_same))) continue;
    marked_[place.segment][place.record] = true;
    served.push_back(place.segment);
  }
  return {};
}

// The commit that keeps it was made after ours was planned: its author has seen to it that it stands in the index.
Status Marks::mark_later(const ChunkId& id) {
  if (space_.index().find(id).empty() && !space_.inlined().contains(id))
    return fail(Code::Missing, "the space's index does not know a chunk that is needed", "chunk " + id.short_hex());
  reached("prune: a commit in between is taken in");
  later_.insert(id);
  return {};
}

Result<std::vector<PackUse>> Marks::uses() const {
  std::vector<PackUse> out;
  std::unordered_map<ObjectId, std::size_t, FixedBytesHash> places;
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const auto& [segment, marked] = std::tie(segments_[s], marked_[s]);
    std::vector<std::pair<std::uint64_t, std::uint64_t>> needed(segment.view.packs());  // bytes, chunks
    for (std::uint64_t r = 0; r < marked.size(); ++r) {
      if (!marked[r]) continue;
      const space::Record record = segment.view.record(r);
      if (record.pack >= needed.size()) return fail(Code::Malformed, "a local index segment is damaged");
      needed[record.pack].first += record.length.value;
      ++needed[record.pack].second;
    }
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      if (space::is_retired(segment.ref.retired_packs, i)) continue;
      HF_TRY(auto info, segment.view.pack(i));
      const auto [place, is_new] = places.try_emplace(info.object, out.size());
      if (is_new) {
        PackUse use{std::move(info), s, segment.own, 0, 0, 0};
        for (const auto& block : use.info.blocks) use.bytes += block.plain.value;
        out.push_back(std::move(use));
      }
      out[place->second].bytes_needed += needed[i].first;
      out[place->second].chunks_needed += needed[i].second;
    }
  }
  return out;
}

Result<Marks::NeededRecords> Marks::needed_in(const PackSet& packs) const {
  NeededRecords out;
  for (std::size_t s = 0; s < segments_.size(); ++s) {
    const auto& [segment, marked] = std::tie(segments_[s], marked_[s]);
    std::vector<std::vector<space::Record>*> wanted(segment.view.packs());
    for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
      if (space::is_retired(segment.ref.retired_packs, i)) continue;
      HF_TRY(const auto info, segment.view.pack(i));
      if (packs.contains(info.object)) wanted[i] = &out[info.object];
    }
    for (std::uint64_t r = 0; r < marked.size(); ++r) {
      if (!marked[r]) continue;
      const space::Record record = segment.view.record(r);
      if (record.pack >= wanted.size()) return fail(Code::Malformed, "a local index segment is damaged");
      if (wanted[record.pack] != nullptr) wanted[record.pack]->push_back(record);
    }
  }
  for (auto& [pack, records] : out)
    std::ranges::sort(records, {}, [](const space::Record& one) { return std::pair(one.block, one.offset.value); });
  return out;
}

bool Marks::is_marked_in(std::size_t segment, const ChunkId& id) const {
  const auto at = segments_[segment].view.position(id);
  return at && marked_[segment][*at];
}

bool Marks::needs(const std::array<std::uint8_t, 16>& first) const {
  const ChunkId id = id_of(first);
  if (later_.contains(id)) return true;
  for (std::size_t s = 0; s < segments_.size(); ++s)
    if (const auto at = segments_[s].view.position(id); at && marked_[s][*at]) return true;
  return false;
}

Result<bool> Marks::stands_elsewhere(const std::array<std::uint8_t, 16>& first, const session::OpenSegment& segment,
                                     const PackSet& leaving) const {
  const ChunkId id = id_of(first);
  for (const session::OpenSegment& other : space_.index().segments()) {
    if (!same_owner(other, segment)) continue;
    const auto at = other.view.find(id);
    if (!at || space::is_retired(other.ref.retired_packs, at->pack)) continue;
    HF_TRY(const auto pack, other.view.pack(at->pack));
    if (!leaving.contains(pack.object) && !space::is_retired(other.lost_packs, at->pack)) return true;
  }
  return false;
}

}  // namespace holdfast::backup
