// Trees laid over one another; the other edits are in tree_test.cpp.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "space/tree_test_support.h"

namespace holdfast::space {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

using Paths = std::map<std::string, std::uint64_t>;  // files and their sizes

Root tree_of(TestChunks& chunks, const Paths& files) {
  Root root;
  for (const auto& [path, size] : files)
    root = with_entry(chunks, keys(), chunks.sink(), root, parent_of(path),
                      a_file(std::string(last_component(path)), size))
               .value();
  return root;
}

Paths files_of(TestChunks& chunks, const Root& root, const std::string& prefix = "") {
  Paths out;
  std::vector<TreeEntry> entries;
  EXPECT_TRUE(read_folder(chunks, root, entries));
  for (const TreeEntry& entry : entries) {
    const std::string path = join_path(prefix, entry.name);
    if (const auto* folder = entry.directory()) out.merge(files_of(chunks, folder->root, path));
    if (const auto* file = entry.file()) out.emplace(path, file->size);
  }
  return out;
}

TEST(TreeLaidOver, HasWhatBothHaveAndTheUpperOnesFiles) {
  TestChunks chunks(keys());
  const Root lower = tree_of(chunks, {{"a/one", 1}, {"a/two", 2}, {"b", 3}, {"z/deep/er", 4}});
  const Root upper = tree_of(chunks, {{"a/two", 20}, {"a/three", 30}, {"new/file", 5}});
  const Root both = with_tree(chunks, keys(), chunks.sink(), lower, "", upper).value();
  EXPECT_EQ(files_of(chunks, both),
            (Paths{{"a/one", 1}, {"a/three", 30}, {"a/two", 20}, {"b", 3}, {"new/file", 5}, {"z/deep/er", 4}}));
  EXPECT_EQ(both, tree_of(chunks, files_of(chunks, both)));  // counts and all
}

TEST(TreeLaidOver, GoesIntoAFolderThatIsMadeForItWithItsOwner) {
  TestChunks chunks(keys());
  TreeEntry file = a_file("file", 7);
  file.uid = 1001;
  file.user = "anna";
  const Root upper = with_entry(chunks, keys(), chunks.sink(), {}, "", file).value();
  const Root root = with_tree(chunks, keys(), chunks.sink(), {}, "x/y", upper).value();
  EXPECT_EQ(files_of(chunks, root), (Paths{{"x/y/file", 7}}));
  const TreeEntry made = find_path(chunks, root, "x").value();
  EXPECT_EQ(made.uid, 1001u);
  EXPECT_EQ(made.user, "anna");
}

TEST(TreeLaidOver, OfNothingChangesNothing) {
  TestChunks chunks(keys());
  const Root lower = tree_of(chunks, {{"a/one", 1}});
  EXPECT_EQ(with_tree(chunks, keys(), chunks.sink(), lower, "a/new", {}).value(), lower);
  EXPECT_EQ(with_tree(chunks, keys(), chunks.sink(), lower, "", lower).value(), lower);
}

TEST(TreeLaidOver, KeepsFoldersAndOtherThingsApart) {
  TestChunks chunks(keys());
  const Root lower = tree_of(chunks, {{"a/folder/x", 1}, {"a/file", 2}});
  const Root file_there = tree_of(chunks, {{"a/folder", 1}}), folder_there = tree_of(chunks, {{"a/file/x", 1}});
  const auto laid = [&](const Root& upper, const char* into) {
    return with_tree(chunks, keys(), chunks.sink(), lower, into, upper);
  };
  EXPECT_EQ(laid(file_there, "").error().code, Code::AlreadyExists);
  EXPECT_EQ(laid(file_there, "").error().object, "a/folder");
  EXPECT_EQ(laid(folder_there, "").error().code, Code::AlreadyExists);
  EXPECT_EQ(laid(folder_there, "a/file").error().code, Code::AlreadyExists);
}

TEST(TreeLaidOver, TheUpperFoldersMetadataCounts) {
  TestChunks chunks(keys());
  const Root lower = tree_of(chunks, {{"a/one", 1}});
  TreeEntry folder = find_path(chunks, tree_of(chunks, {{"a/two", 2}}), "a").value();
  folder.mode = 0750;
  const Root upper = with_entry(chunks, keys(), chunks.sink(), {}, "", folder).value();
  const Root both = with_tree(chunks, keys(), chunks.sink(), lower, "", upper).value();
  EXPECT_EQ(find_path(chunks, both, "a").value().mode, 0750);
  EXPECT_EQ(files_of(chunks, both), (Paths{{"a/one", 1}, {"a/two", 2}}));
}

// Promise: laid over one another, any two trees give the union of their files, the upper one's where both have one.
TEST(TreeLaidOver, GivesTheUnionOfAnyTwo) {
  EXPECT_TRUE(rc::check("laid over against a map", [] {
    TestChunks chunks(keys());
    const auto any_tree = [] {
      Paths out;
      const int count = *rc::gen::inRange(0, 40);
      for (int i = 0; i < count; ++i)
        out[*rc::gen::element<std::string>("", "a/", "a/b/", "c/") + "f" + std::to_string(*rc::gen::inRange(0, 30))] =
            *rc::gen::inRange<std::uint64_t>(0, 1000);
      return out;
    };
    const Paths lower = any_tree(), upper = any_tree();
    Paths wanted = upper;
    wanted.insert(lower.begin(), lower.end());
    const Root both =
        with_tree(chunks, keys(), chunks.sink(), tree_of(chunks, lower), "", tree_of(chunks, upper)).value();
    RC_ASSERT(files_of(chunks, both) == wanted);
  }));
}

TEST(TreeWithoutSnapshots, KeepsTheOthers) {
  TestChunks chunks(keys());
  Snapshot one, two;
  one.id = SnapshotId{{1}};
  two.id = SnapshotId{{2}};
  const Root first = with_snapshot(chunks, keys(), chunks.sink(), {}, one, {}).value();
  const Root both = with_snapshot(chunks, keys(), chunks.sink(), first, two, {}).value();
  const std::vector<std::string> gone{two.key()};
  EXPECT_EQ(without_snapshots(chunks, keys(), chunks.sink(), both, gone).value(), first);
}

}  // namespace
}  // namespace holdfast::space
