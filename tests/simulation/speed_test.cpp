// What a step costs, printed and not judged: docs/SIMULATOR.md has the numbers.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>

#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

double seconds(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void print(const char* what, double time_s, std::uint64_t count) {
  std::printf("  %-34s %8.2f us each, %9.0f each second\n", what, time_s / static_cast<double>(count) * 1e6,
              static_cast<double>(count) / time_s);
}

void look_around(Doors& doors) {
  for (int i = 0; i < 10'000; ++i) EXPECT_TRUE(doors.files.stat("/home/user"));
}

TEST(Speed, OfACallWithoutAHandOver) {
  World world;
  world.start("p", look_around);
  const double time = seconds([&] { world.run(); });
  EXPECT_EQ(world.scheduler().switches(), 1u);
  print("call, one process", time, world.scheduler().calls());
}

TEST(Speed, OfAHandOver) {
  double time = 0;
  std::uint64_t switches = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {  // only seeds that hand over at every second call
    World world(Fault{.seed = seed});
    world.start("a", look_around);
    world.start("b", look_around);
    const double now = seconds([&] { world.run(); });
    if (world.scheduler().switches() < 8'000) continue;
    time += now;
    switches += world.scheduler().switches();
  }
  print("hand-over between two processes", time, switches);
}

TEST(Speed, OfAWriteAndItsSync) {
  World world;
  world.start("p", [](Doors& doors) {
    const auto file = doors.files.open("/tmp/f", OpenMode::create_new).value();
    const Bytes bytes(4096, 7);
    for (std::uint64_t i = 0; i < 5000; ++i) {
      EXPECT_TRUE(file->write_at(i * 4096, bytes));
      EXPECT_TRUE(file->sync());
    }
  });
  const double time = seconds([&] { world.run(); });
  print("step: 4 KiB written, or synced", time, world.steps());
}

TEST(Speed, OfACall) {
  World world;
  world.serve([](const Call& call) { return call.body; });
  world.start("p", [](Doors& doors) {
    for (int i = 0; i < 5000; ++i) {
      (void)doors.remote.submit({.name = "call", .body = Bytes(100), .bulk = {}});
      EXPECT_TRUE(doors.remote.next().second);
    }
  });
  const double time = seconds([&] { world.run(); });
  print("step: call and its answer", time, world.steps());
}

TEST(Speed, OfAWholeRun) {
  constexpr std::uint64_t runs = 200;
  std::uint64_t steps = 0;
  const double time = seconds([&] {
    for (std::uint64_t seed = 1; seed <= runs; ++seed) {
      World world(Fault{.seed = seed, .step = 450});
      world.device("laptop").run("p", [](Doors& doors) -> Status {
        for (int i = 0; i < 100; ++i) HF_OK(doors.files.replace_file("/tmp/f" + std::to_string(i), Bytes(1000, 1)));
        return {};
      });
      world.restore_power();
      steps += world.steps();
    }
  });
  print("run of 450 steps and a power cut", time, runs);
  print("step of such a run", time, steps);
}

}  // namespace
}  // namespace holdfast::sim
