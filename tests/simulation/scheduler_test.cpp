// Promise: one order of events per seed, and every order that matters under some seed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "base/reached.h"
#include "tests/simulation/equal_ends.h"
#include "tests/simulation/fixed_seeds.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

const Path home = "/home/user";

// Three processes on two devices that write, sleep, call, lock, and draw.
void busy_world(World& world) {
  std::uint64_t sum = 0;
  world.serve([&](const Call& call) -> Result<Bytes> {
    sum += call.body.size();
    return Bytes{static_cast<std::uint8_t>(sum)};
  });
  for (const char* device : {"laptop", "phone"}) {
    for (const char* name : {"a", "b"}) {
      world.device(device).start(name, [&world, name](Doors& doors) {
        const Path path = join_path(home, name);
        Jobs<int> jobs(doors.workers);
        for (int i = 0; i < 10; ++i) {
          Bytes bytes(1 + static_cast<std::size_t>(i) * 100);
          doors.random.fill(bytes);
          (void)doors.files.replace_file(path, bytes);
          (void)doors.remote.submit({.name = name, .body = bytes, .bulk = {}});
          jobs.submit([i] { return i * i; });
          doors.clock.sleep_ns(static_cast<std::int64_t>(bytes[0]) * 1000);
          const auto lock = doors.files.lock(join_path(home, "lock"));
          if (lock) (void)doors.files.list(home);
        }
        while (jobs.in_flight() > 0) (void)doors.files.rename(path, path + std::to_string(jobs.next().second));
        while (doors.remote.in_flight() > 0) {
          if (doors.remote.next().second) world.acknowledge(name);
        }
      });
    }
  }
  world.run();
}

TEST(Determinism, EqualSeedsEndEqual) {
  std::set<std::uint64_t> traces;
  Chances all = rough_network();
  all.io_error = all.sync_error = all.disk_full = all.clock_jump = 30;
  for (const std::uint64_t seed : sim_seeds(20)) {
    for (const std::uint64_t step : {0, 40, 150}) {
      const Fault fault{.seed = seed, .step = step, .chances = all};
      EXPECT_TRUE(ends_equal(fault, busy_world));
      World world(fault);
      busy_world(world);
      traces.insert(world.end().trace);
    }
  }
  EXPECT_THAT(traces, SizeIs(testing::Gt(1u))) << "all seeds gave one order";
}

TEST(Determinism, ADifferenceIsFoundAndNamed) {
  int runs = 0;
  const auto result = ends_equal({}, [&](World& world) {
    const Path path = join_path(home, std::to_string(++runs));
    world.start("p", [&](Doors& doors) { (void)doors.files.replace_file(path, {}); });
    world.run();
  });
  EXPECT_FALSE(result);
  EXPECT_THAT(result.message(), HasSubstr("first"));
  EXPECT_THAT(result.message(), HasSubstr("open /home/user/1.new"));
}

TEST(Determinism, TheBytesThatWereWrittenCountToo) {
  std::uint8_t byte = 0;
  EXPECT_FALSE(ends_equal({}, [&](World& world) {
    world.start("p", [&](Doors& doors) { (void)doors.files.replace_file("/tmp/f", Bytes{++byte}); });
    world.run();
  }));
}

// Two processes that each read a counter and write it back: the lost update must show under some seeds, not under all.
TEST(Scheduler, InterleavesBetweenAnyTwoCalls) {
  std::set<std::string> seen;
  for (const std::uint64_t seed : fixed_seeds(50)) {
    World world(Fault{.seed = seed});
    const Path path = "/tmp/counter";
    ASSERT_TRUE(world.device("laptop").hand().replace_file(path, Bytes{'0'}));
    for (const char* name : {"a", "b"}) {
      world.start(name, [&](Doors& doors) {
        Bytes count = doors.files.read_file(path, 1).value();
        ++count[0];
        const auto file = doors.files.open(path, OpenMode::write_existing).value();
        EXPECT_TRUE(file->write_at(0, count));
      });
    }
    world.run();
    seen.emplace(as_text(world.device("laptop").hand().read_file(path, 1).value()));
  }
  EXPECT_THAT(seen, ElementsAre("1", "2"));
}

TEST(Scheduler, TimePassesOnlyInTheWorld) {
  World world;
  Device& laptop = world.device("laptop");
  std::vector<std::string> order;
  const auto sleeper = [&](std::string name, std::int64_t hours) {
    laptop.start(name, [&, name, hours](Doors& doors) {
      const std::int64_t before = doors.clock.monotonic_ns();
      doors.clock.sleep_ns(hours * 3600 * second_ns);
      EXPECT_GE(doors.clock.monotonic_ns() - before, hours * 3600 * second_ns);
      order.push_back(name);
    });
  };
  sleeper("long", 48);
  sleeper("short", 1);
  sleeper("none", 0);
  world.run();
  EXPECT_THAT(order, ElementsAre("none", "short", "long"));
}

