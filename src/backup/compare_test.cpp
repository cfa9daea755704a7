#include "backup/compare.h"

#include <gtest/gtest.h>

#include "backup/disk_test_support.h"

namespace holdfast::backup {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

// One space and one set of paths, backed up again and again.
class Backups {
 public:
  Outcome run(const TestDisk& disk, bool trusted = true, bool from_scratch = false) {
    const auto old = from_scratch ? nullptr : old_state();
    auto state = FileStateWriter::create(*files, from_scratch ? directory / "other" : path).value();
    TestBackup backup(chunks, keys, old.get(), trusted, disk.now_ns + 60 * second, state, ++seed);
    auto outcome = backup.run(disk.root, old ? old->header().root : space::Root());
    EXPECT_TRUE(outcome) << outcome.error().sentence;
    if (!outcome->same) {
      EXPECT_TRUE(state.finish({{}, {}, "key", outcome->root, {"/"}}));
    }
    return *outcome;
  }
  [[nodiscard]] std::unique_ptr<FileState> old_state() const {
    auto old = FileState::open(*files, path);
    return old ? *std::move(old) : nullptr;
  }

  static constexpr std::int64_t second = 1'000'000'000;
  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(1);
  Path path = directory / "state";
  space::RootKeys keys = space::testing::test_root_keys();
  TestChunks chunks{keys};
  std::uint64_t seed = 0;
};

// Promise: a backup that compares with the last one gives the snapshot that reading everything would give.
// Method: random disks, random changes; each state is backed up with the old file state, trusted or not, and from
// scratch.
TEST(Compare, ABackupWithAnOldFileStateGivesTheTreeOfOneWithout) {
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Backups backups;
    TestDisk disk(seed);
    disk.grow(static_cast<int>(seed % 40));
    for (int round = 0; round < 5; ++round) {
      const Outcome scratch = backups.run(disk, true, true);
      const bool trusted = round != 3;
      const Outcome incremental = backups.run(disk, trusted);
      ASSERT_EQ(incremental.root, scratch.root) << "round " << round;
      ASSERT_LE(incremental.files_read, scratch.files_read);
      const Outcome again = backups.run(disk);
      ASSERT_EQ(again.root, scratch.root) << "round " << round;
      ASSERT_EQ(again.files_read, 0u);
      ASSERT_TRUE(again.same) << "round " << round;
      disk.change(1 + static_cast<int>(seed % 6));
      disk.now_ns += 10 * Backups::second;
    }
  }
}

TEST(Compare, WhatIsUnchangedCostsNoTreeWork) {
  Backups backups;
  TestDisk disk(7);
  disk.grow(300);
  EXPECT_FALSE(backups.run(disk).same);
  backups.chunks.written = 0;
  const auto before = backups.files->stat(backups.path)->inode;
  const Outcome again = backups.run(disk);
  EXPECT_TRUE(again.same);
  EXPECT_EQ(backups.chunks.written, 0u);
  EXPECT_EQ(backups.files->stat(backups.path)->inode, before) << "the file state stays";
}

TEST(Compare, OneChangedFileIsTheOnlyOneRead) {
  Backups backups;
  TestDisk disk(8);
  disk.grow(300);
  ASSERT_FALSE(backups.run(disk).same);
  DiskNode* folder = &disk.root;
  while (std::ranges::none_of(folder->inside,
                              [](const auto& child) { return child.second.stat.type == FileType::regular; }))
    folder = &folder->inside.begin()->second;
  auto& file = std::ranges::find_if(folder->inside, [](const auto& child) {
                 return child.second.stat.type == FileType::regular;
               })->second;
  file.stat.ctime_ns = disk.now_ns += 10 * Backups::second;
  file.stat.mode = 0600;
  EXPECT_EQ(backups.run(disk).files_read, 1u);
}

TEST(Compare, AFileThatChangedShortlyBeforeTheScanIsReadAgain) {
  Backups backups;
  TestDisk disk(9);
  DiskNode file;
  file.stat.size = 10;
  file.stat.mtime_ns = file.stat.ctime_ns = disk.now_ns + 60 * Backups::second - 1;  // just before the scan
  disk.root.inside["racy"] = file;
  ASSERT_FALSE(backups.run(disk).same);
  EXPECT_EQ(backups.run(disk).files_read, 1u) << "equal stat, and yet it may have changed in the same tick";
  disk.now_ns += 10 * Backups::second;
  EXPECT_EQ(backups.run(disk).files_read, 1u);
  EXPECT_EQ(backups.run(disk).files_read, 0u);
}

TEST(Compare, EachPartOfAStatTellsThatAFileChanged) {
  const std::vector<std::function<void(FileStat&)>> changes = {
      [](FileStat& stat) { ++stat.size; },     [](FileStat& stat) { ++stat.mtime_ns; },
      [](FileStat& stat) { ++stat.ctime_ns; }, [](FileStat& stat) { ++stat.inode; },
      [](FileStat& stat) { ++stat.device; },
  };
  for (const auto& change : changes) {
    Backups backups;
    TestDisk disk(10);
    disk.root.inside["file"].stat.size = 10;
    ASSERT_FALSE(backups.run(disk).same);
    change(disk.root.inside["file"].stat);
    EXPECT_EQ(backups.run(disk).files_read, 1u);
  }
}

TEST(Compare, NothingAtAllIsATreeToo) {
  Backups backups;
  TestDisk disk(11);
  EXPECT_TRUE(backups.run(disk).root.is_zero());
  EXPECT_TRUE(backups.run(disk).same);
  disk.root.inside["file"].stat.size = 1;
  EXPECT_FALSE(backups.run(disk).root.is_zero());
  disk.root.inside.clear();
  const Outcome empty = backups.run(disk);
  EXPECT_TRUE(empty.root.is_zero());
  EXPECT_FALSE(empty.same);
}

}  // namespace

}  // namespace holdfast::backup
