// The same restore again: after an interruption, and into a folder that has what it restores, or something else.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/scenarios/backup_world.h"

namespace holdfast::sim {
namespace {

using testing::UnorderedElementsAre;

const Path target = "/home/user/again";
const Path restored = target + "/documents";

struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given), hand(laptop.hand()) {
    plant(hand, world.dice());
    auto writer = hand.tree_writer(tree_of_user).value();
    Bytes sparse = some_bytes(world.dice(), 300'000);
    std::fill_n(sparse.begin() + 100'000, 100'000, std::uint8_t{0});
    write_document(hand, "letters/sparse", sparse);
    EXPECT_TRUE(writer->make_hard_link("large", "letters/linked", false));
    EXPECT_TRUE(writer->make_hard_link("large", "linked too", false));
    EXPECT_TRUE(writer->make_node("fifo", {.type = FileType::fifo}, false));
    for (const char* folder : {"letters/old", "letters", "empty"})
      EXPECT_TRUE(writer->set_metadata(folder, FileType::directory, {.mode = 0750, .mtime_ns = 77 * second_ns}));
    EXPECT_TRUE(writer->set_metadata("large", FileType::regular, {.mode = 0640, .mtime_ns = 88 * second_ns}));
    saved = look(hand, tree_of_user);
  }

  void back_up_all() {
    ASSERT_TRUE(sign_up_once());
    ASSERT_TRUE(laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));
  }
  Result<backup::RestoreReport> restore_all(bool overwrite = false) {
    backup::RestoreOptions options;
    options.target = target;
    options.overwrite = overwrite;
    options.window_pieces_max = 3;
    options.restorer = restorer;
    return laptop.run("restore", [&](Doors& doors) { return restore(doors, "latest", options); });
  }
  // What this device keeps of restores that have not ended.
  std::size_t marks() {
    std::size_t count = 0;
    EXPECT_TRUE(laptop.run("look", [&](Doors& doors) -> Status {
      HF_TRY(const auto home, open_home(doors));
      return home.session->state().scan("restore/", [&](std::string_view, ByteView) { ++count; });
    }));
    return count;
  }
  void expect_equal_trees() {
    EXPECT_EQ(look(hand, restored), saved);
    EXPECT_EQ(hand.stat(restored + "/large")->inode, hand.stat(restored + "/linked too")->inode);
    EXPECT_EQ(hand.stat(restored + "/large")->inode, hand.stat(restored + "/letters/linked")->inode);
    EXPECT_EQ(marks(), 0u);
  }

  Files& hand;
  PlainTree saved;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> restorer;
};

const std::string foreign = "somebody's own";

// Some of the tree is there already, beside what is somebody's.
void stand_there(Scene& scene) {
  ASSERT_TRUE(scene.hand.make_directories(restored + "/letters"));
  auto writer = scene.hand.tree_writer(restored).value();
  const PlainEntry& first = scene.saved.at("letters/first.txt");
  ASSERT_TRUE(
      writer->make_file({"letters/first.txt", {first.content}, {.mode = first.mode, .mtime_ns = first.mtime_ns}}));
  write(scene.hand, restored + "/letters/mine", as_bytes(foreign));
  ASSERT_TRUE(writer->set_metadata("letters", FileType::directory, {.mode = 0711, .mtime_ns = 5}));
}

void play(Scene& scene, bool into_something, bool overwrite) {
  scene.back_up_all();
  if (into_something) stand_there(scene);
  if (overwrite)
    for (const char* name : {"/twice.txt", "/large", "/letters/sparse"})
      write(scene.hand, restored + name, as_bytes("to be replaced"));
  (void)scene.restore_all(overwrite);
}

std::uint64_t steps_to_prepare(std::uint64_t seed) {
  World calm({.seed = seed});
  Scene scene(calm);
  scene.back_up_all();
  return calm.steps();
}

