// What a server from an older copy, and a device from one, have lost is told, and made good as far as anybody has it
// (F6, D22).
#include <gtest/gtest.h>

#include "session/space_records.h"
#include "tests/scenarios/direct_command.h"
#include "tests/scenarios/heal_world.h"

namespace holdfast::sim {
namespace {

using Scene = HealWorld;

// Promise: it is told how much is lost, before anything is healed; then the log is as it was, what the disk still has
// is sent again by the next backup, and `status` keeps it. Method: once with the objects of the same time as the rows,
// once with newer ones, as a copy of a running server has.
TEST(HealScenario, AServerFromAnOlderCopyIsToldAndHealed) {
  for (const bool newer_objects : {false, true}) {
    World world;
    Scene scene(world);
    ASSERT_TRUE(scene.sign_up_once());
    ASSERT_TRUE(scene.back_up_once());
    auto older = scene.server->copy();
    ASSERT_TRUE(scene.grow_and_back_up());
    ASSERT_TRUE(scene.grow_and_back_up());
    if (newer_objects) older.objects = scene.server->copy().objects;
    scene.server->put_back(older);

    scene.expect_told("the server has lost the last 2 entries of the space's log");
    const auto done = scene.heal_once();
    ASSERT_TRUE(done) << done.error().sentence;
    EXPECT_FALSE(done->account_made);
    const auto& healed = scene.of_backups(*done);
    EXPECT_FALSE(healed.error) << healed.error->sentence;
    EXPECT_EQ(healed.lost.to - healed.lost.from, 1u);
    EXPECT_TRUE(healed.index_sent);
    EXPECT_GT(healed.packs_missing, 0u);
    EXPECT_FALSE(done->all_is_there());

    const auto kept = scene.laptop.run("events", [](Doors& doors) { return events(doors); });
    ASSERT_TRUE(kept);
    ASSERT_EQ(kept->size(), 1u);
    EXPECT_EQ(kept->at(0).kind, session::EventKind::server_lost_entries);
    EXPECT_TRUE(kept->at(0).done);

    ASSERT_TRUE(scene.back_up_all());
    scene.expect_promises_kept();
    scene.server->sweep_as_in_weeks();
    scene.expect_promises_kept();
    const auto again = scene.heal_once();
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->nothing_was_lost());
  }
  EXPECT_REACHED("session: the server has lost the end of a log");
  EXPECT_REACHED("session: an entry that the server had lost is appended again");
  EXPECT_REACHED("session: lost index segment made anew");
}

// A checkpoint comes every day, a copy of a server perhaps too.
TEST(HealScenario, ACheckpointInBetweenKeepsNoServerFromBeingHealed) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  const auto older = scene.server->copy();
  for (int day = 0; day < 3; ++day) {
    scene.laptop.jump_clock(25 * 3600 * second_ns);
    ASSERT_TRUE(scene.grow_and_back_up());
  }
  scene.server->put_back(older);
  scene.expect_told("the last 3 entries");
  const auto done = scene.heal_once();
  ASSERT_TRUE(done) << done.error().sentence;
  ASSERT_TRUE(scene.back_up_all());
  scene.expect_promises_kept();
}

TEST(HealScenario, AnAccountAndItsSpacesThatTheServerNeverHeardOfAreMadeAgain) {
  World world;
  Scene scene(world);
  const auto empty = scene.server->copy();
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  ASSERT_TRUE(scene.grow_and_back_up());
  scene.server->put_back(empty);
  scene.expect_told("does not know a space");
  const auto done = scene.heal_once();
  ASSERT_TRUE(done) << done.error().sentence;
  EXPECT_TRUE(done->account_made);
  for (const auto& space : done->spaces) EXPECT_TRUE(space.lost.space) << space.space;
  ASSERT_TRUE(scene.back_up_all());
  scene.expect_promises_kept();
  EXPECT_REACHED("session: a space that the server has lost is made again");
}

// Promise: `status` keeps it where nothing of a log had to be appended, too.
TEST(HealScenario, AnAccountAndAnEmptySpaceThatWereMadeAgainStayVisible) {
  World world;
  Scene scene(world);
  const auto empty = scene.server->copy();
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.laptop.run("create", [](Doors& doors) -> Status {
    HF_TRY(const auto home, open_home(doors));
    HF_OK(session::create_space(*home.session, "photos"));
    return {};
  }));
  scene.server->put_back(empty);
  ASSERT_TRUE(scene.heal_once());
  const auto kept = scene.laptop.run("events", [](Doors& doors) { return events(doors); });
  ASSERT_TRUE(kept);
  const auto has = [&](session::EventKind kind, const std::string& space) {
    return std::ranges::any_of(
        *kept, [&](const session::Event& event) { return event.kind == kind && event.space == space && event.done; });
  };
  EXPECT_TRUE(has(session::EventKind::server_lost_account, ""));
  EXPECT_TRUE(has(session::EventKind::server_lost_entries, "photos"));
  EXPECT_REACHED("session: an account that the server has lost is made again");
}

