// What a power cut leaves, row by row. Each row runs under many seeds: what is promised holds under all of them, and
// what may be lost is lost under some.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

#include "tests/simulation/fixed_seeds.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::Not;
using testing::UnorderedElementsAre;

const Path home = "/home/user";
Path at(std::string_view name) { return join_path(home, name); }

std::string text_of(Files& files, std::string_view name) {
  const auto bytes = files.read_file(at(name), 1 << 20);
  return bytes ? std::string(as_text(*bytes)) : "(nothing)";
}

// All that `work` and a power cut after it leave, in `seeds` runs, as `look` sees it.
std::set<std::string> left_by(const std::function<Status(Files&)>& work, const std::function<std::string(Files&)>& look,
                              std::size_t seeds = 200) {
  std::set<std::string> seen;
  for (const std::uint64_t seed : fixed_seeds(seeds)) {
    World world(Fault{.seed = seed});
    Device& laptop = world.device("laptop");
    EXPECT_TRUE(laptop.hand().replace_file(at("old"), as_bytes("old")));
    EXPECT_TRUE(laptop.run("work", [&](Doors& doors) { return work(doors.files); }));
    laptop.cut_power();
    laptop.restore_power();
    seen.insert(look(laptop.hand()));
  }
  return seen;
}

Status write(Files& files, std::string_view name, std::string_view text, bool sync) {
  HF_TRY(const auto file, files.open(at(name), OpenMode::create_or_open));
  HF_OK(file->write_at(0, as_bytes(text)));
  if (sync) HF_OK(file->sync());
  return {};
}

auto text(std::string_view name) {
  return [name](Files& files) { return text_of(files, name); };
}

TEST(PowerCut, WhatWasNeverSyncedMayBeAnything) {
  const auto seen = left_by([](Files& files) { return write(files, "f", "bytes", false); }, text("f"));
  EXPECT_THAT(seen, Contains("(nothing)"));
  EXPECT_THAT(seen, Contains(""));
  EXPECT_THAT(seen, Contains("bytes"));
  EXPECT_THAT(seen, Contains(testing::AnyOf("b", "by", "byt", "byte")));
  EXPECT_THAT(seen, Contains(std::string(5, '\0')));
  EXPECT_REACHED("sim: write torn");
  EXPECT_REACHED("sim: write lost");
  EXPECT_REACHED("sim: name lost");
}

TEST(PowerCut, SyncedBytesWithoutASyncedNameAreThereOrNot) {
  EXPECT_THAT(left_by([](Files& files) { return write(files, "f", "bytes", true); }, text("f")),
              UnorderedElementsAre("(nothing)", "bytes"));
}

TEST(PowerCut, ASyncedNameWithoutSyncedBytesIsAlwaysThere) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_OK(write(files, "f", "bytes", false));
        return files.sync_directory(home);
      },
      text("f"));
  EXPECT_THAT(seen, Not(Contains("(nothing)")));
  EXPECT_THAT(seen, Contains(""));
  EXPECT_THAT(seen, Contains("bytes"));
}

TEST(PowerCut, SyncedBytesUnderASyncedNameStay) {
  EXPECT_THAT(left_by(
                  [](Files& files) -> Status {
                    HF_OK(write(files, "f", "bytes", true));
                    return files.sync_directory(home);
                  },
                  text("f")),
              ElementsAre("bytes"));
}

TEST(PowerCut, ReplaceFileLeavesTheNewContentAndNothingElse) {
  EXPECT_THAT(left_by([](Files& files) { return files.replace_file(at("old"), as_bytes("new")); }, text("old")),
              ElementsAre("new"));
}

TEST(PowerCut, ARenameBeforeTheBytesAreSyncedMayTakeTheOldOnesWithIt) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_OK(write(files, "f", "new", false));
        return files.rename(at("f"), at("old"));
      },
      text("old"));
  EXPECT_THAT(seen, Contains("old"));
  EXPECT_THAT(seen, Contains("new"));
  EXPECT_THAT(seen, Contains(""));
}

