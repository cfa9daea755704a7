#include "schedule/interval.h"

#include <array>
#include <charconv>

#include "base/bytes.h"
#include "base/clock.h"

namespace holdfast::schedule {

namespace {

constexpr std::int64_t minute_s = 60, hour_s = 3600, day_s = 24 * hour_s;
constexpr std::int64_t every_min_s = 15 * minute_s, days_max = 30;

struct Unit {
  std::string_view name;
  std::int64_t seconds;
};
constexpr std::array units{Unit{"min", minute_s}, Unit{"h", hour_s}, Unit{"d", day_s}, Unit{"w", 7 * day_s}};

bool can_be_said(std::int64_t every_s) {
  if (every_s < every_min_s) return false;
  if (every_s <= hour_s) return hour_s % every_s == 0;
  if (every_s <= day_s) return every_s % hour_s == 0 && day_s % every_s == 0;
  return every_s % day_s == 0 && every_s / day_s <= days_max;
}

std::string two_digits(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

}  // namespace

Result<std::int64_t> parse_every(std::string_view typed) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  const std::string_view unit = typed.substr(static_cast<std::size_t>(end - typed.data()));
  if (error == std::errc() && number > 0 && number <= 10'000)
    for (const auto& [name, seconds] : units)
      if (unit == name && can_be_said(number * seconds)) return number * seconds;
  return fail(Code::InvalidArgument, "an interval is one of " + std::string(intervals), printable(typed));
}

std::string every_text(std::int64_t every_s) {
  if (every_s < hour_s) return std::to_string(every_s / minute_s) + " min";
  if (every_s < day_s) return std::to_string(every_s / hour_s) + " h";
  return std::to_string(every_s / day_s) + (every_s == day_s ? " day" : " days");
}

std::int64_t tick_s(std::int64_t every_s) { return every_s < day_s ? every_s : hour_s; }

bool is_due(std::int64_t every_s, std::int64_t good_ns, std::int64_t now_ns) {
  const std::int64_t tick = tick_s(every_s);
  if (tick == every_s || good_ns == 0 || good_ns > now_ns) return true;  // a clock that went back is no reason to wait
  return now_ns - good_ns >= (every_s - tick / 2) * second_ns;           // a tick comes a little earlier or later
}

std::int64_t next_run_ns(std::int64_t every_s, std::int64_t good_ns, std::int64_t next_tick_ns) {
  while (!is_due(every_s, good_ns, next_tick_ns)) next_tick_ns += tick_s(every_s) * second_ns;
  return next_tick_ns;
}

std::string calendar_of(std::int64_t every_s, std::int64_t phase_s) {
  const std::int64_t tick = tick_s(every_s);
  const std::string minute = two_digits(phase_s % hour_s / minute_s), second = two_digits(phase_s % minute_s);
  const std::string hour = tick <= hour_s ? "*" : two_digits(phase_s / hour_s) + "/" + std::to_string(tick / hour_s);
  const std::string step = tick < hour_s ? "/" + std::to_string(tick / minute_s) : "";
  return "*-*-* " + hour + ":" + minute + step + ":" + second + " UTC";
}

std::string cron_of(std::int64_t every_s) {
  if (every_s < hour_s) return "*/" + std::to_string(every_s / minute_s) + " * * * *";
  if (every_s == hour_s) return "0 * * * *";
  if (every_s < day_s) return "0 */" + std::to_string(every_s / hour_s) + " * * *";
  if (every_s == day_s) return "0 3 * * *";
  if (every_s == 7 * day_s) return "0 3 * * 0";
  return "0 3 */" + std::to_string(every_s / day_s) + " * *";
}

}  // namespace holdfast::schedule
