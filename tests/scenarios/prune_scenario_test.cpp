// Forgetting and pruning, among power cuts and other writers, on a server that frees what it may at the worst moment.
#include <gtest/gtest.h>

#include "session/heal.h"
#include "session/spaces.h"
#include "tests/scenarios/direct_command.h"

namespace holdfast::sim {
namespace {

struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given) { plant(laptop.hand(), world.dice()); }

  Status back_up_once() {
    const PlainTree tree = look(laptop.hand(), tree_of_user);
    const auto done = laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
    if (!done) return pass_on(done.error());
    promised[done->snapshot.id.hex()] = tree;
    return {};
  }
  Status forget_once() {
    return laptop.run("forget", [](Doors& doors) { return forget_all_but(doors, 1); });
  }
  Result<backup::PruneReport> prune_once() {
    return laptop.run("prune", [](Doors& doors) { return prune(doors); });
  }
  // Most of the first snapshot's data is in no later one, some of its packs' is.
  void change_much() {
    change(laptop.hand(), world.dice());
    write_document(laptop.hand(), "large", some_bytes(world.dice(), 500'000));
  }

  // All that the space lists is as it was when it was saved.
  void expect_promises_kept() {
    const auto ids = laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); });
    ASSERT_TRUE(ids) << ids.error().sentence;
    ASSERT_FALSE(ids->empty());
    for (const std::string& id : *ids) {
      if (!promised.contains(id)) continue;  // its command did not live to tell
      const Path target = "/home/user/out-" + std::to_string(++restores);
      const auto done = laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
      ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
      EXPECT_EQ(done->problems_count, 0u);
      EXPECT_EQ(look(laptop.hand(), target + "/documents"), promised[id]);
    }
    const auto whole = laptop.run("check", [](Doors& doors) { return check(doors); });
    ASSERT_TRUE(whole) << whole.error().sentence;
    EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
  }

  std::map<std::string, PlainTree> promised;
  int restores = 0;
};

void two_backups_and_a_prune(Scene& scene) {
  (void)scene.sign_up_once();
  (void)scene.back_up_once();
  scene.change_much();
  (void)scene.back_up_once();
  (void)scene.forget_once();
  (void)scene.prune_once();
}

// Promise: wherever it is cut short, the same commands end it, what is kept is whole before and after the server has
// freed the rest, and the rest is freed.
template <class Plan>
void expect_recovery(const Plan& plan) {
  for (const Fault& fault : plan) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    two_backups_and_a_prune(scene);
    world.restore_power();
    const auto signed_up = scene.sign_up_once();
    ASSERT_TRUE(signed_up) << signed_up.error().sentence << " " << signed_up.error().object;
    const auto backed_up = scene.back_up_once();
    ASSERT_TRUE(backed_up) << backed_up.error().sentence << " " << backed_up.error().object;
    scene.expect_promises_kept();
    const auto forgot = scene.forget_once();
    ASSERT_TRUE(forgot) << forgot.error().sentence;
    const auto pruned = scene.prune_once();
    ASSERT_TRUE(pruned) << pruned.error().sentence << " " << pruned.error().object;
    scene.expect_promises_kept();
    const std::uint64_t before = scene.server->bytes_stored();
    scene.server->sweep_as_in_weeks();
    if (pruned->bytes_retired > 0) {
      EXPECT_LT(scene.server->bytes_stored(), before);
    }
    scene.expect_promises_kept();
    const auto again = scene.prune_once();
    ASSERT_TRUE(again) << again.error().sentence;
    EXPECT_EQ(again->packs_dead + again->packs_repacked, 0u);
    if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) return;
  }
}

void play_once(World& world) {
  Scene scene(world);
  two_backups_and_a_prune(scene);
}

TEST(PruneScenario, LosesNothingThatIsKeptWhereverThePowerFails) {
  expect_recovery(PowerCuts{.run = play_once, .seeds = sim_seeds(3), .steps_max = 25});
  EXPECT_REACHED("session: upload goes on after an interruption");
}

TEST(PruneScenario, LosesNothingThatIsKeptWhereverItIsKilled) {
  expect_recovery(Kills{.run = play_once, .seeds = sim_seeds(2), .steps_max = 20});
}

