#include "backup/keep.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <set>

namespace holdfast::backup {
namespace {

constexpr std::int64_t hour_ns = 3600 * second_ns, day_ns = 24 * hour_ns;
constexpr std::int64_t monday_ns = 1'767'571'200 * second_ns;  // 2026-01-05 00:00 UTC

DatedSnapshot at(std::int64_t time_ns, std::uint64_t seq) {
  DatedSnapshot out;
  out.snapshot.time_ns = time_ns;
  out.snapshot.seq = seq;
  out.snapshot.paths = {"/home"};
  for (std::size_t i = 0; i < 8; ++i) out.snapshot.id.bytes[i] = static_cast<std::uint8_t>(seq >> (8 * i));
  return out;
}

void date_again(std::vector<DatedSnapshot>& snapshots, std::int64_t now_ns) {
  std::vector<space::Snapshot> plain;
  for (const DatedSnapshot& one : snapshots) plain.push_back(one.snapshot);
  snapshots = dated(std::move(plain), now_ns);
}

std::vector<DatedSnapshot> every(std::int64_t step_ns, int count, std::int64_t from_ns = monday_ns) {
  std::vector<DatedSnapshot> out;
  for (int i = 0; i < count; ++i) out.push_back(at(from_ns + i * step_ns, out.size() + 1));
  return out;
}

std::set<std::uint64_t> kept(const KeepRules& rules, const std::vector<DatedSnapshot>& snapshots,
                             std::int64_t now_ns = monday_ns + 10'000 * day_ns) {
  std::set<std::uint64_t> out;
  for (const Judged& judged : judge(rules, snapshots, now_ns))
    if (!judged.reasons.empty()) out.insert(judged.listed.snapshot.seq);
  return out;
}

using Seqs = std::set<std::uint64_t>;

TEST(Keep, LastKeepsTheNewest) { EXPECT_EQ(kept({.last = 2}, every(day_ns, 5)), (Seqs{4, 5})); }

TEST(Keep, OfEachPeriodTheNewestIsKept) {
  const auto twice_a_day = every(day_ns / 2, 10);  // five days
  EXPECT_EQ(kept({.daily = 3}, twice_a_day), (Seqs{6, 8, 10}));
  EXPECT_EQ(kept({.hourly = 3}, twice_a_day), (Seqs{8, 9, 10}));
  // 35 days from Monday, January 5: whole weeks; February begins with the 28th.
  const auto days = every(day_ns, 35);
  EXPECT_EQ(kept({.weekly = 3}, days), (Seqs{21, 28, 35}));
  EXPECT_EQ(kept({.monthly = 2}, days), (Seqs{27, 35}));
  EXPECT_EQ(kept({.yearly = 9}, days), (Seqs{35}));
}

TEST(Keep, PeriodsWithoutSnapshotsAreNotCounted) {
  EXPECT_EQ(kept({.daily = 3}, every(100 * day_ns, 4)), (Seqs{2, 3, 4}));
}

TEST(Keep, WeeksBeginOnMondayBefore1970Too) {
  const auto sunday_and_monday = every(day_ns, 2, monday_ns - 5'000 * 7 * day_ns - day_ns);
  EXPECT_EQ(kept({.weekly = 2}, sunday_and_monday), (Seqs{1, 2}));
  const auto monday_and_tuesday = every(day_ns, 2, monday_ns - 5'000 * 7 * day_ns);
  EXPECT_EQ(kept({.weekly = 2}, monday_and_tuesday), (Seqs{2}));
}

TEST(Keep, MonthsAndYearsAreThoseOfTheCalendar) {
  const auto two_days = [](const char* rule, std::int64_t day) {
    KeepRules rules;
    (rule == std::string("monthly") ? rules.monthly : rules.yearly) = 2;
    return kept(rules, every(day_ns, 2, day * day_ns)).size();
  };
  constexpr std::int64_t new_year_2028 = 21'184, new_year_2100 = 47'482, new_year_2000 = 10'957;
  EXPECT_EQ(two_days("monthly", new_year_2028 + 31 + 28 - 1), 1u);  // February 28 and 29
  EXPECT_EQ(two_days("monthly", new_year_2028 + 31 + 29 - 1), 2u);
  EXPECT_EQ(two_days("monthly", new_year_2100 + 31 + 28 - 1), 2u);  // no leap year
  EXPECT_EQ(two_days("monthly", new_year_2000 + 31 + 28 - 1), 1u);
  for (const std::int64_t new_year : {new_year_2028, new_year_2100, new_year_2000, std::int64_t{0}}) {
    EXPECT_EQ(two_days("yearly", new_year - 1), 2u);
    EXPECT_EQ(two_days("yearly", new_year), 1u);
    EXPECT_EQ(two_days("yearly", new_year + 59), 1u);
    EXPECT_EQ(two_days("monthly", new_year - 1), 2u);
  }
}

TEST(Keep, WithinCountsFromTheNewestAndNotFromTheClock) {
  EXPECT_EQ(kept({.within_ns = 2 * day_ns}, every(day_ns, 5)), (Seqs{3, 4, 5}));
}

TEST(Keep, ATagKeeps) {
  auto snapshots = every(day_ns, 4);
  snapshots[1].snapshot.tags = {"before the move", "x"};
  EXPECT_EQ(kept({.last = 1, .tags = {"x"}}, snapshots), (Seqs{2, 4}));
}

TEST(Keep, TheNewestOfEachDeviceAndPathsIsNeverForgotten) {
  auto snapshots = every(day_ns, 4);
  snapshots[1].snapshot.paths = {"/etc"};
  snapshots[2].snapshot.device.bytes[0] = 1;
  EXPECT_EQ(kept({.tags = {"no such"}}, snapshots), (Seqs{2, 3, 4}));
}

TEST(Keep, APartialOneIsKeptUntilAWholeOneFollowsOrForThirtyDays) {
  auto snapshots = every(day_ns, 4);
  snapshots[1].snapshot.partial = snapshots[3].snapshot.partial = true;
  const std::int64_t its_time = snapshots[3].snapshot.time_ns;
  EXPECT_EQ(kept({.last = 1}, snapshots, its_time + 30 * day_ns), (Seqs{3, 4}));
  EXPECT_EQ(kept({.last = 1}, snapshots, its_time + 30 * day_ns + 1), (Seqs{3}));
}

TEST(Keep, UndatedOnesAreKeptAndTakeNobodysPlace) {
  auto snapshots = every(day_ns, 5);
  snapshots[4].undated = snapshots[1].undated = true;
  EXPECT_EQ(kept({.last = 2}, snapshots), (Seqs{2, 3, 4, 5}));
  EXPECT_EQ(kept({.within_ns = day_ns}, snapshots), (Seqs{2, 3, 4, 5}));
}

KeepRules some_rules() {
  const auto few = [] { return *rc::gen::inRange(0u, 5u); };
  return {few(), few(), few(), few(), few(), few(), *rc::gen::inRange(0, 40) * day_ns, {}};
}

std::vector<DatedSnapshot> honest_ones() {
  std::vector<DatedSnapshot> out;
  std::int64_t time = monday_ns;
  const int count = *rc::gen::inRange(1, 30);
  for (int i = 0; i < count; ++i) {
    time += *rc::gen::inRange<std::int64_t>(1, 60 * 24) * 60 * second_ns;
    out.push_back(at(time, static_cast<std::uint64_t>(2 * i + 2)));
  }
  return out;
}

// D23: whoever states a wrong time, by a wrong clock or on purpose, makes no rule forget what it would keep without
// them.
RC_GTEST_PROP(Keep, AWrongTimeNeverForgetsWhatWouldBeKept, ()) {
  const KeepRules rules = some_rules();
  auto snapshots = honest_ones();
  const std::int64_t now = snapshots.back().snapshot.time_ns + 1;
  date_again(snapshots, now);
  const Seqs before = kept(rules, snapshots, now);
  const auto place = *rc::gen::inRange<std::size_t>(0, snapshots.size() + 1);
  const std::int64_t wrong = monday_ns + *rc::gen::inRange(-1'000, 1'000) * hour_ns;
  snapshots.insert(snapshots.begin() + static_cast<std::ptrdiff_t>(place),
                   at(wrong, place < snapshots.size() ? snapshots[place].snapshot.seq - 1 : 999));
  date_again(snapshots, now);
  if (!snapshots[place].undated) {  // it is a snapshot like any other: a later one is not
    snapshots[place].snapshot.time_ns = now + *rc::gen::inRange<std::int64_t>(1, 1'000) * day_ns;
    date_again(snapshots, now);
  }
  const Seqs after = kept(rules, snapshots, now);
  RC_ASSERT(std::ranges::includes(after, before));
}

// A device whose clock is far ahead or behind while it forgets.
RC_GTEST_PROP(Keep, AWrongClockNeverForgetsWhatWouldBeKept, ()) {
  const KeepRules rules = some_rules();
  auto snapshots = honest_ones();
  const std::int64_t now = snapshots.back().snapshot.time_ns + 1;
  date_again(snapshots, now);
  const Seqs before = kept(rules, snapshots, now);
  const auto wrong = *rc::gen::arbitrary<std::int64_t>();
  date_again(snapshots, wrong);
  RC_ASSERT(std::ranges::includes(kept(rules, snapshots, wrong), before));
}

TEST(Keep, StatedTimesMayBeAnything) {
  constexpr auto least = std::numeric_limits<std::int64_t>::min(), most = std::numeric_limits<std::int64_t>::max();
  std::vector<DatedSnapshot> snapshots{at(most, 1), at(least, 2), at(0, 3), at(most, 4)};
  date_again(snapshots, monday_ns);
  EXPECT_TRUE(snapshots[0].undated && snapshots[3].undated);
  for (auto& listed : snapshots) listed.undated = false;
  EXPECT_EQ(kept({1, 1, 1, 1, 1, 1, most, {}}, snapshots).count(4), 1u);
}

}  // namespace
}  // namespace holdfast::backup
