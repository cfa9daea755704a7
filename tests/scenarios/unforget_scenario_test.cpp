// Bringing forgotten snapshots back, among power cuts and other writers, before and after the server has freed what a
// prune retired.
#include <gtest/gtest.h>

#include <algorithm>

#include "backup/unforget.h"
#include "session/spaces.h"
#include "tests/scenarios/direct_command.h"

namespace holdfast::sim {
namespace {

Result<backup::UnforgetReport> unforget(Doors& doors, const std::string& id) {
  HF_TRY(auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  backup::UnforgetOptions options;
  options.ids = {id};
  return backup::run_unforget(*space, options);
}

Result<std::vector<backup::ForgottenSnapshot>> forgotten(Doors& doors) {
  HF_TRY(auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  return backup::list_forgotten(*space);
}

// The first of two snapshots is forgotten, and pruned; most of its data is in no other.
struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given) { plant(laptop.hand(), world.dice()); }

  Status until_it_is_pruned() {
    HF_OK(sign_up_once());
    first = look(laptop.hand(), tree_of_user);
    HF_TRY(const auto saved, laptop.run("backup", [](Doors& doors) { return back_up(doors, tree_of_user); }));
    id = saved.snapshot.id.hex();
    change(laptop.hand(), world.dice());
    Bytes other(500'000);
    for (auto& byte : other) byte = static_cast<std::uint8_t>(world.dice().below(256));
    HF_TRY(const auto file, laptop.hand().open(tree_of_user + "/large", OpenMode::create_or_truncate));
    HF_OK(file->write_at(0, other));
    HF_OK(laptop.run("backup", [](Doors& doors) { return back_up(doors, tree_of_user); }));
    HF_OK(laptop.run("forget", [](Doors& doors) { return forget_all_but(doors, 1); }));
    HF_TRY(const auto pruned, laptop.run("prune", [](Doors& doors) { return prune(doors); }));
    return pruned.packs_dead + pruned.packs_repacked > 0 ? Status() : fail(Code::Internal, "nothing was retired");
  }
  Result<backup::UnforgetReport> unforget_once() {
    return laptop.run("unforget", [&](Doors& doors) { return unforget(doors, id); });
  }
  std::vector<std::string> ids() {
    return laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); }).value();
  }
  void expect_first_is_whole() {
    const Path target = "/home/user/out-" + std::to_string(++restores);
    const auto done = laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
    ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
    EXPECT_EQ(done->problems_count, 0u);
    EXPECT_EQ(look(laptop.hand(), target + "/documents"), first);
    const auto whole = laptop.run("check", [](Doors& doors) { return check(doors); });
    ASSERT_TRUE(whole) << whole.error().sentence;
    EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
  }

  std::string id;
  PlainTree first;
  int restores = 0;
};

TEST(UnforgetScenario, WithinTheGraceAllComesBackAndStays) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.until_it_is_pruned());
  const auto told = scene.laptop.run("list", forgotten);
  ASSERT_TRUE(told) << told.error().sentence;
  ASSERT_EQ(told->size(), 1u);
  EXPECT_EQ(told->front().snapshot.id.hex(), scene.id);
  EXPECT_TRUE(told->front().pruned_ns);
  const auto done = scene.unforget_once();
  ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
  EXPECT_GT(done->packs_brought_back, 0u);
  scene.server->sweep_as_in_weeks();
  scene.expect_first_is_whole();
  EXPECT_EQ(scene.ids().size(), 2u);
  EXPECT_TRUE(scene.laptop.run("list", forgotten)->empty());
  ASSERT_TRUE(scene.laptop.run("prune", [](Doors& doors) { return prune(doors); }));
  scene.server->sweep_as_in_weeks();
  scene.expect_first_is_whole();
}

TEST(UnforgetScenario, AfterTheGraceItSaysSoAndChangesNothing) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.until_it_is_pruned());
  scene.server->sweep_as_in_weeks();
  const std::uint64_t before = scene.server->bytes_stored();
  const auto done = scene.unforget_once();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code, Code::NotFound);
  EXPECT_NE(done.error().sentence.find("grace is over"), std::string::npos) << done.error().sentence;
  EXPECT_EQ(scene.ids().size(), 1u);
  EXPECT_EQ(scene.server->bytes_stored(), before);
}

// Promise: wherever it is cut short, the snapshot is there whole or not at all, and the same command brings it back.
template <class Plan>
void expect_recovery(const Plan& plan) {
  int cut_short = 0;
  for (const Fault& fault : plan) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    if (!scene.until_it_is_pruned()) continue;  // cut short before what this is about
    ++cut_short;
    (void)scene.unforget_once();
    world.restore_power();
    const auto ids = scene.ids();
    if (std::ranges::find(ids, scene.id) != ids.end()) scene.expect_first_is_whole();
    const auto done = scene.unforget_once();
    ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
    scene.server->sweep_as_in_weeks();
    scene.expect_first_is_whole();
    EXPECT_EQ(scene.ids().size(), 2u);
    if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) return;
  }
  EXPECT_GT(cut_short, 5);
}

void play_once(World& world) {
  Scene scene(world);
  if (scene.until_it_is_pruned()) (void)scene.unforget_once();
}

TEST(UnforgetScenario, IsAllOrNothingWhereverThePowerFails) {
  expect_recovery(PowerCuts{.run = play_once, .seeds = sim_seeds(2), .steps_max = 60});
}

// What others do at each call of it.
class UnforgetAmongWriters : public ::testing::Test {
 protected:
  static bool play(std::size_t at_call, const SpaceWork& other) {
    World world;
    Scene scene(world);
    EXPECT_TRUE(scene.until_it_is_pruned());
    const auto unforget = [&scene](session::SpaceSession& space) -> Status {
      backup::UnforgetOptions options;
      options.ids = {scene.id};
      HF_OK(backup::run_unforget(space, options));
      return {};
    };
    const auto played = scene.laptop.run(
        "both", [&](Doors& doors) { return run_among(doors, *scene.server, at_call, unforget, other); });
    EXPECT_TRUE(played) << played.error().sentence << " " << played.error().object;
    scene.server->sweep_as_in_weeks();
    scene.expect_first_is_whole();
    EXPECT_TRUE(scene.laptop.run("prune", [](Doors& doors) { return prune(doors); }));
    scene.server->sweep_as_in_weeks();
    scene.expect_first_is_whole();
    return played && *played;
  }
  static std::size_t play_at_each_call(const SpaceWork& other) {
    return sim::play_at_each_call([&](std::size_t call) { return play(call, other); });
  }
};

TEST_F(UnforgetAmongWriters, APruneAtAnyCallCostsNothing) {
  EXPECT_GT(play_at_each_call([](session::SpaceSession& space) -> Status {
              HF_OK(backup::run_prune(space, {}));
              return {};
            }),
            5u);
}

TEST_F(UnforgetAmongWriters, ABackupAtAnyCallCostsNothing) {
  EXPECT_GT(play_at_each_call([](session::SpaceSession& space) -> Status {
              backup::BackupOptions options;
              options.paths = {tree_of_user};
              options.host = "laptop";
              HF_OK(backup::run_backup(space, options));
              return {};
            }),
            5u);
  EXPECT_REACHED("unforget: planned anew at another head");
}

}  // namespace
}  // namespace holdfast::sim