TEST(PruneScenario, SucceedsOverARoughNetwork) {
  for (const Fault& fault : calm_faults(sim_seeds(15), rough_network())) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    ASSERT_TRUE(patiently([&] { return scene.sign_up_once(); }));
    ASSERT_TRUE(patiently([&] { return scene.back_up_once(); }));
    scene.change_much();
    ASSERT_TRUE(patiently([&] { return scene.back_up_once(); }));
    ASSERT_TRUE(patiently([&] { return scene.forget_once(); }));
    ASSERT_TRUE(patiently([&]() -> Status {
      HF_OK(scene.prune_once());
      return {};
    }));
    world.network().chances({});
    scene.server->sweep_as_in_weeks();
    scene.expect_promises_kept();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Promise: a part of the index that is made anew stays before younger ones, since of two places of a chunk the later
// one counts: it was sent because the earlier one is bad, and a prune keeps it alone.
TEST(PruneScenario, APartOfTheIndexThatIsMadeAnewStaysWhereItWas) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  for (int number = 0; number < 40; ++number)
    write_document(scene.laptop.hand(), "file " + std::to_string(number), some_bytes(world.dice(), 50));
  ASSERT_TRUE(scene.back_up_once());
  write_document(scene.laptop.hand(), "late", some_bytes(world.dice(), 100'000));
  ASSERT_TRUE(scene.back_up_once());
  const Status mended = scene.laptop.run("mend", [&](Doors& doors) -> Status {
    HF_TRY(auto home, open_home(doors));
    Command command(doors, home, *scene.server);
    HF_TRY(const auto space, session::open_space(command.session, session::backups_space));
    const auto before = space->state().index;
    EXPECT_EQ(before.size(), 2u);
    EXPECT_GT(before.front().records, before.back().records);
    const ObjectId lost = before.front().objects.front().id;
    command.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      HF_TRY(Bytes bytes, honest());
      if (call.name != api::Stat::name) return bytes;
      HF_TRY(const auto asked, decode<api::Stat>(call.body, "a call"));
      HF_TRY(auto answer, decode<api::Answer<api::Stat>>(bytes, "an answer"));
      auto& objects = std::get<api::Stat::Reply>(answer).objects;
      for (std::size_t i = 0; i < asked.ids.size(); ++i)
        if (asked.ids[i] == lost) objects[i] = {};
      return encode(answer);
    };
    HF_OK(session::heal_spaces(command.session));
    HF_OK(space->refresh());
    const auto& after = space->state().index;
    EXPECT_EQ(after.size(), 2u);
    EXPECT_NE(after.front().objects.front().id, lost);
    EXPECT_EQ(after.front().records, before.front().records);
    EXPECT_EQ(after.back().objects, before.back().objects);
    return {};
  });
  ASSERT_TRUE(mended) << mended.error().sentence;
  EXPECT_REACHED("session: lost index segment made anew");
  scene.expect_promises_kept();
}

// What the server holds for the space's index as it is.
Result<std::uint64_t> index_bytes(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  std::vector<ObjectId> ids;
  for (const auto& segment : space->state().index)
    for (const auto& object : segment.objects) ids.push_back(object.id);
  std::uint64_t bytes = 0;
  HF_OK(space->stat(ids, [&](std::size_t, const api::ObjectStatus& object) { bytes += object.size; }));
  return bytes;
}

// What a dry run tells, what the prune tells after it, and what the server holds before and after its grace.
struct Freed {
  backup::PruneReport dry, done;
  std::uint64_t held_before = 0, held_after = 0, index_before = 0, index_after = 0;
};

class PruneFrees : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(scene.sign_up_once());
    ASSERT_TRUE(scene.back_up_once());
  }
  void back_up_two(const std::string& name, std::size_t bytes) {
    write_document(scene.laptop.hand(), name + " a", some_bytes(world.dice(), bytes));
    write_document(scene.laptop.hand(), name + " b", some_bytes(world.dice(), bytes));
    ASSERT_TRUE(scene.back_up_once());
  }
  void drop(const std::string& name) { write_document(scene.laptop.hand(), name, to_bytes(as_bytes("x"))); }
  void prune_all_but_the_last(Freed& freed) {
    ASSERT_TRUE(scene.back_up_once());
    ASSERT_TRUE(scene.forget_once());
    scene.server->sweep_as_in_weeks();
    freed.held_before = scene.server->bytes_stored();
    freed.index_before = scene.laptop.run("index", index_bytes).value();
    const auto dry = scene.laptop.run("dry run", [](Doors& doors) -> Result<backup::PruneReport> {
      HF_TRY(const auto home, open_home(doors));
      HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
      backup::PruneOptions options;
      options.dry_run = true;
      return backup::run_prune(*space, options);
    });
    ASSERT_TRUE(dry) << dry.error().sentence;
    freed.dry = *dry;
    const auto done = scene.prune_once();
    ASSERT_TRUE(done) << done.error().sentence;
    freed.done = *done;
    scene.server->sweep_as_in_weeks();
    freed.held_after = scene.server->bytes_stored();
    freed.index_after = scene.laptop.run("index", index_bytes).value();
    scene.expect_promises_kept();
  }
  static void expect_same_figures(const Freed& freed) {
    EXPECT_EQ(freed.dry.packs_dead, freed.done.packs_dead);
    EXPECT_EQ(freed.dry.packs_repacked, freed.done.packs_repacked);
    EXPECT_EQ(freed.dry.bytes_stored, freed.done.bytes_stored);
    EXPECT_EQ(freed.dry.bytes_retired, freed.done.bytes_retired);
    EXPECT_EQ(freed.dry.bytes_copied, freed.done.bytes_copied);
    EXPECT_EQ(freed.held_before + freed.index_after + freed.done.bytes_copied,
              freed.held_after + freed.index_before + freed.done.bytes_retired);
  }
  World world;
  Scene scene{world};
};

