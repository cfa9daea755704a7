// The canary: programs with one known defect each. A campaign that lets one of them pass would let ours pass too.
//
// The program keeps a counter on disk and at the server. add() is acknowledged when it is durable on disk and known to
// the server; after any crash the next add() must go on from there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "tests/simulation/equal_ends.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

const Path path = "/home/user/count";

using Store = std::function<Status(Files&, std::uint8_t)>;

Status right(Files& files, std::uint8_t count) { return files.replace_file(path, Bytes{count}); }

Status without_syncing_the_bytes(Files& files, std::uint8_t count) {
  {
    HF_TRY(const auto file, files.open(path + ".new", OpenMode::create_or_truncate));
    HF_OK(file->write_at(0, Bytes{count}));
  }
  HF_OK(files.rename(path + ".new", path));
  return files.sync_directory("/home/user");
}

Status without_syncing_the_name(Files& files, std::uint8_t count) {
  {
    HF_TRY(const auto file, files.open(path + ".new", OpenMode::create_or_truncate));
    HF_OK(file->write_at(0, Bytes{count}));
    HF_OK(file->sync());
  }
  return files.rename(path + ".new", path);
}

Status in_place(Files& files, std::uint8_t count) {
  HF_TRY(const auto file, files.open(path, OpenMode::create_or_truncate));
  HF_OK(file->write_at(0, Bytes{count}));
  HF_OK(file->sync());
  return files.sync_directory("/home/user");
}

// What stands there is read back as a count; no file is 0, an empty one is a loss.
Result<std::uint8_t> load(Files& files) {
  const auto bytes = files.read_file(path, 16);
  if (!bytes && bytes.error().code == Code::NotFound) return std::uint8_t{0};
  if (!bytes) return pass_on(bytes.error());
  if (bytes->size() != 1) return fail(Code::Malformed, "the count is lost", path);
  return bytes->front();
}

Status add_three(World& world, Doors& doors, const Store& store) {
  for (int i = 0; i < 3; ++i) {
    HF_TRY(const std::uint8_t count, load(doors.files));
    HF_OK(store(doors.files, static_cast<std::uint8_t>(count + 1)));
    world.acknowledge(std::to_string(count + 1));
  }
  return {};
}

// How many runs of the campaign lost something that was acknowledged, or could not go on.
template <class Plan>
int losses(const Store& store, std::size_t seeds, std::uint64_t again_max = 0) {
  const auto undisturbed = [&](World& world) {
    world.start("count", [&](Doors& doors) { EXPECT_TRUE(add_three(world, doors, store)); });
    world.run();
  };
  int lost = 0;
  for (const Fault& fault : Plan{.run = undisturbed, .seeds = sim_seeds(seeds), .again_max = again_max}) {
    World world(fault);
    Device& laptop = world.device("laptop");
    const auto add = [&](Doors& doors) { return add_three(world, doors, store); };
    (void)laptop.run("count", add);
    world.restore_power();
    if (again_max != 0) {
      (void)laptop.run("count", add);
      world.restore_power();
    }
    const auto count = laptop.run("look", [&](Doors& doors) { return load(doors.files); });
    const int last = world.acknowledged().empty() ? 0 : std::stoi(world.acknowledged().back());
    if (!count || *count < last)
      ++lost;
    else if (!laptop.run("count", add))
      ++lost;
  }
  return lost;
}

TEST(Canary, TheRightProgramLosesNothingAtAnyStep) {
  EXPECT_EQ(losses<PowerCuts>(right, 20), 0);
  EXPECT_EQ(losses<PowerCuts>(right, 20, 10), 0);
  EXPECT_EQ(losses<Kills>(right, 20), 0);
  EXPECT_REACHED("sim: write lost");
  EXPECT_REACHED("sim: name lost");
}

TEST(Canary, AMissingSyncOfTheBytesIsCaught) { EXPECT_GT(losses<PowerCuts>(without_syncing_the_bytes, 5), 0); }

TEST(Canary, AMissingSyncOfTheNameIsCaught) { EXPECT_GT(losses<PowerCuts>(without_syncing_the_name, 5), 0); }

TEST(Canary, OverwritingInPlaceIsCaughtByPowerCutsAndKills) {
  EXPECT_GT(losses<PowerCuts>(in_place, 5), 0);
  EXPECT_GT(losses<Kills>(in_place, 5), 0);
}

TEST(Canary, AKillAloneDoesNotShowAMissingSync) { EXPECT_EQ(losses<Kills>(without_syncing_the_bytes, 5), 0); }

// A client that repeats a call until it is answered, and a server that counts each one: exactly the duplicates that
// lost answers and repeated calls make must show.
int counted_twice(bool idempotent) {
  int wrong = 0;
  for (const Fault& fault : calm_faults(sim_seeds(50), rough_network())) {
    World world(fault);
    std::set<Bytes> seen;
    int count = 0;
    world.serve([&](const Call& call) -> Result<Bytes> {
      if (!idempotent || seen.insert(call.body).second) ++count;
      return Bytes{};
    });
    const Status done = world.device("laptop").run("count", [](Doors& doors) -> Status {
      for (std::uint8_t i = 0; i < 5; ++i) {
        for (int tries = 0;; ++tries) {
          if (tries == 50) return fail(Code::Unreachable, "it never came through");
          (void)doors.remote.submit({.name = "add", .body = {i}, .bulk = {}});
          if (doors.remote.next().second) break;
          doors.clock.sleep_ns(second_ns);
        }
      }
      return {};
    });
    EXPECT_TRUE(done) << fault.replay_command();
    world.advance(3600 * second_ns);
    if (count != 5) ++wrong;
  }
  return wrong;
}

TEST(Canary, ACallThatIsNotIdempotentIsCaught) { EXPECT_GT(counted_twice(false), 0); }
TEST(Canary, AnIdempotentCallCountsOnce) { EXPECT_EQ(counted_twice(true), 0); }

TEST(Canary, EqualSeedsEndEqualWhereverThePowerFails) {
  const auto scenario = [](World& world) {
    const auto add = [&](Doors& doors) { return add_three(world, doors, right); };
    (void)world.device("laptop").run("count", add);
    world.restore_power();
    (void)world.device("laptop").run("count", add);
  };
  const auto undisturbed = [](World& world) {
    world.start("count", [&](Doors& doors) { EXPECT_TRUE(add_three(world, doors, right)); });
    world.run();
  };
  for (const Fault& fault : PowerCuts{.run = undisturbed, .seeds = sim_seeds(3)}) {
    EXPECT_TRUE(ends_equal(fault, scenario));
  }
}

}  // namespace
}  // namespace holdfast::sim