// Promise: as many as may come later, a healing that has not ended is not forgotten.
TEST(HealScenario, ManyNewerEventsPushOutNoneOfAHealingThatHasNotEnded) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  const auto kept = scene.laptop.run("events", [](Doors& doors) -> Result<std::vector<session::Event>> {
    HF_TRY(const auto home, open_home(doors));
    for (std::int64_t time = 1; time <= 150; ++time) {
      session::Change change;
      HF_OK(session::put_event(*home.shared->state,
                               {session::EventKind::server_lost_entries, time, "backups", 2, 3, time != 1}, change));
      HF_OK(home.shared->state->apply(change));
    }
    return session::read_events(*home.shared->state);
  });
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->size(), 100u);
  EXPECT_EQ(kept->front().time_ns, 1);
  EXPECT_EQ(kept->back().time_ns, 150);
}

// Promise: what a lost prune had copied and retired is not lost with the copies, though no disk has it any more.
TEST(HealScenario, WhatALostPruneHadReplacedIsTakenBackIntoTheIndex) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  for (int i = 0; i < 4; ++i)
    write_document(scene.laptop.hand(), "mixed-" + std::to_string(i), some_bytes(world.dice(), 150'000));
  ASSERT_TRUE(scene.back_up_once());
  const std::string first = scene.promised.begin()->first;
  for (int i = 0; i < 3; ++i)
    write_document(scene.laptop.hand(), "mixed-" + std::to_string(i), some_bytes(world.dice(), 150'000));
  ASSERT_TRUE(scene.back_up_once());
  scene.promised.erase(first);
  const auto older = scene.server->copy();
  ASSERT_TRUE(scene.laptop.run("forget", [](Doors& doors) { return forget_all_but(doors, 1); }));
  const auto pruned = scene.laptop.run("prune", [](Doors& doors) { return prune(doors); });
  ASSERT_TRUE(pruned) << pruned.error().sentence;
  EXPECT_GT(pruned->packs_repacked, 0u);
  scene.server->put_back(older);

  const auto done = scene.heal_once();
  ASSERT_TRUE(done) << done.error().sentence;
  const auto& healed = scene.of_backups(*done);
  ASSERT_FALSE(healed.error) << healed.error->sentence << healed.error->object;
  EXPECT_GT(healed.packs_returned, 0u);
  EXPECT_EQ(healed.packs_missing, 0u);
  scene.expect_promises_kept();
  scene.server->sweep_as_in_weeks();
  scene.expect_promises_kept();
  EXPECT_REACHED("session: packs brought back for what newer ones have lost");
}

Status forget_one(Doors& doors, const std::string& id) {
  HF_TRY(const auto home, open_home(doors));
  HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
  backup::ForgetOptions options;
  options.ids = {id};
  HF_OK(backup::run_forget(*space, options));
  return {};
}

// What the lost entries had retired is retired again, and only that: `heal` makes good a prune that was lost.
void expect_retired_again(const std::function<void(Scene& scene)>& heal) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.grow_and_back_up());
  const std::string first = scene.promised.begin()->first;
  ASSERT_TRUE(scene.back_up_once());
  scene.promised.erase(first);
  const auto older = scene.server->copy();
  ASSERT_TRUE(scene.laptop.run("forget", [&](Doors& doors) { return forget_one(doors, first); }));
  const auto pruned = scene.laptop.run("prune", [](Doors& doors) { return prune(doors); });
  ASSERT_TRUE(pruned);
  EXPECT_GT(pruned->packs_dead, 0u);
  scene.server->put_back(older);
  heal(scene);
  const std::uint64_t before = scene.server->bytes_stored();
  scene.server->sweep_as_in_weeks();
  EXPECT_LE(scene.server->bytes_stored() + pruned->bytes_retired, before);
  scene.expect_promises_kept();
}

TEST(HealScenario, WhatALostPruneHadRetiredIsRetiredAgain) {
  expect_retired_again([](Scene& scene) { EXPECT_TRUE(scene.heal_once()); });
}

// Promise: also where the healing was interrupted, and this device does not keep those entries any more.
TEST(HealScenario, WhatWasRetiredIsReadFromTheLogThatWasGivenBack) {
  expect_retired_again([](Scene& scene) {
    const auto interrupted = scene.laptop.run("heal", [&](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      Command command(doors, home, *scene.server);
      command.remote.between = [](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        return call.name == api::Stat::name ? fail(Code::NoSpaceLeft, "refused") : honest();
      };
      HF_TRY(const auto done, verbs::heal(command.session, {}));
      EXPECT_TRUE(scene.of_backups(done).error);
      std::vector<std::string> entries;
      HF_OK(home.shared->state->scan("space/", [&](std::string_view name, ByteView) {
        if (name.find("/entry/") != std::string_view::npos) entries.emplace_back(name);
      }));
      EXPECT_FALSE(entries.empty());
      return home.shared->state->apply({{}, entries});
    });
    EXPECT_TRUE(interrupted) << interrupted.error().sentence;
    EXPECT_TRUE(scene.heal_once());
  });
}

// Promise: a put of what stands in the space already makes good what the server has lost of it.
TEST(HealScenario, APutOfWhatStandsThereSendsWhatTheServerLost) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  write_document(scene.laptop.hand(), "put", some_bytes(world.dice(), 200'000));
  const auto put = [&] {
    return scene.laptop.run("put", [](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
      backup::BackupOptions options;
      options.paths = {tree_of_user};
      options.into_live = "here";
      HF_OK(backup::run_backup(*space, options));
      return {};
    });
  };
  const auto older = scene.server->copy();
  ASSERT_TRUE(put());
  scene.server->put_back(older);
  const auto done = scene.heal_once();
  ASSERT_TRUE(done);
  EXPECT_FALSE(done->all_is_there());
  ASSERT_TRUE(put());
  scene.expect_promises_kept();
}

// Promise: what nobody has any more is named, and forgetting it leaves a space that is whole.
TEST(HealScenario, WhatNoDiskHasAnyMoreIsNamed) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  const auto older = scene.server->copy();
  write_document(scene.laptop.hand(), "changes", some_bytes(world.dice(), 50'000));
  ASSERT_TRUE(scene.back_up_once());
  const auto ids = scene.laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); });
  ASSERT_TRUE(ids);
  write_document(scene.laptop.hand(), "changes", some_bytes(world.dice(), 50'000));
  scene.server->put_back(older);
  ASSERT_TRUE(scene.heal_once());
  ASSERT_TRUE(scene.back_up_once());
  const auto damaged = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
  ASSERT_TRUE(damaged);
  ASSERT_FALSE(damaged->whole());
  for (const auto& finding : damaged->findings) {
    EXPECT_EQ(finding.code, Code::Missing);
    for (const std::string& path : finding.paths) EXPECT_TRUE(path.starts_with(ids->back().substr(0, 8))) << path;
  }
  ASSERT_TRUE(scene.laptop.run("forget", [&](Doors& doors) { return forget_one(doors, ids->back()); }));
  scene.promised.erase(ids->back());
  scene.expect_promises_kept();
}

// Promise: an upload that goes on at a server that has lost a part of it saves all the same.
TEST(HealScenario, WhatAnInterruptedBackupHadSentAndTheServerLostIsSentAgain) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  write_document(scene.laptop.hand(), "grown", some_bytes(world.dice(), 100'000));
  std::optional<BackupServer::Copy> older;
  const auto in_vain = scene.laptop.run("backup", [&](Doors& doors) -> Status {
    HF_TRY(auto home, open_home(doors));
    Command command(doors, home, *scene.server);
    command.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name == api::Put::name && !older) older = scene.server->copy();
      if (call.name == api::Append::name) return fail(Code::NoSpaceLeft, "refused");
      return honest();
    };
    HF_TRY(const auto space, session::open_space(command.session, session::backups_space));
    backup::BackupOptions options;
    options.paths = {tree_of_user};
    options.host = "laptop";
    EXPECT_FALSE(backup::run_backup(*space, options));
    return {};
  });
  ASSERT_TRUE(in_vain);
  ASSERT_TRUE(older);
  scene.server->put_back(*older);
  ASSERT_TRUE(scene.back_up_once());
  scene.expect_promises_kept();
  EXPECT_REACHED("backup: the server has lost what an interrupted command had sent");
}

// Promise: a home from an older copy takes its own later commits as news, says so once, and never uses a number twice.
TEST(HealScenario, AnOlderCopyOfTheDeviceIsToldAndGoesOn) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once());
  std::map<Path, Bytes> copy;
  for (const std::string name : {"/state", "/state-wal"})
    if (auto bytes = scene.laptop.hand().read_file(home_of_user + name, 1 << 26)) copy[home_of_user + name] = *bytes;
  ASSERT_TRUE(scene.grow_and_back_up());
  ASSERT_TRUE(scene.grow_and_back_up());
  (void)scene.laptop.hand().remove(home_of_user + "/state-wal");
  for (const auto& [path, bytes] : copy) {
    const auto file = scene.laptop.hand().open(path, OpenMode::create_or_truncate);
    ASSERT_TRUE(file);
    ASSERT_TRUE((*file)->write_at(0, bytes));
  }
  const auto met = [&] {
    return scene.laptop.run("open", [](Doors& doors) -> Result<std::vector<session::Event>> {
      HF_TRY(const auto home, open_home(doors));
      HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
      return home.session->events;
    });
  };
  const auto first = met();
  ASSERT_TRUE(first) << first.error().sentence;
  ASSERT_EQ(first->size(), 1u);
  EXPECT_EQ(first->at(0).kind, session::EventKind::device_is_older);
  EXPECT_EQ(first->at(0).to - first->at(0).from, 2u);
  ASSERT_TRUE(scene.grow_and_back_up());
  const auto second = met();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->empty());
  const auto kept = scene.laptop.run("events", [](Doors& doors) { return events(doors); });
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, *first);
  scene.expect_promises_kept();
  EXPECT_REACHED("session: a commit of this device that it does not remember");
}

}  // namespace
}  // namespace holdfast::sim
