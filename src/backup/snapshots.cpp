#include "backup/snapshots.h"

#include <algorithm>

namespace holdfast::backup {

namespace {

constexpr std::int64_t hour_ns = 3600 * second_ns;

// Stated times are anybody's: their difference need not fit.
bool is_later_by_an_hour(std::int64_t time_ns, std::int64_t than_ns) {
  return time_ns > than_ns && static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(than_ns) >
                                  static_cast<std::uint64_t>(hour_ns);
}

}  // namespace

Result<std::vector<space::Snapshot>> list_snapshots(session::SpaceSession& space) {
  HF_OK(space.follow_index());
  session::SpaceReader reader(space);
  std::vector<space::Snapshot> out;
  HF_OK(space::for_each_entry<space::Snapshot>(reader, space.state().snapshots_root,
                                               [&](space::Snapshot&& snapshot) -> Result<bool> {
                                                 out.push_back(std::move(snapshot));
                                                 return true;
                                               }));
  std::ranges::sort(out, {}, [](const space::Snapshot& snapshot) { return std::tuple(snapshot.seq, snapshot.id); });
  return out;
}

std::vector<DatedSnapshot> dated(std::vector<space::Snapshot> snapshots, std::int64_t now_ns) {
  std::vector<DatedSnapshot> out;
  out.reserve(snapshots.size());
  for (std::size_t i = 0; i < snapshots.size(); ++i) {
    const std::int64_t time = snapshots[i].time_ns;
    const bool before_predecessor = i > 0 && is_later_by_an_hour(out[i - 1].snapshot.time_ns, time);
    const bool after_successor = i + 1 < snapshots.size() && is_later_by_an_hour(time, snapshots[i + 1].time_ns);
    out.push_back({std::move(snapshots[i]), before_predecessor || after_successor || time > now_ns});
  }
  return out;
}

Result<std::int64_t> earlier_now(session::Session& session) {
  HF_TRY(const auto server, session.server.info());
  return std::min(session.doors.clock.now_ns(), server.time_ns);
}

Result<space::Snapshot> find_snapshot(const std::vector<space::Snapshot>& snapshots, std::string_view which) {
  if (which == latest_snapshot) {
    const auto whole = std::find_if(snapshots.rbegin(), snapshots.rend(),
                                    [](const space::Snapshot& snapshot) { return !snapshot.partial; });
    if (whole == snapshots.rend()) return fail(Code::NotFound, About::snapshot, "the space has no snapshots yet");
    return *whole;
  }
  if (which.size() < id_characters_min)
    return fail(Code::InvalidArgument, "a snapshot is named by \"latest\" or by at least 4 characters of its id",
                printable(which));
  const space::Snapshot* found = nullptr;
  for (const space::Snapshot& snapshot : snapshots) {
    if (!snapshot.id.hex().starts_with(which)) continue;
    if (found != nullptr)
      return fail(Code::InvalidArgument, "several snapshots have an id that begins so", printable(which));
    found = &snapshot;
  }
  if (found == nullptr)
    return fail(Code::NotFound, About::snapshot, "there is no snapshot of this id", printable(which));
  return *found;
}

}  // namespace holdfast::backup
