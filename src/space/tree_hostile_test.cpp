// A member may write nodes that no builder of ours makes: every reader refuses them, and none follows them out of
// bounds.
#include <gtest/gtest.h>

#include <functional>

#include "space/tree_test_support.h"

namespace holdfast::space {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

Code walk(TestChunks& chunks, const Root& root) {
  const Status status = for_each_entry<TreeEntry>(chunks, root, [](TreeEntry&&) -> Result<bool> { return true; });
  return status ? Code::Internal : status.error().code;
}

Root leaf(TestChunks& chunks, std::vector<TreeEntry> entries) { return chunks.put({0, std::move(entries)}); }

TreeEntry folder(std::string name, DirectoryContent content) {
  TreeEntry entry;
  entry.name = std::move(name);
  entry.content = content;
  return entry;
}

TEST(HostileTree, NamesThatNoFileCanHaveAreMalformed) {
  using namespace std::string_literals;
  for (const std::string& name : {""s, "."s, ".."s, "/"s, "a/b"s, "../x"s, "a\0b"s, "\0"s, std::string(256, 'n')}) {
    TestChunks chunks(keys());
    const Root root = leaf(chunks, {a_file(name)});
    EXPECT_EQ(walk(chunks, root), Code::Malformed) << printable(name);
    EXPECT_FALSE(find_entry(chunks, root, name).has_value()) << printable(name);
    TreeBuilder<TreeEntry> builder(keys(), chunks.sink());
    EXPECT_EQ(builder.add(a_file(name)).error().code, Code::Malformed) << printable(name);
  }
}

TEST(HostileTree, ContentThatCannotBeIsMalformed) {
  const ChunkId some{{1}};
  std::vector<TreeEntry> bad;
  const auto with_content = [&](auto content) {
    bad.push_back(a_file("x"));
    bad.back().content = content;
  };
  with_content(FileContent{0, OneChunk{some}});
  with_content(FileContent{5, EmptyFile{}});
  with_content(FileContent{chunk_bytes_max + 1, OneChunk{some}});
  with_content(FileContent{std::uint64_t{1} << 63, ManifestRoot{some}});
  with_content(FileContent{5, ManifestRoot{}});
  with_content(DirectoryContent{some, 0, 0});
  with_content(DirectoryContent{{}, 1, 0});
  with_content(SymlinkContent{""});
  with_content(SymlinkContent{std::string(4096, 'x')});
  with_content(SymlinkContent{std::string("a\0b", 3)});
  bad.push_back(a_file("x"));
  bad.back().mode = 010000;
  bad.push_back(a_file("x"));
  bad.back().attributes = AttributesChunk{some, 0};
  bad.push_back(a_file("x"));
  bad.back().attributes = AttributesChunk{some, chunk_bytes_max + 1};
  for (std::size_t i = 0; i < bad.size(); ++i) {
    TestChunks chunks(keys());
    const Root root = leaf(chunks, {bad[i]});
    EXPECT_EQ(walk(chunks, root), Code::Malformed) << "entry " << i;
    EXPECT_EQ(find_entry(chunks, root, "x").error().code, Code::Malformed) << "entry " << i;
  }
}

TEST(HostileTree, EntriesOutOfOrderOrTwiceAreMalformed) {
  for (const auto& [first, second] : {std::pair{"b", "a"}, std::pair{"a", "a"}, std::pair{"\xff", "a"}}) {
    TestChunks chunks(keys());
    const Root root = leaf(chunks, {a_file(first), a_file(second)});
    EXPECT_EQ(walk(chunks, root), Code::Malformed);
    EXPECT_EQ(find_entry(chunks, root, first).error().code, Code::Malformed);
  }
}

// Two leaves under one inner node that is right, changed in one way each.
struct Inner {
  TestChunks chunks{keys()};
  ChunkId low = leaf(chunks, {a_file("a", 10), a_file("b", 1)}), high = leaf(chunks, {a_file("c", 5)});
  std::vector<NamedChild> children{{"a", low, 2, 11}, {"c", high, 1, 5}};
  Root root(std::uint8_t level = 1) { return chunks.put({level, children}); }
};

TEST(HostileTree, AnInnerNodeThatIsRightIsRead) {
  Inner inner;
  EXPECT_EQ(walk(inner.chunks, inner.root()), Code::Internal) << "no error";
  EXPECT_TRUE(find_entry(inner.chunks, inner.root(), "b").value().has_value());
}

TEST(HostileTree, WrongFirstNamesOrderOrSumsAreMalformed) {
  const std::vector<std::pair<bool, std::function<void(Inner&)>>> wrong = {
      {true, [](Inner& inner) { inner.children[0].first_name = "A"; }},
      {true, [](Inner& inner) { inner.children[1].first_name = "bb"; }},
      {true, [](Inner& inner) { std::swap(inner.children[0], inner.children[1]); }},
      {true, [](Inner& inner) { inner.children[1] = inner.children[0]; }},
      {false, [](Inner& inner) { inner.children[0].entries = 3; }},
      {false, [](Inner& inner) { inner.children[1].bytes = 6; }},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    Inner inner;
    wrong[i].second(inner);
    const Root root = inner.root();
    EXPECT_EQ(walk(inner.chunks, root), Code::Malformed) << "case " << i;
    const bool seen_when_searching = !find_entry(inner.chunks, root, "a") || !find_entry(inner.chunks, root, "c");
    EXPECT_EQ(seen_when_searching, wrong[i].first) << "case " << i;
  }
}

TEST(HostileTree, ANodeOfAnotherLevelOrKindThanItsPlaceAsksForIsMalformed) {
  Inner inner;
  TestChunks& chunks = inner.chunks;
  const ChunkId manifest = chunks.put({0, std::vector<ManifestEntry>{{HoleExtent{5}}}});
  const std::vector<Root> bad = {
      inner.root(0),                                         // children at the level of entries
      inner.root(2),                                         // a level is left out
      chunks.put({1, std::vector<TreeEntry>{a_file("a")}}),  // entries in an inner node
      chunks.put({0, std::vector<TreeEntry>{}}),             // nothing in a leaf
      chunks.put({1, std::vector<NamedChild>{}}),            // nothing in an inner node
      chunks.put({200, std::vector<NamedChild>{{"a", inner.low, 2, 11}}}),
      chunks.put({1, std::vector<NamedChild>{{"a", manifest, 1, 5}}}),
      manifest,
  };
  for (std::size_t i = 0; i < bad.size(); ++i) {
    EXPECT_EQ(walk(chunks, bad[i]), Code::Malformed) << "node " << i;
    EXPECT_EQ(find_entry(chunks, bad[i], "a").error().code, Code::Malformed) << "node " << i;
  }
}

TEST(HostileTree, AnEmptyInnerNodeAboveALeafIsNoWayAroundTheChecks) {
  Inner inner;
  const ChunkId empty = inner.chunks.put({1, std::vector<NamedChild>{}});
  const Root root = inner.chunks.put({2, std::vector<NamedChild>{{"a", empty, 0, 0}}});
  EXPECT_EQ(walk(inner.chunks, root), Code::Malformed);
}

TEST(HostileTree, NodesThatAreCutTooLargeOrNoNodesAreMalformed) {
  TestChunks chunks(keys());
  const auto put = [&](Bytes bytes) {
    const ChunkId id = chunk_id(keys().chunk_id, ChunkKind::node, bytes);
    chunks.chunks[id] = std::move(bytes);
    return id;
  };
  const Bytes good = encode(Node{0, std::vector<TreeEntry>{a_file("a")}});
  EXPECT_EQ(walk(chunks, put(good)), Code::Internal) << "no error";
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_EQ(walk(chunks, put(Bytes(good.begin(), good.begin() + size))), Code::Malformed);
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(walk(chunks, put(longer)), Code::Malformed);
  TreeEntry wide = a_file("a");
  wide.user = std::string(node_bytes_max, 'u');
  EXPECT_EQ(walk(chunks, leaf(chunks, {wide})), Code::Malformed);
}

TEST(HostileTree, AChunkThatIsNotTheOneNamedIsTampered) {
  Inner inner;
  const Root root = inner.root();
  inner.chunks.chunks[inner.high] = inner.chunks.chunks[inner.low];
  EXPECT_EQ(walk(inner.chunks, root), Code::Tampered);
  inner.chunks.chunks.erase(inner.high);
  EXPECT_EQ(walk(inner.chunks, root), Code::Missing);
}

TEST(HostileManifest, PiecesAndSumsThatCannotBeAreMalformed) {
  const ChunkId some{{1}};
  const auto search = [](TestChunks& chunks, const Root& root) {
    const auto found = find_extents(chunks, root, {0, 1000});
    const Status walked =
        for_each_entry<ManifestEntry>(chunks, root, [](ManifestEntry&&) -> Result<bool> { return true; });
    EXPECT_EQ(found.has_value(), walked.has_value());
    return found ? Code::Internal : found.error().code;
  };
  TestChunks chunks(keys());
  const ChunkId ten = chunks.put({0, std::vector<ManifestEntry>{{ChunkExtent{some, 10}}}});
  EXPECT_EQ(search(chunks, chunks.put({1, std::vector<ManifestChild>{{ten, 1, 10}}})), Code::Internal) << "no error";
  const std::vector<Root> bad = {
      chunks.put({0, std::vector<ManifestEntry>{{ChunkExtent{some, 0}}}}),
      chunks.put({0, std::vector<ManifestEntry>{{ChunkExtent{some, chunk_bytes_max + 1}}}}),
      chunks.put({0, std::vector<ManifestEntry>{{HoleExtent{0}}}}),
      chunks.put({0, std::vector<ManifestEntry>{{HoleExtent{~std::uint64_t{0}}}}}),
      chunks.put({1, std::vector<ManifestChild>{{ten, 1, 11}}}),
      chunks.put({1, std::vector<ManifestChild>{{ten, 1, 9}, {ten, 1, 11}}}),
      chunks.put({1, std::vector<ManifestChild>{{ten, 1, ~std::uint64_t{0}}}}),
      chunks.put({2, std::vector<ManifestChild>{{ten, 1, 10}}}),
      chunks.put({0, std::vector<TreeEntry>{a_file("a")}}),
  };
  for (std::size_t i = 0; i < bad.size(); ++i) EXPECT_EQ(search(chunks, bad[i]), Code::Malformed) << "node " << i;
}

TEST(HostileManifest, HolesBeyondAnyFileDoNotWrapAround) {
  TestChunks chunks(keys());
  const std::uint64_t largest = std::uint64_t{1} << 62;
  const Root root = chunks.put({0, std::vector<ManifestEntry>(5, {HoleExtent{largest}})});
  EXPECT_EQ(find_extents(chunks, root, {0, 10}).error().code, Code::Malformed);
  EXPECT_EQ(find_extents(chunks, root, {~std::uint64_t{0}, 10}).error().code, Code::InvalidArgument);
}

TEST(HostileTree, FoldersNestedWithoutEndAreRefusedWithoutRunningOutOfStack) {
  TestChunks chunks(keys());
  Root root = leaf(chunks, {a_file("deepest")});
  std::uint64_t entries = 1;
  for (int depth = 0; depth < 6000; ++depth) root = leaf(chunks, {folder("d", {root, entries++, 0})});
  const Status walked =
      for_each_chunk(chunks, root, [](const ReferredChunk&, const std::string&) -> Status { return {}; });
  EXPECT_EQ(walked.error().code, Code::Malformed);
}

}  // namespace

}  // namespace holdfast::space