TEST(Scheduler, AClockJumpMovesTheWallClockOfOneDevice) {
  World world;
  constexpr std::int64_t hour = 3600 * second_ns;
  std::int64_t wall = 0, monotonic = 0;
  const auto look = [&](Doors& doors) {
    wall = doors.clock.now_ns();
    monotonic = doors.clock.monotonic_ns();
  };
  world.device("laptop").run("look", look);
  const std::int64_t wall_before = wall, monotonic_before = monotonic;
  world.device("laptop").jump_clock(-hour);
  world.device("laptop").run("look", look);
  EXPECT_LT(wall, wall_before - hour + second_ns);
  EXPECT_GT(monotonic, monotonic_before);
  world.device("phone").run("look", look);
  EXPECT_GT(wall, wall_before);
}

TEST(Scheduler, ADaemonGoesOnInTheNextRun) {
  World world;
  int rounds = 0;
  Process& daemon = world.start("daemon",
                                [&](Doors& doors) {
                                  while (doors.files.stat("/tmp")) ++rounds;
                                },
                                {.daemon = true});
  const auto busy = [](Doors& doors) {
    for (int i = 0; i < 200; ++i) (void)doors.files.stat("/tmp");
  };
  world.device("laptop").run("work", busy);
  const int after_first = rounds;
  EXPECT_GT(after_first, 0);
  world.device("laptop").run("work", busy);
  EXPECT_GT(rounds, after_first);
  EXPECT_FALSE(daemon.ended());
}

TEST(Scheduler, ARunThatDoesNotEndIsStoppedAndTold) {
  World world;
  world.scheduler().calls_max(1000);
  const Status result = world.device("laptop").run("endless", [](Doors& doors) -> Status {
    for (;;) HF_OK(doors.files.stat("/tmp"));
  });
  EXPECT_EQ(result.error().code, Code::Crashed);
  EXPECT_THAT(world.take_problems(), ElementsAre(HasSubstr("did not end within 1000 door calls")));
}

TEST(Scheduler, AProcessThatIgnoresItsDeathIsUnwoundAndTold) {
  World world;
  const Status result = world.device("laptop").run("stubborn", [&](Doors& doors) -> Status {
    world.kill(*world.scheduler().current());
    for (;;) (void)doors.files.stat("/tmp");
  });
  EXPECT_EQ(result.error().code, Code::Crashed);
  EXPECT_THAT(world.take_problems(), ElementsAre(HasSubstr("goes on calling its doors")));
}

TEST(Scheduler, ADeadProcessThatWaitsForADeadlineComesToItsEnd) {
  World world;
  world.device("laptop").run("waiter", [&](Doors& doors) {
    world.kill(*world.scheduler().current());
    const std::int64_t deadline = doors.clock.monotonic_ns() + 60 * second_ns;
    while (doors.clock.monotonic_ns() < deadline) doors.clock.sleep_ns(second_ns);
  });
  EXPECT_TRUE(world.take_problems().empty());
}

TEST(Scheduler, WhatAProcessThrowsIsTold) {
  World world;
  world.device("laptop").run("thrower", [](Doors&) { throw std::runtime_error("a defect"); });
  EXPECT_THAT(world.take_problems(), ElementsAre("laptop/thrower threw: a defect"));
}

TEST(Scheduler, AllProcessesOfADeviceDieWithItsPowerAndOthersLive) {
  World world(Fault{.step = 3});
  std::set<std::string> alive;
  for (const char* device : {"laptop", "phone"}) {
    for (const char* name : {"a", "b"}) {
      world.device(device).start(name, [&, device](Doors& doors) {
        for (int i = 0; i < 5; ++i) {
          if (!doors.files.replace_file("/tmp/f", {})) return;
        }
        alive.insert(device);
      });
    }
  }
  world.run();
  EXPECT_THAT(alive, SizeIs(1));
  EXPECT_TRUE(world.crashed());
  const std::string dead = alive.contains("phone") ? "laptop" : "phone";
  EXPECT_EQ(world.device(dead).run("more", [](Doors&) -> Status { return {}; }).error().code, Code::Crashed);
  world.restore_power();
  EXPECT_TRUE(world.device(dead).run("more", [](Doors& doors) { return doors.files.stat("/tmp"); }));
}

