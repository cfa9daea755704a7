#include "backup/assembly.h"

#include <gtest/gtest.h>

#include "backup/disk_test_support.h"

namespace holdfast::backup {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above
using space::testing::entries_of;

ChunkId id(std::uint8_t byte) {
  ChunkId out;
  out.bytes.fill(byte);
  return out;
}

space::TreeEntry named(const std::string& name, FileType type = FileType::regular) {
  FileStat stat;
  stat.type = type;
  return entry_of(name, stat);
}

class Line : public ::testing::Test {
 protected:
  space::TreeEntry at(const std::string& path) { return space::find_path(chunks, root, path).value(); }
  space::TreeEntry partial(const std::string& path) {
    return space::find_path(chunks, assembly.so_far().value().root, path).value();
  }
  bool finish() {
    const auto built = assembly.finish();
    if (built) root = built->root;
    return built.has_value();
  }
  std::uint64_t folder(const std::string& name) { return assembly.begin_folder(named(name, FileType::directory), {}); }
  std::vector<space::ManifestEntry> pieces(const space::TreeEntry& entry) {
    return entries_of<space::ManifestEntry>(chunks, std::get<space::ManifestRoot>(entry.file()->data).root);
  }

  space::RootKeys keys = space::testing::test_root_keys();
  TestChunks chunks{keys};
  Assembly assembly{keys, chunks.sink(), nullptr};
  space::Root root;
};

TEST_F(Line, AFileIsEmptyOneChunkOrAManifest) {
  const auto empty = assembly.file(named("empty"), {}, {});
  const auto one = assembly.file(named("one"), {}, {});
  const auto three = assembly.file(named("three"), {}, {});
  ASSERT_TRUE(assembly.file_read(empty, 0, 0));
  ASSERT_TRUE(assembly.file_read(one, 10, 10));
  ASSERT_TRUE(assembly.file_read(three, 30, 30));
  ASSERT_TRUE(assembly.chunk(one, id(1), 10));
  for (std::uint8_t i = 2; i < 5; ++i) ASSERT_TRUE(assembly.chunk(three, id(i), 10));
  ASSERT_TRUE(finish());
  EXPECT_EQ(*at("empty").file(), (space::FileContent{0, space::EmptyFile{}}));
  EXPECT_EQ(*at("one").file(), (space::FileContent{10, space::OneChunk{id(1)}}));
  EXPECT_EQ(at("three").file()->size, 30u);
  const std::vector<space::ManifestEntry> expected{
      {space::ChunkExtent{id(2), 10}}, {space::ChunkExtent{id(3), 10}}, {space::ChunkExtent{id(4), 10}}};
  EXPECT_EQ(pieces(at("three")), expected);
}

TEST_F(Line, HolesStandWhereTheFileHasNoData) {
  // data 0-10, hole 10-30, data 30-45, hole 45-100
  const auto file = assembly.file(named("sparse"), {}, {{10, 20}, {45, 55}});
  ASSERT_TRUE(assembly.file_read(file, 25, 100));
  ASSERT_TRUE(assembly.chunk(file, id(1), 10));
  ASSERT_TRUE(assembly.chunk(file, id(2), 15));
  // nothing but a hole
  const auto hole = assembly.file(named("hole"), {}, {{0, 1000}});
  ASSERT_TRUE(assembly.file_read(hole, 0, 1000));
  // begins with a hole
  const auto late = assembly.file(named("late"), {}, {{0, 7}});
  ASSERT_TRUE(assembly.file_read(late, 3, 10));
  ASSERT_TRUE(assembly.chunk(late, id(3), 3));
  ASSERT_TRUE(finish());
  const std::vector<space::ManifestEntry> sparse{{space::ChunkExtent{id(1), 10}},
                                                 {space::HoleExtent{20}},
                                                 {space::ChunkExtent{id(2), 15}},
                                                 {space::HoleExtent{55}}};
  EXPECT_EQ(pieces(at("sparse")), sparse);
  EXPECT_EQ(at("sparse").file()->size, 100u);
  EXPECT_EQ(pieces(at("hole")), (std::vector<space::ManifestEntry>{{space::HoleExtent{1000}}}));
  EXPECT_EQ(at("hole").file()->size, 1000u);
  EXPECT_EQ(pieces(at("late")),
            (std::vector<space::ManifestEntry>{{space::HoleExtent{7}}, {space::ChunkExtent{id(3), 3}}}));
}

TEST_F(Line, AFileThatShrankWhileItWasReadIsAsLongAsWhatWasRead) {
  // It was to have 100 bytes with a hole at 60-80; it was cut to 10 while it was read.
  const auto file = assembly.file(named("cut"), {}, {{60, 20}});
  ASSERT_TRUE(assembly.file_read(file, 10, 10));
  ASSERT_TRUE(assembly.chunk(file, id(1), 10));
  ASSERT_TRUE(finish());
  EXPECT_EQ(*at("cut").file(), (space::FileContent{10, space::OneChunk{id(1)}}));
}

TEST_F(Line, AnEntryThatIsNotCompleteHoldsBackAllBehindIt) {
  const auto file = assembly.file(named("a"), {}, {});
  assembly.entry(named("b"), {});
  ASSERT_TRUE(assembly.advance());
  EXPECT_EQ(assembly.waiting(), 2u);
  ASSERT_TRUE(assembly.file_read(file, 5, 5));
  ASSERT_TRUE(assembly.advance());
  EXPECT_EQ(assembly.waiting(), 2u);
  EXPECT_FALSE(finish());
  ASSERT_TRUE(assembly.chunk(file, id(1), 5));
  ASSERT_TRUE(assembly.advance());
  EXPECT_EQ(assembly.waiting(), 0u);
  EXPECT_TRUE(finish());
}

TEST_F(Line, AFileThatCouldNotBeReadHasNoEntry) {
  const auto bad = assembly.file(named("bad"), {}, {});
  const auto good = assembly.file(named("good"), {}, {});
  assembly.drop(bad);
  ASSERT_TRUE(assembly.file_read(good, 5, 5));
  ASSERT_TRUE(assembly.chunk(good, id(1), 5));
  ASSERT_TRUE(finish());
  EXPECT_EQ(space::find_entry(chunks, root, "bad").value(), std::nullopt);
  EXPECT_TRUE(space::find_entry(chunks, root, "good").value());
}

TEST_F(Line, LargeAttributesOfFilesAndFoldersAreChunksOfTheirOwn) {
  const auto folder_token = folder("f");
  assembly.expect_attributes(folder_token, 2000);
  const auto file = assembly.file(named("a"), {}, {});
  assembly.expect_attributes(file, 3000);
  ASSERT_TRUE(assembly.file_read(file, 5, 5));
  assembly.end_folder();
  ASSERT_TRUE(assembly.advance());
  EXPECT_EQ(assembly.waiting(), 3u);
  ASSERT_TRUE(assembly.chunk(Assembly::attributes_of(folder_token), id(1), 2000));
  ASSERT_TRUE(assembly.chunk(Assembly::attributes_of(file), id(2), 3000));
  ASSERT_TRUE(assembly.chunk(file, id(3), 5));
  ASSERT_TRUE(finish());
  EXPECT_EQ(std::get<space::AttributesChunk>(at("f").attributes), (space::AttributesChunk{id(1), 2000}));
  EXPECT_EQ(std::get<space::AttributesChunk>(at("f/a").attributes), (space::AttributesChunk{id(2), 3000}));
}

TEST_F(Line, ADroppedFileWaitsForItsAttributesChunk) {
  const auto file = assembly.file(named("a"), {}, {});
  assembly.expect_attributes(file, 3000);
  assembly.drop(file);
  ASSERT_TRUE(assembly.advance());
  EXPECT_EQ(assembly.waiting(), 1u);
  ASSERT_TRUE(assembly.chunk(Assembly::attributes_of(file), id(2), 3000));
  ASSERT_TRUE(finish());
  EXPECT_TRUE(root.is_zero());
}

TEST_F(Line, FoldersThatComeAfterEntriesAreSortedAmongThem) {
  assembly.entry(named("b"), {});
  assembly.entry(named("d"), {});
  folder("a");
  assembly.end_folder();
  folder("c");
  assembly.end_folder();
  ASSERT_TRUE(finish());
  std::string names;
  for (const auto& entry : entries_of<space::TreeEntry>(chunks, root)) names += entry.name;
  EXPECT_EQ(names, "abcd");
}

TEST_F(Line, WhatIsThereSoFarIsATreeAndTheLineGoesOn) {
  assembly.entry(named("a"), {});
  folder("f");
  const auto file = assembly.file(named("large"), {}, {});
  ASSERT_TRUE(assembly.advance());
  ASSERT_TRUE(assembly.chunk(file, id(1), 10));
  ASSERT_TRUE(assembly.chunk(file, id(2), 10));
  EXPECT_EQ(partial("f/large").file()->size, 20u);
  EXPECT_EQ(pieces(partial("f/large")).size(), 2u);
  EXPECT_EQ(partial("a").name, "a");

  ASSERT_TRUE(assembly.chunk(file, id(3), 10));
  ASSERT_TRUE(assembly.file_read(file, 30, 30));
  assembly.end_folder();
  ASSERT_TRUE(finish());
  EXPECT_EQ(at("f/large").file()->size, 30u);
  EXPECT_EQ(pieces(at("f/large")).size(), 3u);
}

TEST_F(Line, NothingSoFarIsAnEmptyTree) { EXPECT_TRUE(assembly.so_far()->root.is_zero()); }

TEST_F(Line, AFolderThatWasNotEndedIsADefectThatIsTold) {
  folder("f");
  EXPECT_EQ(assembly.finish().error().code, Code::Internal);
}

}  // namespace

}  // namespace holdfast::backup
