// The snapshots of a space: listing them, and finding the one that a person means.
#pragma once

#include "session/reader.h"

namespace holdfast::backup {

// In the order of the log, oldest first.
[[nodiscard]] Result<std::vector<space::Snapshot>> list_snapshots(session::SpaceSession& space);

struct DatedSnapshot {
  space::Snapshot snapshot;
  bool undated = false;  // its stated time does not fit its place in the log, or is later than now (D23)
};
// REQUIRES: in the order of the log. now_ns: earlier_now() where a server can be asked.
[[nodiscard]] std::vector<DatedSnapshot> dated(std::vector<space::Snapshot> snapshots, std::int64_t now_ns);
// The earlier of this device's clock and the server's: a snapshot that is later than either is undated. A clock that is
// wrong here was perhaps wrong when the snapshot was made.
[[nodiscard]] Result<std::int64_t> earlier_now(session::Session& session);

inline constexpr std::size_t id_characters_min = 4;
inline constexpr std::string_view latest_snapshot = "latest";  // a name that no space can have
// "latest", or the first characters (at least 4) of an id: NotFound, InvalidArgument when several begin so. Partial
// snapshots are never "latest".
[[nodiscard]] Result<space::Snapshot> find_snapshot(const std::vector<space::Snapshot>& snapshots,
                                                    std::string_view which);

}  // namespace holdfast::backup
