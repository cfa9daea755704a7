// What may happen to a call, and that each of it does happen.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/simulation/fixed_seeds.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::SizeIs;

Bytes number(std::size_t value) { return {static_cast<std::uint8_t>(value)}; }

// One call of `name` under each of `seeds`: what the caller got and how often the server carried it out.
std::set<std::string> fates(const Chances& chances, std::size_t seeds) {
  std::set<std::string> seen;
  for (const std::uint64_t seed : fixed_seeds(seeds)) {
    World world(Fault{.seed = seed, .chances = chances});
    int handled = 0;
    world.serve([&](const Call&) {
      ++handled;
      return number(7);
    });
    std::string outcome;
    world.device("laptop").run("p", [&](Doors& doors) {
      const RequestId request_id = doors.remote.submit({.name = "call", .body = {}, .bulk = {}});
      const auto [answered, result] = doors.remote.next();
      EXPECT_EQ(answered, request_id);
      EXPECT_EQ(doors.remote.in_flight(), 0u);
      outcome = result ? "answer" : std::string(name_of(result.error().code));
    });
    world.advance(3600 * second_ns);
    seen.insert(outcome + " " + std::to_string(handled));
  }
  return seen;
}

TEST(Network, ACalmOneAnswersEachCallOnce) { EXPECT_THAT(fates({}, 50), ElementsAre("answer 1")); }

TEST(Network, ACallMayBeLostOnTheWay) {
  EXPECT_THAT(fates({.call_lost = 1000}, 50), ElementsAre("Timeout 0", "Unreachable 0"));
  EXPECT_REACHED("sim: call lost");
}

TEST(Network, AnAnswerMayBeLost) {
  EXPECT_THAT(fates({.answer_lost = 1000}, 50), ElementsAre("Timeout 1", "Unreachable 1"));
  EXPECT_REACHED("sim: answer lost");
}

TEST(Network, ACallMayBeCarriedOutTwice) {
  EXPECT_THAT(fates({.call_repeated = 1000}, 50), ElementsAre("answer 2"));
  EXPECT_REACHED("sim: call carried out twice");
}

TEST(Network, ACallMayBeCarriedOutAfterItsTime) {
  EXPECT_THAT(fates({.call_late = 1000}, 50), ElementsAre("Timeout 1"));
  EXPECT_REACHED("sim: call carried out after its time");
}

TEST(Network, TheServerMayCrashBeforeAndAfterACall) {
  EXPECT_THAT(fates({.server_crash = 1000}, 50), ElementsAre("Unreachable 0", "Unreachable 1"));
  EXPECT_REACHED("sim: server crashed");
}

TEST(Network, NoServerIsUnreachableUntilItComesBack) {
  World world;
  world.serve([](const Call&) { return number(1); });
  world.network().set_down(true);
  Device& laptop = world.device("laptop");
  const auto call = [](Doors& doors) -> Result<Bytes> {
    (void)doors.remote.submit({.name = "call", .body = {}, .bulk = {}});
    return doors.remote.next().second;
  };
  EXPECT_EQ(laptop.run("p", call).error().code, Code::Unreachable);
  world.network().set_down(false);
  EXPECT_TRUE(laptop.run("p", call));
}

TEST(Network, CallsOvertakeEachOther) {
  std::set<std::vector<std::size_t>> arrivals, answers;
  for (const std::uint64_t seed : fixed_seeds(200)) {
    World world(Fault{.seed = seed});
    std::vector<std::size_t> arrived, answered;
    world.serve([&](const Call& call) {
      arrived.push_back(call.body[0]);
      return call.body;
    });
    world.device("laptop").run("p", [&](Doors& doors) {
      for (std::size_t i = 0; i < 3; ++i) (void)doors.remote.submit({.name = "call", .body = number(i), .bulk = {}});
      while (doors.remote.in_flight() > 0) answered.push_back(doors.remote.next().second.value()[0]);
    });
    arrivals.insert(arrived);
    answers.insert(answered);
  }
  EXPECT_THAT(arrivals, SizeIs(6));
  EXPECT_THAT(answers, SizeIs(6));
}