// Promise: a dry run tells what the prune tells, and both what the server frees, padding and all. Method: random bytes,
// so that nothing shrinks; four packs of which half is dead share a new one.
TEST_F(PruneFrees, WhatItSaysAndWhatADryRunSays) {
  for (const char* name : {"one", "two", "three", "four"}) back_up_two(name, 400'000);
  for (const char* name : {"one", "two", "three", "four"}) drop(std::string(name) + " a");
  Freed freed;
  prune_all_but_the_last(freed);
  EXPECT_EQ(freed.done.packs_repacked, 4u);
  EXPECT_LT(freed.held_after, freed.held_before);
  expect_same_figures(freed);
}

// Promise: the rest of a pack is not copied where its padding and the index that names it cost what is freed.
TEST_F(PruneFrees, NothingByCopyingWhatPaddingCostsAgain) {
  back_up_two("small", 25'000);
  drop("small a");
  Freed freed;
  prune_all_but_the_last(freed);
  EXPECT_EQ(freed.done.packs_repacked, 0u);
  EXPECT_LE(freed.held_after, freed.held_before);
  expect_same_figures(freed);
}

// Promise: nor where what is needed shrinks less than was to be expected of its block, which shows by copying it.
TEST_F(PruneFrees, NothingByCopyingWhatDoesNotShrink) {
  write_document(scene.laptop.hand(), "mixed a", Bytes(400'000, 'a'));
  write_document(scene.laptop.hand(), "mixed b", some_bytes(world.dice(), 400'000));
  ASSERT_TRUE(scene.back_up_once());
  drop("mixed a");
  Freed freed;
  prune_all_but_the_last(freed);
  EXPECT_REACHED("prune: copies that would free nothing are dropped");
  EXPECT_EQ(freed.done.packs_repacked, 0u);
  EXPECT_LE(freed.held_after, freed.held_before);
}

Status back_up_now(session::SpaceSession& space) {
  backup::BackupOptions options;
  options.paths = {tree_of_user};
  options.host = "laptop";
  HF_OK(backup::run_backup(space, options));
  return {};
}
Status prune_now(session::SpaceSession& space) {
  HF_OK(backup::run_prune(space, {}));
  return {};
}

// What it sent waits for the next one, which can commit on the way from the start.
Status back_up_in_vain(Doors& doors, BackupServer& server) {
  HF_TRY(auto home, open_home(doors));
  Command refused(doors, home, server);
  refused.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
    if (call.name == api::Append::name) return fail(Code::NoSpaceLeft, "refused");
    return honest();
  };
  HF_TRY(const auto space, session::open_space(refused.session, session::backups_space));
  EXPECT_EQ(back_up_now(*space).error().code, Code::NoSpaceLeft);
  return {};
}

// Two commands of one account over one home: at each call of the one, all of the other happens.
class PruneAmongWriters : public ::testing::Test {
 protected:
  // The first snapshot is forgotten, and what only it needs is still there. back_again: it is on the disk again, too;
  // else the disk has a second file of what the other snapshot keeps.
  // True: `other` did happen; there are fewer calls else.
  static bool play(std::size_t at_call, const SpaceWork& one, const SpaceWork& other, bool frees_at_once,
                   bool back_again) {
    World world;
    Scene scene(world);
    EXPECT_TRUE(scene.sign_up_once());
    EXPECT_TRUE(scene.back_up_once());
    const Bytes large = scene.laptop.hand().read_file(tree_of_user + "/large", 1 << 24).value();
    scene.change_much();
    EXPECT_TRUE(scene.back_up_once());
    EXPECT_TRUE(scene.forget_once());
    if (back_again) {
      write_document(scene.laptop.hand(), "large", large);
    } else {
      write_document(scene.laptop.hand(), "copy",
                     scene.laptop.hand().read_file(tree_of_user + "/large", 1 << 24).value());
    }
    const PlainTree tree = look(scene.laptop.hand(), tree_of_user);
    const auto meanwhile = [&](session::SpaceSession& space) {
      const Status done = other(space);
      if (frees_at_once) scene.server->sweep_as_in_weeks();
      return done;
    };
    const auto played = scene.laptop.run(
        "both", [&](Doors& doors) { return run_among(doors, *scene.server, at_call, one, meanwhile); });
    const bool happened = played && *played;
    EXPECT_TRUE(played) << played.error().sentence << " " << played.error().object;
    scene.server->sweep_as_in_weeks();
    const auto ids = scene.laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); });
    EXPECT_TRUE(ids);
    if (ids && happened) {
      EXPECT_EQ(ids->size(), 2u);
      scene.promised[ids->back()] = tree;
    }
    scene.expect_promises_kept();
    EXPECT_TRUE(scene.prune_once());
    scene.server->sweep_as_in_weeks();
    scene.expect_promises_kept();
    return happened;
  }

  static std::size_t play_at_each_call(const SpaceWork& one, const SpaceWork& other, bool frees_at_once,
                                       bool back_again = true) {
    return sim::play_at_each_call([&](std::size_t call) { return play(call, one, other, frees_at_once, back_again); });
  }
};

TEST_F(PruneAmongWriters, APruneAtAnyCallOfABackupCostsNothing) {
  EXPECT_GT(play_at_each_call(back_up_now, prune_now, false), 5u);
  EXPECT_REACHED("backup: started over");
}

TEST_F(PruneAmongWriters, ABackupThatNeedsNothingOfWhatWasPrunedGoesOn) {
  EXPECT_GT(play_at_each_call(back_up_now, prune_now, false, false), 5u);
  EXPECT_REACHED("backup: a prune in between took nothing that it needs");
  EXPECT_FALSE(sim::mark_reached("backup: started over"));
}

// The roots go that a backup relies on: the snapshot before it, or, where it commits on the way, its own partial ones.
// later_s: how much later it is at each of its looks at the clock.
bool play_forgetting(std::size_t at_call, std::int64_t later_s) {
  World world;
  Scene scene(world);
  EXPECT_TRUE(scene.sign_up_once());
  EXPECT_TRUE(scene.back_up_once());
  write_document(scene.laptop.hand(), "alpha", some_bytes(world.dice(), 50'000));
  if (later_s > 0) {
    EXPECT_TRUE(scene.laptop.run("refused", [&](Doors& doors) { return back_up_in_vain(doors, *scene.server); }));
  }
  write_document(scene.laptop.hand(), "omega",
                 some_bytes(world.dice(), 1'000));  // its folder's nodes are not those sent in vain
  const auto forget_roots_and_prune = [&](session::SpaceSession& space) -> Status {
    HF_OK(space.refresh());
    HF_TRY(const auto snapshots, backup::list_snapshots(space));
    backup::ForgetOptions options;
    for (const auto& snapshot : snapshots)
      if (snapshot.partial == (later_s > 0)) options.ids.push_back(snapshot.id.hex());
    if (!options.ids.empty()) HF_OK(backup::run_forget(space, options));
    return prune_now(space);
  };
  const auto played = scene.laptop.run("both", [&](Doors& doors) {
    return run_among(doors, *scene.server, at_call, back_up_now, forget_roots_and_prune, later_s * second_ns);
  });
  const bool happened = played && *played;
  EXPECT_TRUE(played) << played.error().sentence << " " << played.error().object;
  scene.server->sweep_as_in_weeks();
  const auto ids = scene.laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); });
  EXPECT_TRUE(ids);
  if (!ids || ids->empty()) return happened;  // the backup had ended
  scene.promised = {{ids->back(), look(scene.laptop.hand(), tree_of_user)}};
  scene.expect_promises_kept();
  return happened;
}

TEST_F(PruneAmongWriters, ABackupWhoseRootsAreForgottenMeanwhileIsWhole) {
  for (const std::int64_t later_s : {0, 60, 300})
    EXPECT_GT(sim::play_at_each_call([&](std::size_t call) { return play_forgetting(call, later_s); }), 4u);
  EXPECT_REACHED("backup: started over");
  EXPECT_REACHED("backup: partial commit");
}

TEST_F(PruneAmongWriters, NorWhenTheServerFreesItAtOnce) {
  EXPECT_GT(play_at_each_call(back_up_now, prune_now, true), 5u);
}

TEST_F(PruneAmongWriters, ABackupAtAnyCallOfAPruneCostsNothing) {
  EXPECT_GT(play_at_each_call(prune_now, back_up_now, false), 5u);
  EXPECT_REACHED("prune: a commit in between is taken in");
  EXPECT_REACHED("prune: a pack that was to go is needed after all");
}

TEST_F(PruneAmongWriters, TwoPrunesAtOnceBothEnd) {
  const auto prune_and_back_up = [](session::SpaceSession& space) -> Status {
    HF_OK(prune_now(space));
    return back_up_now(space);
  };
  EXPECT_GT(play_at_each_call(prune_now, prune_and_back_up, true), 5u);
  EXPECT_REACHED("prune: started over");
}

}  // namespace
}  // namespace holdfast::sim