// Promise: wherever a restore is interrupted, the same command ends it: the tree is equal, and nothing of the restore's
// own is left. What was there stays.
// Method: each step of the restore in turn; then the same command again, and once more, which finds all there.
template <class Faults>
void every_interruption_is_made_good(std::size_t seeds, bool into_something, bool overwrite) {
  std::map<std::uint64_t, std::uint64_t> prepared;
  const auto run = [&](World& world) {
    Scene scene(world);
    play(scene, into_something, overwrite);
  };
  for (const Fault& fault : Faults{.run = run, .seeds = sim_seeds(seeds)}) {
    auto [steps, is_new] = prepared.emplace(fault.seed, 0);
    if (is_new) steps->second = steps_to_prepare(fault.seed);
    if (fault.step <= steps->second) continue;
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    play(scene, into_something, overwrite);
    world.restore_power();
    // What a power cut takes after the restore has ended is as after cp: in the snapshot still.
    const bool ended = fault.crash == Crash::power_cut && scene.marks() == 0 && scene.hand.stat(restored);
    auto again = scene.restore_all(overwrite);
    ASSERT_TRUE(again) << again.error().sentence << " " << again.error().object;
    if (ended && again->problems_count + again->metadata_differs > 0) again = scene.restore_all(true);
    for (const auto& problem : again->problems) ADD_FAILURE() << problem.path << ": " << problem.error.sentence;
    if (into_something) {
      EXPECT_EQ(as_text(scene.hand.read_file(restored + "/letters/mine", 100).value()), foreign);
      EXPECT_EQ(scene.hand.stat(restored + "/letters")->mode, overwrite || ended ? 0750u : 0711u);
      ASSERT_TRUE(scene.hand.remove(restored + "/letters/mine"));
      ASSERT_TRUE(scene.hand.tree_writer(restored).value()->set_metadata("letters", FileType::directory,
                                                                         {.mode = 0750, .mtime_ns = 77 * second_ns}));
      const auto documents = scene.saved.size();
      EXPECT_EQ(look(scene.hand, restored).size(), documents);
    }
    scene.expect_equal_trees();
    const auto once_more = scene.restore_all();
    ASSERT_TRUE(once_more);
    EXPECT_EQ(once_more->problems_count, 0u);
    EXPECT_EQ(once_more->stats.files + once_more->stats.others, 0u) << "all was there";
    EXPECT_EQ(once_more->files_there + once_more->others_there, 11u);
    if (testing::Test::HasFailure()) return;
  }
}

TEST(RestoreAgainScenario, TheSameCommandEndsWhatAPowerCutInterrupted) {
  every_interruption_is_made_good<PowerCuts>(2, false, false);
  EXPECT_REACHED("restore: goes on where one was interrupted");
  EXPECT_REACHED("restore: a file that was begun is made anew");
}

TEST(RestoreAgainScenario, TheSameCommandEndsWhatAKillInterrupted) {
  every_interruption_is_made_good<Kills>(1, false, false);
  EXPECT_REACHED("restore: a file that was begun is made anew");
}

TEST(RestoreAgainScenario, TheSameCommandEndsAnInterruptedRestoreIntoWhatIsThere) {
  every_interruption_is_made_good<PowerCuts>(1, true, false);
  every_interruption_is_made_good<Kills>(1, true, false);
}

TEST(RestoreAgainScenario, TheSameCommandEndsAnInterruptedOverwriting) {
  every_interruption_is_made_good<Kills>(1, true, true);
  EXPECT_REACHED("restore: a temporary name that was left is removed");
}

// Promise: where others can exchange names, a private folder that was moved to a name of the tree gets none of its
// rights; where nobody else can, the restore ends what it began.
// Method: each kill of a restore after which the folder "empty" is there: another one takes its place, and the same
// command runs again.
TEST(RestoreAgainScenario, AFolderThatOthersCouldHavePutThereGetsNoRights) {
  for (const std::uint32_t mode : {0755u, 0777u}) {
    bool met = false;
    std::uint64_t prepared = 0;
    const auto begin = [&](Scene& scene) {
      scene.back_up_all();
      ASSERT_TRUE(scene.hand.make_directories(target));
      ASSERT_TRUE(scene.hand.tree_writer("/home/user")
                      .value()
                      ->set_metadata("again", FileType::directory, {.mode = mode, .mtime_ns = 5}));
      const auto stat = scene.hand.stat(target);
      scene.restorer = std::pair(stat->uid, stat->gid);
      (void)scene.restore_all();
    };
    const auto run = [&](World& world) {
      Scene scene(world);
      begin(scene);
    };
    for (const Fault& fault : Kills{.run = run, .seeds = sim_seeds(1)}) {
      if (prepared == 0) prepared = steps_to_prepare(fault.seed);
      if (fault.step <= prepared) continue;
      World world(fault);
      Scene scene(world);
      begin(scene);
      world.restore_power();
      const auto empty = scene.hand.stat(restored + "/empty");
      if (!empty || empty->mode != 0700 || scene.marks() == 0) continue;
      SCOPED_TRACE(fault.replay_command());
      met = true;
      ASSERT_TRUE(scene.hand.remove(restored + "/empty"));
      ASSERT_TRUE(scene.hand.make_directories(restored + "/empty"));
      write(scene.hand, restored + "/empty/secret", as_bytes(foreign));
      ASSERT_TRUE(scene.restore_all());
      EXPECT_EQ(scene.hand.stat(restored + "/empty")->mode, mode == 0755 ? 0750u : 0700u);
      if (testing::Test::HasFailure()) return;
    }
    EXPECT_TRUE(met);
  }
}

