#include "backup/file_state.h"

#include <gtest/gtest.h>

#include "backup/disk_test_support.h"

namespace holdfast::backup {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

Seen seen(std::uint64_t inode) { return {1, inode, 100 + inode, 5, 6, false}; }

space::TreeEntry named(const std::string& name) { return space::testing::a_file(name, 3); }

FileStateHeader header() {
  FileStateHeader out;
  out.space.bytes[0] = 7;
  out.snapshot_key = "a snapshot";
  out.root.bytes[0] = 9;
  out.paths = {"/home/alice", "/etc"};
  return out;
}

// All records as text: name, inode, and what is inside of folders in brackets.
std::string drawn(OldRecords records) {
  std::string out;
  for (; const OldRecord* record = records.current(); records.next()) {
    out += std::string(record->name) + ":" + std::to_string(record->seen.inode);
    if (record->folder) out += "[" + drawn(OldRecords(record->inside)) + "]";
    EXPECT_EQ(decode<space::TreeEntry>(record->entry, "an entry")->name, record->name);
    out += " ";
  }
  return out;
}

class FileStates : public ::testing::Test {
 protected:
  FileStateWriter create() { return FileStateWriter::create(*files, path).value(); }
  void write_small() {
    auto writer = create();
    writer.entry("a", seen(1), named("a"));
    writer.begin_folder("b", seen(2));
    writer.entry("c", seen(3), named("c"));
    writer.begin_folder("d", seen(4));
    writer.begin_folder("e", seen(5));
    writer.end_folder(named("e"));
    writer.end_folder(named("d"));
    writer.end_folder(named("b"));
    writer.begin_folder("f", seen(6));
    writer.end_folder(named("f"));
    ASSERT_TRUE(writer.finish(header()));
  }
  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(1);
  Path path = directory / "state";
};

TEST_F(FileStates, NestedFoldersComeBackAsTheyWereWritten) {
  write_small();
  const auto state = FileState::open(*files, path);
  ASSERT_TRUE(state);
  EXPECT_EQ(drawn((*state)->records()), "a:1 b:2[c:3 d:4[e:5[] ] ] f:6[] ");
  EXPECT_EQ(encode((*state)->header()), encode(header()));
  EXPECT_EQ(files->list(directory.path())->size(), 1u);
}

TEST_F(FileStates, FoldersLargerThanTheBufferComeBackToo) {
  auto writer = create();
  writer.begin_folder("outer", seen(1));
  std::string expected = "outer:1[";
  for (int folder = 0; folder < 3; ++folder) {
    const std::string name = "folder" + std::to_string(folder);
    writer.begin_folder(name, seen(2));
    expected += name + ":2[";
    for (std::uint64_t i = 0; i < 6000; ++i) {
      const std::string file = "file-" + std::to_string(100'000 + i);
      writer.entry(file, seen(i), named(file));
      expected += file + ":" + std::to_string(i) + " ";
    }
    writer.end_folder(named(name));
    expected += "] ";
  }
  writer.end_folder(named("outer"));
  expected += "] ";
  ASSERT_TRUE(writer.finish(header()));
  const auto state = FileState::open(*files, path);
  ASSERT_TRUE(state);
  EXPECT_EQ(drawn((*state)->records()), expected);

  // Copied as one range, among others, into the next state: while the old one is still mapped.
  auto next = create();
  next.entry("before", seen(9), named("before"));
  next.copy((*state)->records().current()->whole);
  next.begin_folder("z", seen(8));
  next.copy((*state)->records().current()->inside);
  next.end_folder(named("z"));
  ASSERT_TRUE(next.finish(header()));
  const auto again = FileState::open(*files, path);
  ASSERT_TRUE(again);
  EXPECT_EQ(drawn((*again)->records()), "before:9 " + expected + "z:8" + expected.substr(7));
}

// Bytes in memory, of which it counts what has not been let go from the front on.
class CountedMapping final : public Mapping {
 public:
  explicit CountedMapping(ByteView bytes) : bytes_(bytes) {}
  [[nodiscard]] ByteView bytes() const override { return bytes_; }
  void release(ByteView part) const override {
    const auto at = static_cast<std::size_t>(part.data() - bytes_.data());
    EXPECT_LE(at, released + 100) << "all but the heads of folders is let go";
    released = std::max(released, at + part.size());
  }
  mutable std::size_t released = 0;

 private:
  ByteView bytes_;
};

// Promise: a state of any size is gone through, or copied, in little memory.
TEST_F(FileStates, WhatWasPassedIsLetGo) {
  constexpr std::size_t little = 1536 * 1024;
  {
    auto writer = create();
    writer.begin_folder("outer", seen(1));
    for (int folder = 0; folder < 60; ++folder) {
      writer.begin_folder("folder" + std::to_string(100 + folder), seen(2));
      for (std::uint64_t i = 0; i < 1000; ++i) writer.entry(std::to_string(100'000 + i), seen(i), named("entry"));
      writer.end_folder(named("folder"));
    }
    writer.end_folder(named("outer"));
    ASSERT_TRUE(writer.finish(header()));
  }
  const auto state = FileState::open(*files, path);
  ASSERT_TRUE(state);
  const ByteView outer = (*state)->records().current()->whole;
  ASSERT_GT(outer.size(), 3 * little);

  const CountedMapping read(outer);
  OldRecords top(outer, &read);
  ASSERT_NE(top.current(), nullptr);
  std::size_t entries = 0;
  OldRecords folders = top.inside();
  for (; const OldRecord* folder = folders.current(); folders.next()) {
    OldRecords inside = folders.inside();
    for (; inside.current() != nullptr; inside.next()) ++entries;
    const auto passed = static_cast<std::size_t>(folder->whole.data() + folder->whole.size() - outer.data());
    EXPECT_LT(passed, read.released + little);
  }
  EXPECT_EQ(entries, 60'000u);

  const CountedMapping copied(outer);
  auto next = create();
  next.copy(outer, &copied);
  ASSERT_TRUE(next.finish(header()));
  EXPECT_EQ(copied.released, outer.size());
  const auto again = FileState::open(*files, path);
  ASSERT_TRUE(again);
  EXPECT_EQ(to_hex(crypto::sha256((*again)->records().current()->whole).view()), to_hex(crypto::sha256(outer).view()));
}

TEST_F(FileStates, AnUnfinishedOneLeavesTheOldOneInPlace) {
  write_small();
  const Bytes before = files->read_file(path, 1 << 20).value();
  {
    auto writer = create();
    writer.entry("other", seen(1), named("other"));
  }
  EXPECT_EQ(files->read_file(path, 1 << 20).value(), before);
}

TEST_F(FileStates, EveryFlippedOrMissingByteIsMalformed) {
  write_small();
  const Bytes whole = files->read_file(path, 1 << 20).value();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes flipped = whole;
    flipped[at] ^= static_cast<std::uint8_t>(1u << at % 8);
    ASSERT_TRUE(files->replace_file(path, flipped));
    const auto state = FileState::open(*files, path);
    ASSERT_FALSE(state) << "byte " << at;
    EXPECT_EQ(state.error().code, Code::Malformed) << "byte " << at;
  }
  for (std::size_t size = 0; size < whole.size(); size += 7) {
    ASSERT_TRUE(files->replace_file(path, ByteView(whole).first(size)));
    EXPECT_FALSE(FileState::open(*files, path)) << size;
  }
}

TEST_F(FileStates, AMissingOneIsNotFound) { EXPECT_EQ(FileState::open(*files, path).error().code, Code::NotFound); }

// A reader of records is total: whatever bytes it gets, it ends, and gives views of these bytes only.
TEST_F(FileStates, RecordsOfAnyBytesAreReadToAnEnd) {
  write_small();
  const Bytes whole = files->read_file(path, 1 << 20).value();
  SeededRandom random(1);
  for (int i = 0; i < 20'000; ++i) {
    Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(random.below(whole.size())));
    for (std::size_t flips = random.below(4); flips > 0 && !bytes.empty(); --flips)
      bytes[random.below(bytes.size())] ^= static_cast<std::uint8_t>(random.next());
    std::size_t seen_bytes = 0;
    for (OldRecords records{bytes}; const OldRecord* record = records.current(); records.next())
      seen_bytes += record->whole.size();
    ASSERT_LE(seen_bytes, bytes.size());
  }
}

TEST(SeenOf, IsRacyWhenTheEntryChangedWithinTwoSecondsOfTheScan) {
  FileStat stat;
  constexpr std::int64_t second = 1'000'000'000;
  stat.mtime_ns = 100 * second;
  stat.ctime_ns = 50 * second;
  EXPECT_FALSE(seen_of(stat, 102 * second + 1).racy);
  EXPECT_TRUE(seen_of(stat, 102 * second).racy);
  EXPECT_TRUE(seen_of(stat, 90 * second).racy) << "in the future";
  std::swap(stat.mtime_ns, stat.ctime_ns);
  EXPECT_TRUE(seen_of(stat, 102 * second).racy);
}

}  // namespace

}  // namespace holdfast::backup
