#include "session/index_cache.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>

#include "base/reached.h"

namespace holdfast::session {

namespace {

struct SegmentMacTag;

constexpr std::int64_t unused_age_ns = 3600 * second_ns;

Path index_directory(const Session& session, const SpaceId& space) {
  return join_path(join_path(session.shared.home, "index"), space.hex());
}

// The first object's hash names the segment: its content fixes all of it.
std::string file_name(const space::SegmentRef& ref) { return ref.objects.front().sha256.hex() + ".segment"; }

Result<OpenSegment> open_local(Session& session, const Path& path, const space::SegmentRef& ref) {
  HF_TRY(auto mapping, session.doors.files.map(path));
  HF_TRY(auto view, space::SegmentView::over(mapping->bytes()));
  if (view.records() != ref.records)
    return fail(Code::Malformed, "a local index segment is not the one it must be", printable(path));
  return OpenSegment{ref, false, std::move(mapping), view};
}

Result<std::vector<GotRange>> fetch_objects(Session& session, const SpaceId& space, const space::SegmentRef& ref,
                                            const crypto::Ed25519Key& read) {
  std::vector<GotRange> objects(ref.objects.size());
  ApiClient::Gets ranges(session.server);
  std::map<RequestId, std::size_t> wanted;
  constexpr std::size_t flights_max = 4;
  for (std::size_t next = 0; next < objects.size() || !wanted.empty();) {
    if (next < objects.size() && wanted.size() < flights_max) {
      wanted.emplace(ranges.submit(group_of(space), read, ref.objects[next].id, 0, 0), next);
      ++next;
      continue;
    }
    auto [request, got] = ranges.finish();
    const std::size_t at = wanted.extract(request).mapped();
    if (!got) return pass_on(got.error());
    objects[at] = *std::move(got);
  }
  return objects;
}

Status fetch(Session& session, const SpaceId& space, const space::SegmentRef& ref, const crypto::Ed25519Key& read,
             const space::IndexKeys& index_key_of) {
  HF_TRY(const auto got, fetch_objects(session, space, ref, read));
  std::vector<ByteView> objects;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (crypto::sha256(got[i].bytes) != ref.objects[i].sha256)
      return fail(Code::Tampered, "an index segment differs from the hash that the space's log names",
                  "object " + ref.objects[i].id.short_hex());
    objects.push_back(got[i].bytes);
  }
  HF_TRY(const auto segment, space::open_segment(objects, ref.objects, index_key_of, space));
  if (segment.records.size() != ref.records)
    return fail(Code::Tampered, "an index segment has another size than the space's log says");
  return keep_segment(session, space, ref, segment);
}

void remove_unused(Session& session, const Path& directory, const space::SpaceState& state) {
  const auto entries = session.doors.files.list(directory);
  if (!entries) return;
  for (const DirectoryEntry& entry : *entries) {
    const bool used = std::ranges::any_of(
        state.index, [&](const auto& ref) { return !ref.objects.empty() && file_name(ref) == entry.name; });
    if (used) continue;
    // What is young may be another verb's, which is just writing it or knows a newer head.
    const Path path = join_path(directory, entry.name);
    const auto stat = session.doors.files.stat(path);
    if (stat && std::abs(session.doors.clock.now_ns() - stat->mtime_ns) < unused_age_ns) continue;
    // Losing this race or this disk costs a download, nothing else.
    (void)session.doors.files.remove(path);
  }
}

// Nothing when its pack is retired: it must not be referred to again.
std::optional<space::Record> usable(const OpenSegment& segment, const std::optional<space::Record>& record) {
  return record && space::is_retired(segment.ref.retired_packs, record->pack) ? std::nullopt : record;
}

}  // namespace

Hash segment_mac(const identity::CircleSecret& circle, const SpaceId& space, const space::SegmentRef& ref) {
  const crypto::Hmac mac(crypto::derive<SegmentMacTag>(circle, "segment mac", space.view()));
  return mac.of(encode(space::SegmentMacBody{{}, space, ref.objects, ref.records, ref.circle_epoch}));
}

bool is_own(const Account& account, const SpaceId& space, const space::SegmentRef& ref) {
  return ref.account == account.profile.account && ref.circle_epoch < account.circle.size() &&
         crypto::equal_constant_time(ref.mac.view(), segment_mac(account.circle[ref.circle_epoch], space, ref).view());
}