TEST(PowerCut, ARenameHappensAsAWholeOrNotAtAll) {
  const auto both = [](Files& files) { return text_of(files, "old") + " " + text_of(files, "moved"); };
  EXPECT_THAT(left_by([](Files& files) { return files.rename(at("old"), at("moved")); }, both),
              UnorderedElementsAre("old (nothing)", "(nothing) old"));
}

TEST(PowerCut, AMoveIsDurableOnEachSideByItself) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_OK(files.make_directories(at("d")));
        HF_OK(files.sync_directory(home));
        HF_OK(files.rename(at("old"), at("d/moved")));
        return files.sync_directory(at("d"));
      },
      [](Files& files) { return text_of(files, "old") + " " + text_of(files, "d/moved"); });
  EXPECT_THAT(seen, UnorderedElementsAre("(nothing) old", "old old"));
}

TEST(PowerCut, ARemovedFileMayComeBackUntilItsFolderIsSynced) {
  EXPECT_THAT(left_by([](Files& files) { return files.remove(at("old")); }, text("old")),
              UnorderedElementsAre("old", "(nothing)"));
  EXPECT_THAT(left_by(
                  [](Files& files) -> Status {
                    HF_OK(files.remove(at("old")));
                    return files.sync_directory(home);
                  },
                  text("old")),
              ElementsAre("(nothing)"));
}

TEST(PowerCut, AFolderNeedsItsParentSynced) {
  const auto work = [](bool parent_too) {
    return [=](Files& files) -> Status {
      HF_OK(files.make_directories(at("d")));
      HF_OK(write(files, "d/f", "bytes", true));
      HF_OK(files.sync_directory(at("d")));
      return parent_too ? files.sync_directory(home) : Status();
    };
  };
  EXPECT_THAT(left_by(work(false), text("d/f")), UnorderedElementsAre("(nothing)", "bytes"));
  EXPECT_THAT(left_by(work(true), text("d/f")), ElementsAre("bytes"));
}

TEST(PowerCut, TwoUnsyncedWritesFallIndependently) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_TRY(const auto file, files.open(at("old"), OpenMode::write_existing));
        HF_OK(file->write_at(0, as_bytes("A")));
        return file->write_at(2, as_bytes("C"));
      },
      text("old"));
  EXPECT_THAT(seen, UnorderedElementsAre("old", "Ald", "olC", "AlC"));
}

TEST(PowerCut, ALargeWriteIsTornBetweenItsSectors) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_TRY(const auto file, files.open(at("old"), OpenMode::write_existing));
        HF_OK(file->write_at(0, Bytes(2048, 'a')));
        HF_OK(file->sync());
        return file->write_at(100, Bytes(1400, 'b'));
      },
      [](Files& files) {  // which of the sectors are new
        const std::string bytes = text_of(files, "old");
        std::string pattern;
        for (const std::size_t offset : {100, 511, 512, 1023, 1024, 1499}) pattern += bytes[offset];
        return pattern;
      });
  EXPECT_THAT(seen, Contains("bbaabb"));
  EXPECT_THAT(seen, Contains("aabbaa"));
  EXPECT_THAT(seen, Contains("bbbbbb"));
}

TEST(PowerCut, ATruncationMayBeLost) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_TRY(const auto file, files.open(at("old"), OpenMode::write_existing));
        return file->truncate(1);
      },
      text("old"));
  EXPECT_THAT(seen, UnorderedElementsAre("old", "o"));
}

