#include "schedule/interval.h"

#include <gtest/gtest.h>

#include "base/clock.h"

namespace holdfast::schedule {
namespace {

constexpr std::int64_t hour = 3600, day = 24 * hour;

TEST(Interval, IsWhatComesAgainAtTheSameTimesEachDay) {
  const std::vector<std::pair<std::string, std::int64_t>> good{
      {"15min", 900},     {"20min", 1200},  {"30min", 1800},  {"60min", hour},     {"1h", hour},
      {"12h", 12 * hour}, {"24h", day},     {"1d", day},      {"2d", 2 * day},     {"30d", 30 * day},
      {"1w", 7 * day},    {"4w", 28 * day}, {"48h", 2 * day}, {"120min", 2 * hour}};
  for (const auto& [typed, seconds] : good) {
    const auto parsed = parse_every(typed);
    ASSERT_TRUE(parsed) << typed;
    EXPECT_EQ(*parsed, seconds) << typed;
  }
}

TEST(Interval, ElseIsRefusedAndTheRefusalSaysWhatIsNot) {
  for (const std::string typed :
       {"",       "h",     "1",     "0h",   "-1h", "+1h", "1 h", "1H", "1m", "10min", "14min",
        "25min",  "45min", "90min", "5h",   "7h",  "36h", "31d", "5w", "1y", "1hh",   "99999999999999999999h",
        "10001d", "0x1h",  "1.5h",  "never"}) {
    const auto parsed = parse_every(typed);
    ASSERT_FALSE(parsed) << typed;
    EXPECT_EQ(parsed.error().code, Code::InvalidArgument);
    EXPECT_NE(parsed.error().sentence.find("15min"), std::string::npos);
    EXPECT_NE(parsed.error().sentence.find("30d"), std::string::npos);
  }
}

TEST(Interval, TheCalendarHasThePhaseInItsFirstTick) {
  EXPECT_EQ(calendar_of(900, 0), "*-*-* *:00/15:00 UTC");
  EXPECT_EQ(calendar_of(900, 899), "*-*-* *:14/15:59 UTC");
  EXPECT_EQ(calendar_of(hour, 37 * 60 + 5), "*-*-* *:37:05 UTC");
  EXPECT_EQ(calendar_of(6 * hour, 5 * hour + 59 * 60 + 59), "*-*-* 05/6:59:59 UTC");
  for (const std::int64_t days : {1, 2, 7, 30}) EXPECT_EQ(calendar_of(days * day, 61), "*-*-* *:01:01 UTC") << days;
  EXPECT_EQ(cron_of(900), "*/15 * * * *");
  EXPECT_EQ(cron_of(6 * hour), "0 */6 * * *");
  EXPECT_EQ(cron_of(7 * day), "0 3 * * 0");
}

// Days: the timer asks each hour, so that a run that failed is tried again soon, and one that was slept through made up
// for.
TEST(Interval, OfDaysIsDueADayAfterTheLastGoodRunWhateverTheTicksJitter) {
  constexpr std::int64_t now = 1'750'000'000 * second_ns;
  const auto ago = [&](std::int64_t seconds) { return now - seconds * second_ns; };
  EXPECT_TRUE(is_due(day, 0, now));
  EXPECT_FALSE(is_due(day, ago(hour), now));
  EXPECT_FALSE(is_due(day, ago(day - hour), now));
  EXPECT_TRUE(is_due(day, ago(day - 120), now));
  EXPECT_TRUE(is_due(day, ago(day), now));
  EXPECT_FALSE(is_due(30 * day, ago(29 * day), now));
  EXPECT_TRUE(is_due(30 * day, ago(30 * day), now));
  EXPECT_TRUE(is_due(hour, ago(60), now)) << "the timer alone decides";
  EXPECT_TRUE(is_due(day, now + second_ns, now)) << "the clock was set back";
}

TEST(Interval, TheNextRunIsTheFirstTickThatIsDue) {
  constexpr std::int64_t good = 1'750'000'000 * second_ns, tick = good + hour * second_ns;
  EXPECT_EQ(next_run_ns(hour, good, tick), tick);
  EXPECT_EQ(next_run_ns(day, 0, tick), tick);
  EXPECT_EQ(next_run_ns(day, good, tick), good + day * second_ns);
  EXPECT_EQ(next_run_ns(7 * day, good, tick), good + 7 * day * second_ns);
}

}  // namespace
}  // namespace holdfast::schedule