TEST(Scheduler, NobodyHearsTheDead) {
  World world;
  world.device("laptop").run("p", [&](Doors&) {
    world.acknowledge("alive");
    world.kill(*world.scheduler().current());
    world.acknowledge("dead");
  });
  EXPECT_THAT(world.acknowledged(), ElementsAre("alive"));
}

TEST(Scheduler, AProcessThatStillRunsAtTheEndIsUnwound) {
  bool unwound = false;
  {
    World world;
    world.start("daemon",
                [&](Doors& doors) {
                  while (doors.files.stat("/tmp")) doors.clock.sleep_ns(second_ns);
                  unwound = true;
                },
                {.daemon = true});
    world.device("laptop").run("p", [](Doors& doors) { doors.clock.sleep_ns(10 * second_ns); });
  }
  EXPECT_TRUE(unwound);
}

TEST(Workers, JobsEndInAnyOrderAndAllEnd) {
  std::set<std::vector<int>> orders;
  for (const std::uint64_t seed : fixed_seeds(50)) {
    World world(Fault{.seed = seed});
    world.device("laptop").run("p", [&](Doors& doors) {
      Jobs<int> jobs(doors.workers);
      for (int i = 0; i < 3; ++i) jobs.submit([i] { return i; });
      std::vector<int> order;
      while (jobs.in_flight() > 0) order.push_back(jobs.next().second);
      orders.insert(order);
    });
  }
  EXPECT_THAT(orders, SizeIs(6));
}

TEST(Random, IsTheSameForTheSameSeedAndDiffersBetweenProcesses) {
  const auto draw = [](std::uint64_t seed, const std::string& name) {
    Bytes bytes(32);
    World world(Fault{.seed = seed});
    world.device("laptop").run(name, [&](Doors& doors) { doors.random.fill(bytes); });
    return bytes;
  };
  EXPECT_EQ(draw(1, "a"), draw(1, "a"));
  EXPECT_NE(draw(1, "a"), draw(2, "a"));
  EXPECT_NE(draw(1, "a"), draw(1, "b"));
}

TEST(Plan, GivesEachStepOfEachSeedAndTheCrashAfterTheEnd) {
  const auto three_steps = [](World& world) {
    world.start("p", [](Doors& doors) {
      const auto file = doors.files.open("/tmp/f", OpenMode::create_new).value();
      EXPECT_TRUE(file->write_at(0, as_bytes("x")));
      EXPECT_TRUE(file->sync());
    });
    world.run();
  };
  std::vector<std::uint64_t> seen;
  for (const Fault& fault : PowerCuts{.run = three_steps, .seeds = {7, 9}})
    seen.push_back(fault.seed * 10 + fault.step);
  if (replayed_step()) return;
  EXPECT_THAT(seen, ElementsAre(71, 72, 73, 74, 91, 92, 93, 94));
  std::vector<std::uint64_t> few;
  for (const Fault& fault : Kills{.run = three_steps, .seeds = {7}, .steps_max = 3, .again_max = 5}) {
    few.push_back(fault.step);
    EXPECT_EQ(fault.crash, Crash::kill);
    EXPECT_THAT(fault.again, testing::AllOf(testing::Ge(1u), testing::Le(5u)));
  }
  ASSERT_THAT(few, SizeIs(3));
  EXPECT_EQ(few.front(), 1u);
  EXPECT_EQ(few.back(), 4u);
}

TEST(Plan, ASecondCrashMeetsTheRecovery) {
  World world(Fault{.step = 2, .again = 3});
  Device& laptop = world.device("laptop");
  const auto work = [](Doors& doors) { return doors.files.replace_file("/tmp/f", {}); };
  EXPECT_FALSE(laptop.run("work", work));
  world.restore_power();
  EXPECT_FALSE(laptop.run("work", work));
  EXPECT_EQ(world.steps(), 5u);
  world.restore_power();
  EXPECT_TRUE(laptop.run("work", work));
}

TEST(Plan, SaysHowToReplay) {
  const Fault fault{.seed = 4711, .step = 37};
  EXPECT_EQ(fault.replay_command(), "scripts/sim Plan.SaysHowToReplay --seed 4711 --step 37");
}

TEST(Marks, BelongToTheTestThatMetThem) {
  World world;
  reached("sim: a mark of this test");
  EXPECT_REACHED("sim: a mark of this test");
  EXPECT_FALSE(mark_reached("sim: another mark"));
}

TEST(Marks, AreForgottenInTheNextTest) { EXPECT_FALSE(mark_reached("sim: a mark of this test")); }

}  // namespace
}  // namespace holdfast::sim