TEST(Network, ATimeoutIsAsLongAsTheCallSays) {
  World world(Fault{.chances = {.call_late = 1000}});
  world.serve([](const Call&) { return number(1); });
  world.device("laptop").run("p", [](Doors& doors) {
    const std::int64_t before = doors.clock.monotonic_ns();
    (void)doors.remote.submit({.name = "call", .body = {}, .bulk = {}, .timeout_ns = 5 * second_ns});
    EXPECT_EQ(doors.remote.next().second.error().code, Code::Timeout);
    const std::int64_t took = doors.clock.monotonic_ns() - before;
    EXPECT_GE(took, 5 * second_ns);
    EXPECT_LT(took, 6 * second_ns);
  });
}

// A caller that died may have sent its call or not.
TEST(Network, TheCallsOfTheDeadArriveOrNot) {
  std::set<int> seen;
  for (const std::uint64_t seed : fixed_seeds(50)) {
    World world(Fault{.seed = seed});
    int handled = 0;
    world.serve([&](const Call&) {
      ++handled;
      return number(1);
    });
    world.device("laptop").run("p", [&](Doors& doors) {
      const RequestId request_id = doors.remote.submit({.name = "call", .body = {}, .bulk = {}});
      world.kill(*world.scheduler().current());
      const auto [answered, result] = doors.remote.next();
      EXPECT_EQ(answered, request_id);
      EXPECT_EQ(result.error().code, Code::Crashed);
      EXPECT_EQ(doors.remote.in_flight(), 0u);
    });
    world.advance(60 * second_ns);
    seen.insert(handled);
  }
  EXPECT_THAT(seen, ElementsAre(0, 1));
}

class WatchServer final : public Server {
 public:
  Result<Bytes> handle(const Call& call) override {
    if (call.name == "change") ++version;
    return number(version);
  }
  bool ready(const Call& call) override { return call.name != "watch" || version > call.body[0]; }
  void crashed(Prng& dice) override {
    if (dice.coin()) version = 0;
  }
  std::size_t version = 0;
};

TEST(Network, AWatchWaitsForTheChange) {
  World world;
  const auto server = std::make_shared<WatchServer>();
  world.serve(server);
  Device& laptop = world.device("laptop");
  const auto watch = [](Doors& doors) -> Result<Bytes> {
    (void)doors.remote.submit({.name = "watch", .body = number(0), .bulk = {}});
    return doors.remote.next().second;
  };
  const std::int64_t before = world.scheduler().now_ns();
  EXPECT_EQ(laptop.run("nothing happens", watch), number(0));
  EXPECT_GE(world.scheduler().now_ns() - before, 29 * second_ns);
  Result<Bytes> seen;
  laptop.start("watcher", [&](Doors& doors) { seen = watch(doors); });
  laptop.start("changer", [&](Doors& doors) {
    doors.clock.sleep_ns(second_ns);
    (void)doors.remote.submit({.name = "change", .body = {}, .bulk = {}});
    EXPECT_TRUE(doors.remote.next().second);
  });
  world.run();
  EXPECT_EQ(seen, number(1));
}

TEST(Network, ACrashedServerLosesWhatItsHookSays) {
  std::set<std::size_t> versions;
  for (const std::uint64_t seed : fixed_seeds(20)) {
    World world(Fault{.seed = seed});
    const auto server = std::make_shared<WatchServer>();
    world.serve(server);
    server->version = 5;
    world.network().crash_server();
    EXPECT_TRUE(world.network().down());
    versions.insert(server->version);
  }
  EXPECT_THAT(versions, ElementsAre(0, 5));
}

TEST(Network, WaitingForNothingIsAProblem) {
  World world;
  world.device("laptop").run("p", [](Doors& doors) { (void)doors.remote.next(); });
  EXPECT_THAT(world.take_problems(), SizeIs(1));
}

}  // namespace
}  // namespace holdfast::sim