Status keep_segment(Session& session, const SpaceId& space, const space::SegmentRef& ref,
                    const space::Segment& segment) {
  const Path directory = index_directory(session, space);
  // Durable: it is what a server that has lost its copy is healed from.
  if (!session.doors.files.stat(directory)) HF_OK(session.doors.files.make_durable_directories(directory));
  const auto write = [&](File& file) {
    std::uint64_t end = 0;
    return space::write_local_segment(
        segment, [&](ByteView part) { return file.write_at(std::exchange(end, end + part.size()), part); });
  };
  return session.doors.files.replace_file(join_path(directory, file_name(ref)), write,
                                          "." + session.doors.random.make<Nonce32>().hex() + ".new");
}

Status IndexCache::follow(Session& session, const SpaceId& space, const space::SpaceState& state,
                          const crypto::Ed25519Key& read, const space::IndexKeys& index_key_of) {
  std::vector<OpenSegment> next;
  const Path directory = index_directory(session, space);
  for (const space::SegmentRef& ref : state.index) {
    if (ref.objects.empty()) return fail(Code::Malformed, "the space's log names an index segment without objects");
    const auto open =
        std::ranges::find_if(segments_, [&](const OpenSegment& segment) { return segment.ref.objects == ref.objects; });
    if (open != segments_.end()) {
      next.push_back(*open);
      next.back().ref = ref;
      continue;
    }
    const Path path = join_path(directory, file_name(ref));
    auto local = open_local(session, path, ref);
    if (!local) {
      HF_OK(fetch(session, space, ref, read, index_key_of));
      local = open_local(session, path, ref);
    }
    if (!local) return pass_on(local.error());
    local->own = is_own(session.account(), space, ref);
    mark_lost(*local);
    next.push_back(*std::move(local));
  }
  segments_ = std::move(next);
  remove_unused(session, directory, state);
  return {};
}

Result<bool> IndexCache::recheck(Session& session, const SpaceId& space, const space::SpaceState& state,
                                 const crypto::Ed25519Key& read, const space::IndexKeys& index_key_of) {
  IndexCache whole;
  for (const OpenSegment& segment : segments_) {
    if (segment.view.is_whole()) {
      whole.segments_.push_back(segment);
    } else {
      const auto removed =
          session.doors.files.remove(join_path(index_directory(session, space), file_name(segment.ref)));
      if (!removed && removed.error().code != Code::NotFound) return pass_on(removed.error());
    }
  }
  if (whole.segments_.size() == segments_.size()) return false;
  reached("session: damaged index segment fetched again");
  HF_OK(whole.follow(session, space, state, read, index_key_of));
  *this = std::move(whole);
  return true;
}

void search(const std::vector<OpenSegment>& segments, bool own, const ChunkId& id,
            const std::function<bool(const OpenSegment&, const space::Record&)>& visit) {
  struct Turn {
    const OpenSegment* segment;
    space::SegmentView::Search search;
  };
  std::array<Turn, 8> turns;
  for (auto next = segments.begin(); next != segments.end();) {
    std::size_t count = 0;
    for (; next != segments.end() && count < turns.size(); ++next)
      if (next->own == own) turns[count++] = {&*next, space::SegmentView::Search(next->view, id)};
    for (bool going_on = true; going_on;) {
      going_on = false;
      for (Turn& turn : std::span(turns).first(count)) going_on = turn.search.step() || going_on;
    }
    for (const Turn& turn : std::span(turns).first(count))
      if (const auto record = usable(*turn.segment, turn.search.found()); record && visit(*turn.segment, *record))
        return;
  }
}

bool IndexCache::known(const ChunkId& id) const {
  bool is_known = false;
  search(segments_, true, id, [&](const OpenSegment& segment, const space::Record& record) {
    return is_known = !space::is_retired(segment.lost_packs, record.pack);
  });
  return is_known;
}

void IndexCache::lose(PackSet packs) {
  lost_ = std::move(packs);
  for (OpenSegment& segment : segments_) mark_lost(segment);
}

void IndexCache::mark_lost(OpenSegment& segment) const {
  segment.lost_packs.clear();
  if (lost_.empty()) return;
  segment.lost_packs.resize((segment.view.packs() + 7) / 8);
  for (std::uint32_t i = 0; i < segment.view.packs(); ++i)
    if (const auto pack = segment.view.pack(i); pack && lost_.contains(pack->object))
      space::set_retired(segment.lost_packs, i);
}

std::vector<FoundChunk> IndexCache::find(const ChunkId& id) const {
  std::vector<FoundChunk> out;
  for (const bool own : {true, false}) {
    search(segments_, own, id, [&](const OpenSegment& segment, const space::Record& record) {
      out.push_back({&segment, record});
      return false;
    });
  }
  return out;
}

}  // namespace holdfast::session
