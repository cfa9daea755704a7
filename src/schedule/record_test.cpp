#include "schedule/record.h"

#include <gtest/gtest.h>

#include "base/system.h"
#include "base/system_test_directory.h"

namespace holdfast::schedule {
namespace {

constexpr std::int64_t hour_ns = 3600 * second_ns, start_ns = 1'750'000'000 * second_ns;

class SetClock final : public Clock {
 public:
  std::int64_t now_ns() override { return now; }
  std::int64_t monotonic_ns() override { return now; }
  void sleep_ns(std::int64_t duration) override { now += duration; }
  std::int64_t now = start_ns;
};

class Records : public testing::Test {
 protected:
  Known known() { return known_schedule(*files, home, "name"); }
  Judgement judged() { return judge(known(), clock.now); }
  Result<RunUnderWay> begin() { return RunUnderWay::begin(*files, clock, home, "name", "backups", {"/a"}); }
  void run(std::uint8_t exit, bool saved, std::string_view said = "") {
    auto under_way = begin();
    ASSERT_TRUE(under_way);
    clock.now += second_ns;
    ASSERT_TRUE(under_way->end(exit, saved, said));
  }
  void schedule_hourly() {
    Schedule schedule;
    schedule.space = "backups";
    schedule.paths = {"/a"};
    schedule.every_s = 3600;
    schedule.made_ns = clock.now;
    ASSERT_TRUE(remember(*files, home, "name", schedule));
  }

  TestDirectory directory;
  Path home = directory.path();
  std::unique_ptr<Files> files = system_files(1);
  SetClock clock;
};

TEST_F(Records, AGoodRunIsKnownAndNothingIsAmiss) {
  schedule_hourly();
  run(0, true);
  const Known now = known();
  ASSERT_TRUE(now.run && now.schedule);
  EXPECT_EQ(now.run->good_ns, start_ns);
  EXPECT_EQ(now.run->ended_ns, start_ns + second_ns);
  EXPECT_EQ(now.run->paths, std::vector<Path>{"/a"});
  EXPECT_FALSE(judged().failed || judged().lasting || now.running || now.damaged);
}

TEST_F(Records, FailuresAreCountedSinceTheFirstOneAndAGoodRunEndsThem) {
  schedule_hourly();
  run(0, true);
  clock.now = start_ns + hour_ns;
  run(6, false, "no server");
  clock.now = start_ns + 2 * hour_ns;
  run(5, false, "no keys");
  EXPECT_TRUE(judged().failed);
  EXPECT_EQ(judged().failures, 2u);
  EXPECT_EQ(judged().since_ns, start_ns + hour_ns);
  EXPECT_EQ(known().run->said, "no keys");
  EXPECT_EQ(known().run->good_ns, start_ns);
  EXPECT_FALSE(judged().lasting);
  clock.now = start_ns + 4 * hour_ns + second_ns;
  EXPECT_TRUE(judged().lasting);
  run(3, true, "1 left out");
  EXPECT_FALSE(judged().failed || judged().lasting);
  EXPECT_EQ(judged().failures, 0u);
}

TEST_F(Records, ARunThatWasKilledIsAFailureAtOnceAndForTheNextRun) {
  schedule_hourly();
  run(0, true);
  clock.now = start_ns + hour_ns;
  {
    const auto under_way = begin();
    ASSERT_TRUE(under_way);
    EXPECT_TRUE(known().running);
    EXPECT_FALSE(judged().failed || judged().killed);
  }
  EXPECT_FALSE(known().running);
  EXPECT_TRUE(judged().failed && judged().killed);
  EXPECT_EQ(judged().since_ns, start_ns + hour_ns);
  EXPECT_EQ(judged().failures, 1u);
  clock.now = start_ns + 2 * hour_ns;
  run(6, false);
  EXPECT_EQ(judged().failures, 2u);
  EXPECT_EQ(judged().since_ns, start_ns + hour_ns);
  EXPECT_FALSE(judged().killed);
}

TEST_F(Records, AScheduleThatNeverRunsIsNotSilent) {
  schedule_hourly();
  EXPECT_FALSE(judged().lasting);
  clock.now += 5 * hour_ns;
  EXPECT_TRUE(judged().lasting);
  EXPECT_FALSE(judged().failed);
  EXPECT_EQ(judged().since_ns, start_ns);
}

TEST_F(Records, ARunThatNeverEndsIsNoExcuse) {
  schedule_hourly();
  const auto held = begin();
  ASSERT_TRUE(held);
  clock.now += 3 * hour_ns;
  EXPECT_FALSE(judged().lasting);
  clock.now += 2 * hour_ns;
  EXPECT_TRUE(judged().lasting);
}

TEST_F(Records, WithoutAnIntervalThreeFailuresLast) {
  run(6, false);
  run(6, false);
  EXPECT_FALSE(judged().lasting);
  run(6, false);
  EXPECT_TRUE(judged().lasting);
}

TEST_F(Records, TheSameScheduleDoesNotRunTwiceAtOnce) {
  const auto first = begin();
  ASSERT_TRUE(first);
  const auto second = begin();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Busy);
}

TEST_F(Records, AreListedAndForgotten) {
  EXPECT_TRUE(all_schedules(*files, home)->empty());
  EXPECT_TRUE(forget(*files, home, "name"));
  schedule_hourly();
  run(0, true);
  auto other = RunUnderWay::begin(*files, clock, home, "cron", "backups", {});
  ASSERT_TRUE(other);
  const auto all = all_schedules(*files, home);
  ASSERT_EQ(all->size(), 2u);
  EXPECT_EQ((*all)[0].name, "cron");
  EXPECT_FALSE((*all)[0].schedule);
  EXPECT_TRUE((*all)[1].schedule && (*all)[1].run);
  EXPECT_TRUE(forget(*files, home, "name"));
  EXPECT_EQ(all_schedules(*files, home)->size(), 1u);
  EXPECT_EQ(files->list(home + "/schedules")->size(), 2u) << "the other's record and lock";
}

TEST_F(Records, ADamagedOneIsToldAndTheNextRunBeginsAnew) {
  run(6, false);
  ASSERT_TRUE(files->replace_file(home + "/schedules/name.run", as_bytes("nonsense")));
  ASSERT_TRUE(known().damaged);
  EXPECT_EQ(known().damaged->code, Code::Malformed);
  run(0, true);
  EXPECT_FALSE(known().damaged);
  EXPECT_EQ(known().run->failures, 0u);
}

TEST_F(Records, WhatARunSaysIsBounded) {
  run(1, false, std::string(100'000, 'x'));
  EXPECT_EQ(known().run->said.size(), said_bytes_max);
}

TEST(ScheduleName, CannotLeaveItsFolder) {
  EXPECT_TRUE(is_name("holdfast-backup-0123456789abcdef"));
  for (const std::string name : {"", "..", "a/b", "A", "a.b", "a b"}) EXPECT_FALSE(is_name(name)) << name;
  EXPECT_FALSE(is_name(std::string(65, 'a')));
}

}  // namespace
}  // namespace holdfast::schedule
