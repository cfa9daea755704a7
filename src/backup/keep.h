// Which snapshots rules keep (DECISIONS F1, D23). Pure: the same list and rules give the same answer on any device.
//
// Snapshots are judged by themselves for each (device, paths): what one machine does never costs another its history.
#pragma once

#include "backup/snapshots.h"

namespace holdfast::backup {

// Each rule keeps; what none keeps is forgotten. `last`: so many newest ones. `hourly` to `yearly`: the newest of each
// of so many hours, days, ISO weeks, months, years (UTC) that have one. `within_ns`: all that are at most so much older
// than the newest. `tags`: all that carry one of these.
struct KeepRules {
  std::uint32_t last = 0, hourly = 0, daily = 0, weekly = 0, monthly = 0, yearly = 0;
  std::int64_t within_ns = 0;
  std::vector<std::string> tags{};
  [[nodiscard]] bool empty() const;
};
struct Judged {
  DatedSnapshot listed;
  std::vector<std::string> reasons;  // "daily", "tag x", "undated", ...; empty: it is forgotten
};

// In the order given, which is the log's. Never forgotten: undated ones, which take nobody's place either; the newest
// whole one of each (device, paths). A partial one is kept until a whole one of the same follows it, or for 30 days.
[[nodiscard]] std::vector<Judged> judge(const KeepRules& rules, std::span<const DatedSnapshot> snapshots,
                                        std::int64_t now_ns);

}  // namespace holdfast::backup
