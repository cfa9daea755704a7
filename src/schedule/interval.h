// How often a backup runs, and how the calendars of systemd and cron say it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace holdfast::schedule {

// "15min", "1h", "2d", "1w", in seconds. What can be said: what divides an hour (from 15 min on) or a day, and whole
// days up to 30, so that the same times come again each day.
inline constexpr std::string_view intervals = "15min, 20min, 30min, 1h, 2h, 3h, 4h, 6h, 8h, 12h, 1d to 30d, 1w to 4w";
Result<std::int64_t> parse_every(std::string_view typed);
std::string every_text(std::int64_t every_s);  // "15 min", "1 h", "2 days"

// How often the timer fires. A run of a longer interval is due only when is_due() says so: after one that failed, or
// that the machine slept through, the next is an hour later and not a month.
std::int64_t tick_s(std::int64_t every_s);
// good_ns: when the last good run began; 0: none.
bool is_due(std::int64_t every_s, std::int64_t good_ns, std::int64_t now_ns);
// When the run comes that the timer's next tick, or one after it, makes.
std::int64_t next_run_ns(std::int64_t every_s, std::int64_t good_ns, std::int64_t next_tick_ns);

// For OnCalendar=, in UTC, since local days have 23 to 25 hours. The phase, below tick_s, keeps many devices apart.
std::string calendar_of(std::int64_t every_s, std::int64_t phase_s);
std::string cron_of(std::int64_t every_s);  // the five fields; as near as they come

}  // namespace holdfast::schedule