TEST(PowerCut, SyncedAfterTruncationAndGrowthIsWhatWasSeen) {
  EXPECT_THAT(left_by(
                  [](Files& files) -> Status {
                    HF_TRY(const auto file, files.open(at("old"), OpenMode::write_existing));
                    HF_OK(file->write_at(0, Bytes(10'000, 'x')));
                    HF_OK(file->sync());
                    HF_OK(file->truncate(1));
                    HF_OK(file->truncate(9'000));
                    HF_OK(file->write_at(8'999, as_bytes("y")));
                    return file->sync();
                  },
                  text("old")),
              ElementsAre("x" + std::string(8'998, '\0') + "y"));
}

TEST(PowerCut, SyncAllMakesTheWholeTreeDurable) {
  const auto seen = left_by(
      [](Files& files) -> Status {
        HF_TRY(const auto out, files.tree_writer(home));
        HF_OK(out->make_directory("d"));
        const std::string bytes = "bytes";
        HF_OK(out->make_file({.name = "d/f",
                              .parts = {as_bytes(bytes)},
                              .metadata = {.mode = 0640, .owner = {}, .mtime_ns = 77, .attributes = {}}}));
        HF_OK(out->make_symlink("d/l", "f", false));
        HF_OK(out->make_hard_link("d/f", "d/g", false));
        return out->sync_all();
      },
      [](Files& files) {
        const FileStat stat = files.stat(at("d/f")).value();
        return text_of(files, "d/l") + std::to_string(stat.mode) + std::to_string(stat.mtime_ns) +
               std::to_string(stat.links);
      });
  EXPECT_THAT(seen, ElementsAre("bytes416772"));
}

TEST(PowerCut, AFailedSyncIsNotMadeUpForByALaterOne) {
  std::set<std::string> seen;
  for (const std::uint64_t seed : fixed_seeds(200)) {
    World world(Fault{.seed = seed, .chances = {.sync_error = 500}});
    Device& laptop = world.device("laptop");
    EXPECT_TRUE(laptop.hand().replace_file(at("old"), as_bytes("old")));
    laptop.run("work", [&](Doors& doors) {
      const auto file = doors.files.open(at("old"), OpenMode::write_existing).value();
      EXPECT_TRUE(file->write_at(0, as_bytes("new")));
      if (!file->sync() && file->sync()) world.acknowledge("synced at the second try");
    });
    laptop.cut_power();
    laptop.restore_power();
    if (!world.acknowledged().empty()) seen.insert(text_of(laptop.hand(), "old"));
  }
  EXPECT_THAT(seen, Contains("old"));
  EXPECT_THAT(seen, Contains("new"));
}

TEST(Kill, LeavesAllThatWasWritten) {
  World world;
  Device& laptop = world.device("laptop");
  laptop.run("work", [&](Doors& doors) {
    EXPECT_TRUE(write(doors.files, "f", "bytes", false));
    world.kill(*world.scheduler().current());
    EXPECT_EQ(doors.files.stat(at("f")).error().code, Code::Crashed);
  });
  EXPECT_EQ(text_of(laptop.hand(), "f"), "bytes");
}

TEST(Kill, MayCutAWriteInTheMiddle) {
  std::set<std::string> seen;
  for (const std::uint64_t seed : fixed_seeds(100)) {
    World world(Fault{.seed = seed, .step = 2, .crash = Crash::kill});
    Device& laptop = world.device("laptop");
    laptop.run("work",
               [&](Doors& doors) { EXPECT_EQ(write(doors.files, "f", "abc", false).error().code, Code::Crashed); });
    seen.insert(text_of(laptop.hand(), "f"));
  }
  EXPECT_THAT(seen, UnorderedElementsAre("", "a", "ab", "abc"));
}

TEST(Kill, FreesTheLock) {
  World world;
  Device& laptop = world.device("laptop");
  std::string outcome;
  Process& holder = laptop.start("holder",
                                 [&](Doors& doors) {
                                   const auto lock = doors.files.lock(at("lock")).value();
                                   for (;;) {
                                     doors.clock.sleep_ns(second_ns);
                                     if (!doors.files.stat(at("lock"))) return;
                                   }
                                 },
                                 {.daemon = true});
  const auto try_it = [&](Doors& doors) {
    doors.clock.sleep_ns(10 * second_ns);
    const auto lock = doors.files.lock(at("lock"));
    outcome += lock ? "held " : std::string(name_of(lock.error().code)) + " ";
  };
  laptop.run("other", try_it);
  world.kill(holder);
  laptop.run("other", try_it);
  EXPECT_EQ(outcome, "Busy held ");
}

TEST(Disk, AFullDiskTakesAPartAndNoNewName) {
  World world;
  Device& laptop = world.device("laptop");
  Disk& disk = laptop.disk();
  disk.set_capacity(disk.used() + Disk::inode_bytes + 2 * Content::page_size);
  laptop.run("work", [&](Doors& doors) {
    const auto file = doors.files.open(at("f"), OpenMode::create_new).value();
    EXPECT_EQ(doors.files.free_bytes(home), 2 * Content::page_size);
    EXPECT_EQ(file->write_at(0, Bytes(10'000, 'x')).error().code, Code::NoSpaceLeft);
    EXPECT_EQ(file->stat()->size, 8192u);
    EXPECT_TRUE(file->write_at(0, Bytes(4096, 'y'))) << "what is allocated can be overwritten";
    EXPECT_EQ(doors.files.open(at("g"), OpenMode::create_new).error().code, Code::NoSpaceLeft);
    EXPECT_TRUE(file->truncate(4096));
    EXPECT_TRUE(doors.files.open(at("g"), OpenMode::create_new));
    EXPECT_TRUE(doors.files.remove(at("f")));
    EXPECT_LT(doors.files.free_bytes(home).value(), 2 * Content::page_size) << "an open file keeps its space";
  });
  EXPECT_GE(disk.free(), 2 * Content::page_size);
}

TEST(Disk, MayBeFullForAWhile) {
  World world(Fault{.chances = {.disk_full = 100}});
  int full = 0, taken = 0;
  world.device("laptop").run("work", [&](Doors& doors) {
    for (int i = 0; i < 200; ++i) {
      const Status status = write(doors.files, std::to_string(i), "bytes", true);
      EXPECT_TRUE(status || status.error().code == Code::NoSpaceLeft);
      ++(status ? taken : full);
    }
  });
  EXPECT_GT(full, 0);
  EXPECT_GT(taken, 0);
  EXPECT_REACHED("sim: disk full");
}

TEST(Disk, AReadOnlyDiskChangesNothing) {
  World world;
  Device& laptop = world.device("laptop");
  ASSERT_TRUE(laptop.hand().replace_file(at("old"), as_bytes("old")));
  laptop.disk().set_read_only(true);
  const std::uint64_t before = laptop.disk().digest();
  laptop.run("work", [&](Doors& doors) {
    EXPECT_EQ(doors.files.replace_file(at("f"), {}).error().code, Code::ReadOnly);
    EXPECT_EQ(doors.files.remove(at("old")).error().code, Code::ReadOnly);
    const auto file = doors.files.open(at("old"), OpenMode::write_existing).value();
    EXPECT_EQ(file->write_at(0, as_bytes("x")).error().code, Code::ReadOnly);
    EXPECT_EQ(text_of(doors.files, "old"), "old");
  });
  EXPECT_EQ(laptop.disk().digest(), before);
}

TEST(Disk, ABadSectorIsAnErrorUntilItIsMended) {
  World world;
  Device& laptop = world.device("laptop");
  ASSERT_TRUE(laptop.hand().replace_file(at("old"), as_bytes("old")));
  laptop.disk().refuse(at("old"), Code::IoError);
  laptop.run("work", [&](Doors& doors) {
    const std::vector<ReadRequest> wanted{{at("old"), 3}};
    EXPECT_EQ(doors.files.read_batch(wanted)[0].error().code, Code::IoError);
    laptop.disk().allow(at("old"));
    EXPECT_EQ(as_text(doors.files.read_batch(wanted)[0]->bytes), "old");
  });
}

TEST(Disk, AUserMayOnlyDoWhatTheModesSay) {
  World world;
  Device& laptop = world.device("laptop");
  const auto out = laptop.hand().tree_writer(home).value();
  const Metadata roots{.mode = 0600, .owner = std::pair(0u, 0u), .attributes = {}};
  ASSERT_TRUE(out->make_file({.name = "secret", .parts = {}, .metadata = roots}));
  ASSERT_TRUE(out->make_directory("closed"));
  ASSERT_TRUE(out->set_metadata("closed", FileType::directory, roots));
  laptop.run("work", [&](Doors& doors) {
    EXPECT_EQ(doors.files.read_file(at("secret"), 10).error().code, Code::PermissionDenied);
    EXPECT_EQ(doors.files.list(at("closed")).error().code, Code::PermissionDenied);
    EXPECT_EQ(doors.files.stat(at("closed/x")).error().code, Code::PermissionDenied);
    EXPECT_EQ(doors.files.open("/etc", OpenMode::create_new).error().code, Code::PermissionDenied);
    EXPECT_TRUE(doors.files.open("/tmp/f", OpenMode::create_new));
    const auto writer = doors.files.tree_writer(home).value();
    EXPECT_EQ(writer->make_node("device", {.type = FileType::block_device}, false).error().code,
              Code::PermissionDenied);
    EXPECT_TRUE(writer->make_file(
        {.name = "f",
         .parts = {},
         .metadata = {.mode = 04755, .owner = std::pair(0u, 0u), .attributes = {{"security.ima", {}}}}}));
    EXPECT_EQ(writer->take_warnings().size(), 2u);
    EXPECT_EQ(doors.files.stat(at("f"))->mode, 0755u);
  });
}

TEST(Disk, TwoQuickChangesHaveOneTime) {
  World world;
  Device& laptop = world.device("laptop");
  bool same = false, different = false;
  laptop.run("work", [&](Doors& doors) {
    for (int i = 0; i < 2000; ++i) {
      (void)write(doors.files, "f", "a", false);
      const FileStat before = doors.files.stat(at("f")).value();
      (void)write(doors.files, "f", "b", false);
      (doors.files.stat(at("f")).value() == before ? same : different) = true;
      doors.clock.sleep_ns(3'000'000);
    }
  });
  EXPECT_TRUE(same && different);
}

TEST(Disk, AFileMayChangeWhileItIsRead) {
  bool changed = false, half = false;
  for (const std::uint64_t seed : fixed_seeds(100)) {
    World world(Fault{.seed = seed});
    Device& laptop = world.device("laptop");
    ASSERT_TRUE(laptop.hand().replace_file(at("old"), as_bytes("aaaa")));
    laptop.start("writer", [&](Doors& doors) {
      doors.clock.sleep_ns(20'000);
      const auto file = doors.files.open(at("old"), OpenMode::write_existing).value();
      EXPECT_TRUE(file->write_at(0, as_bytes("bbbbbb")));
    });
    laptop.start("reader", [&](Doors& doors) {
      const std::vector<ReadRequest> wanted{{at("old"), 4}};
      for (int i = 0; i < 5; ++i) {
        const ReadAnswer answer = doors.files.read_batch(wanted)[0].value();
        if (answer.before != answer.after) changed = true;
        if (as_text(answer.bytes) == "aabbbb") half = true;
      }
    });
    world.run();
  }
  EXPECT_TRUE(changed && half);
}

TEST(Disk, AFileThatChangesUnderItsMappingIsAProblem) {
  World world;
  world.device("laptop").run("work", [&](Doors& doors) {
    EXPECT_TRUE(write(doors.files, "f", "bytes", false));
    const auto mapping = doors.files.map(at("f")).value();
    EXPECT_TRUE(write(doors.files, "f", "other", false));
    EXPECT_EQ(as_text(mapping->bytes()), "bytes");
  });
  EXPECT_THAT(world.take_problems(), ElementsAre("/home/user/f changed while it was mapped"));
}

TEST(Disk, AHandleOfADeadProcessTouchesNothing) {
  World world;
  Device& laptop = world.device("laptop");
  std::unique_ptr<File> kept;
  std::unique_ptr<TreeWriter> tree;
  laptop.run("work", [&](Doors& doors) {
    kept = doors.files.open(at("f"), OpenMode::create_new).value();
    tree = doors.files.tree_writer(home).value();
    EXPECT_TRUE(tree->open_new("g", false));
  });
  laptop.cut_power();
  laptop.restore_power();
  const std::uint64_t before = laptop.disk().digest();
  EXPECT_EQ(kept->write_at(0, as_bytes("ghost")).error().code, Code::Crashed);
  EXPECT_EQ(tree->make_directory("ghost").error().code, Code::Crashed);
  tree.reset();
  kept.reset();
  EXPECT_EQ(laptop.disk().digest(), before);
}

}  // namespace
}  // namespace holdfast::sim
