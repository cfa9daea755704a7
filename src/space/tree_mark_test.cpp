#include "space/tree_mark.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "space/segment.h"
#include "space/tree_test_support.h"

namespace holdfast::space {
namespace {

using namespace testing;

TreeEntry with_attributes(TreeEntry entry) {
  entry.attributes = AttributesChunk{{crypto::sha256(as_bytes(entry.name + " attributes")).bytes}, 2000};
  return entry;
}

TreeEntry large_file(TestChunks& chunks, std::string name, int pieces) {
  std::vector<ManifestEntry> manifest;
  for (int i = 0; i < pieces; ++i) {
    manifest.push_back({ChunkExtent{{crypto::sha256(as_bytes(name + std::to_string(i))).bytes}, 1000}});
    manifest.push_back({HoleExtent{5}});
  }
  const BuiltTree built = build_tree(keys(), chunks, manifest);
  TreeEntry entry = a_file(std::move(name));
  entry.content = FileContent{built.bytes, ManifestRoot{built.root}};
  return entry;
}

TreeEntry folder(TestChunks& chunks, std::string name, const std::vector<TreeEntry>& entries) {
  const BuiltTree built = build_tree(keys(), chunks, entries);
  TreeEntry entry = a_file(std::move(name));
  entry.content = DirectoryContent{built.root, built.entries, built.bytes};
  return entry;
}

Snapshot snapshot_of(TestChunks& chunks, std::uint8_t number, int many) {
  std::vector<TreeEntry> inside;
  for (int i = 0; i < many; ++i) inside.push_back(a_file("file " + std::to_string(1'000'000 + i), 100));
  inside.push_back(a_file("only in " + std::to_string(number), 100));
  std::vector<TreeEntry> top{folder(chunks, "a", inside), folder(chunks, "empty", {}),
                             large_file(chunks, "large", 9000), with_attributes(a_file("small", 7))};
  Snapshot snapshot;
  snapshot.id.bytes.fill(number);
  snapshot.root = build_tree(keys(), chunks, top).root;
  return snapshot;
}

// Promise: all that is needed is told of, and what several trees share is read once.
TEST(MarkTree, TellsOfAllThatTheTreesReferToAndReadsEachNodeOnce) {
  TestChunks chunks(keys());
  const std::vector<Snapshot> snapshots{snapshot_of(chunks, 1, 5000), snapshot_of(chunks, 2, 5000),
                                        snapshot_of(chunks, 3, 4000)};
  const Root list = build_tree(keys(), chunks, snapshots).root;

  std::set<ChunkId> expected{list};
  for (const Snapshot& snapshot : snapshots)
    ASSERT_TRUE(for_each_chunk(chunks, snapshot.root, [&](const ReferredChunk& chunk, const std::string&) -> Status {
      expected.insert(chunk.id);
      return {};
    }));
  const std::size_t nodes = chunks.chunks.size();
  ASSERT_GT(nodes, 10u);

  chunks.reads = 0;
  ChunkSet seen;
  std::set<ChunkId> marked;
  const auto visit = [&](ChunkKind, const ChunkId& id) -> Status {
    marked.insert(id);
    return {};
  };
  ASSERT_TRUE(mark_tree(chunks, list, seen, visit));
  EXPECT_EQ(marked, expected);
  EXPECT_EQ(chunks.reads, nodes);
  EXPECT_EQ(seen.size(), nodes);

  marked.clear();
  ASSERT_TRUE(mark_tree(chunks, list, seen, visit));
  ASSERT_TRUE(mark_tree(chunks, Root(), seen, visit));
  EXPECT_TRUE(marked.empty());
  EXPECT_EQ(chunks.reads, nodes);
}

// A prune that passed over what it can't read would retire what is below it.
TEST(MarkTree, ANodeThatIsMissingEndsIt) {
  TestChunks chunks(keys());
  const Snapshot snapshot = snapshot_of(chunks, 1, 5000);
  const auto all = chunks.chunks;
  for (const auto& [id, bytes] : all) {
    chunks.chunks.erase(id);
    ChunkSet seen;
    const Status marked =
        mark_tree(chunks, snapshot.root, seen, [](ChunkKind, const ChunkId&) -> Status { return {}; });
    ASSERT_FALSE(marked);
    EXPECT_EQ(marked.error().code, Code::Missing);
    chunks.chunks = all;
  }
}

// Unless it is told to: then all that other nodes lead to is marked, and the loss is told once.
TEST(MarkTree, ANodeThatIsGivenUpCostsOnlyWhatItAloneLeadsTo) {
  TestChunks chunks(keys());
  const Snapshot snapshot = snapshot_of(chunks, 1, 5000);
  const auto all = chunks.chunks;
  const auto mark = [&](int& losses) {
    ChunkSet seen;
    std::set<ChunkId> marked;
    const auto visit = [&](ChunkKind, const ChunkId& id) -> Status {
      marked.insert(id);
      return {};
    };
    EXPECT_TRUE(mark_tree(chunks, snapshot.root, seen, visit, [&](const Error& error) -> Status {
      EXPECT_EQ(error.code, Code::Missing);
      ++losses;
      return {};
    }));
    return marked;
  };
  int none = 0;
  const auto whole = mark(none);
  EXPECT_EQ(none, 0);
  for (const auto& [id, bytes] : all) {
    chunks.chunks.erase(id);
    int losses = 0;
    const auto marked = mark(losses);
    EXPECT_EQ(losses, 1);
    EXPECT_TRUE(marked.contains(id)) << "the lost node itself may come back";
    EXPECT_LT(marked.size(), whole.size());
    EXPECT_EQ(marked.size() == 1, id == snapshot.root);
    chunks.chunks = all;
  }
}

TEST(RetiredPacks, OneIsSetAndNoOther) {
  Bytes bits;
  set_retired(bits, 11);
  set_retired(bits, 0);
  EXPECT_EQ(bits, (Bytes{0x80, 0x10}));
  for (std::uint32_t pack = 0; pack < 40; ++pack) EXPECT_EQ(is_retired(bits, pack), pack == 0 || pack == 11) << pack;
}

}  // namespace
}  // namespace holdfast::space