// Promise: without being told to overwrite, nothing that stood there is changed in any way: each difference is named.
TEST(RestoreAgainScenario, NothingThatStoodThereIsChangedUnlessTold) {
  World world;
  Scene scene(world);
  scene.back_up_all();
  Files& hand = scene.hand;
  ASSERT_TRUE(hand.make_directories(restored + "/letters"));
  write(hand, restored + "/letters/first.txt", {});  // a beginning of the content, and somebody's
  write(hand, restored + "/letters/twice.txt", as_bytes("the same in two placex"));
  write(hand, restored + "/large", scene.saved.at("large").content);  // equal, its mode and time not
  Bytes in_the_hole = scene.saved.at("letters/sparse").content;
  in_the_hole[150'000] = 1;
  write(hand, restored + "/letters/sparse", in_the_hole);
  write(hand, restored + "/letters/linked", scene.saved.at("large").content);  // equal, and no link
  write(hand, restored + "/fifo", as_bytes("no fifo"));
  auto writer = hand.tree_writer(restored).value();
  ASSERT_TRUE(writer->make_symlink("link", "elsewhere", false));
  ASSERT_TRUE(writer->make_file({"twice.txt", {as_bytes("the same in two places")}, {.mode = 0600, .mtime_ns = 7}}));
  ASSERT_TRUE(writer->set_metadata("letters", FileType::directory, {.mode = 0700, .mtime_ns = 5}));
  const auto details = [&] {
    std::map<std::string, FileStat> out;
    for (const char* name : {"letters/first.txt", "letters/twice.txt", "letters/sparse", "letters/linked", "large",
                             "fifo", "link", "twice.txt"})
      out.emplace(name, hand.stat(join_path(restored, name)).value());
    return out;
  };
  const auto before = details();
  const PlainTree was = look(hand, restored);

  const auto done = scene.restore_all();
  ASSERT_TRUE(done);
  std::set<std::string> named;
  for (const auto& problem : done->problems) {
    EXPECT_EQ(problem.error.code, Code::AlreadyExists) << problem.path;
    named.insert(problem.path);
  }
  EXPECT_THAT(named, UnorderedElementsAre("documents/letters/first.txt", "documents/letters/twice.txt",
                                          "documents/letters/sparse", "documents/letters/linked", "documents/fifo",
                                          "documents/link"));
  EXPECT_EQ(done->files_there, 2u);
  EXPECT_EQ(done->metadata_differs, 4u);  // two files, two folders
  auto now = details();
  now.at("large").links = before.at("large").links;  // "linked too" is new, and a link to it
  now.at("large").ctime_ns = before.at("large").ctime_ns;
  EXPECT_EQ(now, before);
  const PlainTree is = look(hand, restored);
  for (const auto& [name, entry] : was) {
    if (entry.type != FileType::directory) {
      EXPECT_EQ(is.at(name), entry) << name;
    }
  }
  EXPECT_EQ(is.at("letters").mode, 0700u);
  EXPECT_EQ(look(hand, restored).at("nothing"), scene.saved.at("nothing"));

  const auto told = scene.restore_all(true);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->problems_count, 0u);
  scene.expect_equal_trees();
}

// Promise: what is equal is neither fetched nor written; its metadata is set where that was told.
TEST(RestoreAgainScenario, WhatIsEqualIsNotFetchedAgain) {
  World world;
  Scene scene(world);
  scene.back_up_all();
  const auto first = scene.restore_all();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->files_there, 0u);
  auto writer = scene.hand.tree_writer(restored).value();
  ASSERT_TRUE(writer->set_metadata("letters/first.txt", FileType::regular, {.mode = 0400, .mtime_ns = 1}));
  const auto inode = scene.hand.stat(restored + "/letters/first.txt")->inode;

  const auto there = scene.restore_all();
  ASSERT_TRUE(there);
  EXPECT_EQ(there->problems_count, 0u);
  EXPECT_EQ(there->metadata_differs, 1u);
  EXPECT_EQ(scene.hand.stat(restored + "/letters/first.txt")->mode, 0400u);
  const auto overwritten = scene.restore_all(true);
  ASSERT_TRUE(overwritten);
  EXPECT_EQ(overwritten->stats.files + overwritten->stats.others, 0u);
  EXPECT_EQ(scene.hand.stat(restored + "/letters/first.txt")->inode, inode);
  for (const auto* report : {&*there, &*overwritten}) {
    EXPECT_EQ(report->files_there + report->others_there, 11u);
    EXPECT_LT(report->bytes_received, first->bytes_received / 4);
  }
  scene.expect_equal_trees();
}

}  // namespace
}  // namespace holdfast::sim
