#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <set>

#include "base/system.h"
#include "base/system_pool.h"

namespace holdfast {
namespace {

TEST(SystemClock, MonotonicTimePassesWhileItSleeps) {
  const auto clock = system_clock();
  const std::int64_t before = clock->monotonic_ns();
  clock->sleep_ns(2'000'000);
  EXPECT_GE(clock->monotonic_ns() - before, 2'000'000);
  EXPECT_GT(clock->now_ns(), 1'600'000'000 * second_ns);
}

TEST(SystemRandom, FillsEveryByteAndNeverRepeats) {
  const auto random = system_random();
  std::set<Bytes> seen;
  Bytes ever(3000, 0);  // more than getrandom gives at once without being interruptible
  for (int i = 0; i < 50; ++i) {
    Bytes bytes(ever.size());
    random->fill(bytes);
    EXPECT_TRUE(seen.insert(bytes).second);
    for (std::size_t k = 0; k < bytes.size(); ++k) ever[k] |= bytes[k];
  }
  EXPECT_EQ(std::ranges::count(ever, 0), 0);
}

TEST(SystemWorkers, EveryJobOfAQueueComesBackOnceAndToItsOwnQueue) {
  const auto workers = system_workers(3);
  EXPECT_EQ(workers->count(), 3u);
  Jobs<int> first(*workers), second(*workers);
  std::map<RequestId, int> expected;
  for (int i = 0; i < 500; ++i) {
    expected[first.submit([i] { return i * i; })] = i * i;
    second.submit([i] { return -i; });
  }
  EXPECT_EQ(first.in_flight(), 500u);
  for (int i = 0; i < 500; ++i) {
    const auto [request_id, value] = first.next();
    EXPECT_EQ(expected.at(request_id), value);
    expected.erase(request_id);
  }
  EXPECT_EQ(first.in_flight(), 0u);
  EXPECT_EQ(second.in_flight(), 500u);
  while (second.in_flight() > 0) EXPECT_LE(second.next().second, 0);
}

TEST(SystemWorkers, JobsRunAtTheSameTime) {
  const auto workers = system_workers(2);
  std::latch both(2);
  Jobs<int> jobs(*workers);
  for (int i = 0; i < 2; ++i)
    jobs.submit([&both] {
      both.arrive_and_wait();
      return 0;
    });  // hangs if one after another
  jobs.next();
  jobs.next();
}

TEST(SystemWorkers, AQueueThatGoesWaitsForItsRunningJobs) {
  const auto workers = system_workers(2);
  for (int round = 0; round < 50; ++round) {
    auto alive = std::make_unique<std::atomic<int>>(1);
    std::atomic<int> dead_seen{0};
    {
      const auto queue = workers->queue();
      for (int i = 0; i < 20; ++i)
        queue->submit([&, raw = alive.get()] {
          if (raw->load() != 1) ++dead_seen;
        });
    }
    alive->store(0);
    EXPECT_EQ(dead_seen, 0);
    alive.reset();
  }
}

TEST(ThreadPool, PartsCoverEverythingOnceAlsoFromSeveralThreads) {
  ThreadPool pool(2);
  const auto cover = [&pool](std::size_t count, std::size_t part) {
    std::vector<std::atomic<int>> touched(count);
    pool.for_parts(count, part, [&](std::size_t begin, std::size_t end) {
      EXPECT_LE(end - begin, part);
      for (std::size_t i = begin; i < end; ++i) ++touched[i];
    });
    for (const auto& times : touched) EXPECT_EQ(times, 1);
  };
  for (const std::size_t count : {0u, 1u, 2u, 7u, 1000u}) cover(count, 16);
  std::thread other([&] {
    for (int i = 0; i < 100; ++i) cover(333, 8);
  });
  for (int i = 0; i < 100; ++i) cover(777, 5);
  other.join();
}

}  // namespace
}  // namespace holdfast
