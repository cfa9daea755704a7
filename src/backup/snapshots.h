// The snapshots of a space: listing them, and finding the one that a person means.
#pragma once

#include "session/reader.h"

namespace holdfast::backup {

struct ListedSnapshot {
  space::Snapshot snapshot;
  bool undated = false;  // its stated time does not fit its place in the log (D23)
};

// In the order of the log, oldest first.
[[nodiscard]] Result<std::vector<ListedSnapshot>> list_snapshots(session::SpaceSession& space);

// Sets `undated` of a list in the order of the log.
void find_undated(std::vector<ListedSnapshot>& snapshots, std::int64_t now_ns);

inline constexpr std::size_t id_characters_min = 4;
inline constexpr std::string_view latest_snapshot = "latest";  // a name that no space can have
// "latest", or the first characters (at least 4) of an id: NotFound, InvalidArgument when several begin so. Partial
// snapshots are never "latest".
[[nodiscard]] Result<space::Snapshot> find_snapshot(const std::vector<ListedSnapshot>& snapshots,
                                                    std::string_view which);

}  // namespace holdfast::backup
