#include "session/publish.h"

#include <algorithm>

namespace holdfast::session {

namespace {

constexpr std::uint64_t merge_bytes_max = 64 * 1024 * 1024;  // larger merges wait for prune (F4)

Result<space::SegmentRef> put_segment(SpaceSession& space, Upload& upload, const space::Segment& segment) {
  Session& session = space.session();
  HF_TRY(auto sealed, space::seal_segment(segment, space.epoch_keys().index, space.id(), space.epoch_keys().epoch, session.doors.random));
  space::SegmentRef ref;
  ref.account = session.account().profile.account;
  ref.circle_epoch = session.account().chain.circle.e;
  ref.records = sealed.records;
  for (const auto& object : sealed.objects) ref.objects.push_back({object.info.object, object.info.sha256});
  ref.mac = segment_mac(session.account(), space.id(), ref.objects, ref.records);
  HF_OK(keep_segment(session, space.id(), ref, segment));
  for (auto& object : sealed.objects) HF_OK(upload.put_index(std::move(object)));
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

}  // namespace

Result<NewIndex> make_index(SpaceSession& space, Upload& upload) {
  HF_OK(space.follow_index());
  const auto& segments = space.index().segments();
  NewIndex out{space.state().index, space.state().superseded, {}};
  if (upload.packs().empty()) return out;
  space::Segment added = space::make_segment(upload.packs());

  const std::vector<std::size_t> own = own_positions(space.index());
  std::vector<std::uint64_t> sizes;
  for (const std::size_t at : own) sizes.push_back(segments[at].view.records());
  std::size_t from = space::merge_from(sizes, added.records.size());
  std::uint64_t bytes = 0;
  for (std::size_t i = from; i < sizes.size(); ++i) bytes += sizes[i] * space::record_bytes;
  if (bytes > merge_bytes_max) from = sizes.size();

  std::vector<std::size_t> merged;
  if (from < own.size()) {
    std::vector<space::Segment> parts;
    std::vector<Bytes> retired;
    for (std::size_t i = from; i < own.size(); ++i) {
      merged.push_back(own[i]);
      HF_TRY(auto part, segments[own[i]].view.load());
      parts.push_back(std::move(part));
      retired.push_back(segments[own[i]].ref.retired_packs);
    }
    parts.push_back(std::move(added));
    retired.emplace_back();
    added = space::merge_segments(parts, retired);
  }
  for (auto at = merged.rbegin(); at != merged.rend(); ++at) {
    const space::SegmentRef& old = segments[*at].ref;
    if (space.may_maintain()) {
      for (const auto& object : old.objects) out.retire.push_back(object.id);
    } else {
      out.superseded.push_back(old);
    }
    out.index.erase(out.index.begin() + static_cast<std::ptrdiff_t>(*at));
  }
  HF_TRY(auto ref, put_segment(space, upload, added));
  out.index.push_back(std::move(ref));
  return out;
}

}  // namespace holdfast::session
