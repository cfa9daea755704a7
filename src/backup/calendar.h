// Days of the Gregorian calendar, in UTC.
#pragma once

#include "base/clock.h"

namespace holdfast::backup {

constexpr std::int64_t floor_divide(std::int64_t number, std::int64_t by) {
  return number / by - (number % by < 0 ? 1 : 0);
}

struct CivilDate {
  std::int64_t year = 1970, month = 1, day = 1;
};
// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", civil_from_days: in years that begin with March, so
// that the leap day is the last.
constexpr CivilDate civil_date(std::int64_t time_ns) {
  constexpr std::int64_t days_of_era = 146'097, first_of_march_0 = 719'468;
  const std::int64_t days = floor_divide(time_ns, 24 * 3600 * second_ns) + first_of_march_0;
  const std::int64_t era = floor_divide(days, days_of_era);
  const std::int64_t in_era = days - era * days_of_era;
  const std::int64_t year = (in_era - in_era / 1460 + in_era / 36'524 - in_era / 146'096) / 365;
  const std::int64_t in_year = in_era - (365 * year + year / 4 - year / 100);
  const std::int64_t month = (5 * in_year + 2) / 153;  // 0 is March
  return {era * 400 + year + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
          in_year - (153 * month + 2) / 5 + 1};
}

}  // namespace holdfast::backup
