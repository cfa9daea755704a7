#include "space/tree_diff.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "space/tree_test_support.h"

namespace holdfast::space {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

// A tree as a person thinks of it.
struct Plain {
  TreeEntry entry;
  std::map<std::string, Plain> inside;
};
using PlainFolder = std::map<std::string, Plain>;

std::string any_name() {
  return *rc::gen::element<std::string>("a", "b", "c", "dd", "e.txt", "\xff", "~") +
         (*rc::gen::inRange(0, 3) == 0 ? std::to_string(*rc::gen::inRange(0, 400)) : "");
}

Plain any_plain(int depth) {
  Plain out;
  const bool folder = depth < 4 && *rc::gen::inRange(0, 3) == 0;
  out.entry = a_file("", *rc::gen::inRange<std::uint64_t>(0, 3), *rc::gen::inRange<std::int64_t>(0, 3));
  if (!folder) return out;
  out.entry.content = DirectoryContent{};
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) out.inside.insert_or_assign(any_name(), any_plain(depth + 1));
  return out;
}

void change_some(PlainFolder& folder, int depth) {
  for (int i = *rc::gen::inRange(0, 4); i > 0; --i) {
    const std::string name = any_name();
    if (*rc::gen::arbitrary<bool>()) {
      folder.erase(name);
    } else {
      folder.insert_or_assign(name, any_plain(depth));
    }
  }
  for (auto& [name, plain] : folder)
    if (plain.entry.directory() != nullptr && *rc::gen::inRange(0, 3) == 0) change_some(plain.inside, depth + 1);
}

// Names enough that a folder has several nodes.
void fill(PlainFolder& folder, int count) {
  for (int i = 0; i < count; ++i) {
    Plain plain;
    plain.entry = a_file("", 1, i);
    plain.entry.user = std::string(100, 'u');
    folder.insert_or_assign("many-" + std::to_string(i), plain);
  }
}

BuiltTree store(TestChunks& chunks, const PlainFolder& folder) {
  std::vector<TreeEntry> entries;
  for (const auto& [name, plain] : folder) {
    TreeEntry entry = plain.entry;
    entry.name = name;
    if (entry.directory() != nullptr) {
      const BuiltTree inside = store(chunks, plain.inside);
      entry.content = DirectoryContent{inside.root, inside.entries, inside.bytes};
    }
    entries.push_back(std::move(entry));
  }
  return build_tree(keys(), chunks, entries);
}

using Sides = std::pair<std::optional<TreeEntry>, std::optional<TreeEntry>>;
using Differences = std::map<std::string, Sides>;

void flatten(TestChunks& chunks, const Root& root, const std::string& prefix, std::map<std::string, TreeEntry>& into) {
  for (const TreeEntry& entry : entries_of<TreeEntry>(chunks, root)) {
    into.emplace(prefix + entry.name, entry);
    if (entry.directory() != nullptr) flatten(chunks, entry.directory()->root, prefix + entry.name + "/", into);
  }
}

TreeEntry itself(TreeEntry entry) {
  if (entry.directory() != nullptr) entry.content = DirectoryContent{};
  return entry;
}

// Every path of both, compared.
Differences naive(TestChunks& chunks, const Root& before, const Root& after) {
  std::map<std::string, TreeEntry> left, right;
  flatten(chunks, before, "", left);
  flatten(chunks, after, "", right);
  Differences out;
  for (const auto& [path, entry] : left) {
    const auto other = right.find(path);
    if (other == right.end()) {
      out[path].first = itself(entry);
    } else if (itself(entry) != itself(other->second)) {
      out[path] = {itself(entry), itself(other->second)};
    }
  }
  for (const auto& [path, entry] : right)
    if (!left.contains(path)) out[path].second = itself(entry);
  return out;
}

// A folder that became something else is told as gone and come.
Differences diff(TestChunks& chunks, const Root& before, const Root& after) {
  Differences out;
  const Status done = diff_trees(chunks, before, chunks, after, [&](const TreeDifference& difference) -> Result<bool> {
    Sides& sides = out[difference.path];
    if (difference.before != nullptr) sides.first = itself(*difference.before);
    if (difference.after != nullptr) sides.second = itself(*difference.after);
    return true;
  });
  if (!done) throw std::runtime_error(done.error().sentence);
  return out;
}

TEST(TreeDiff, TellsWhatANaiveOneTells) {
  EXPECT_TRUE(rc::check("diff of two random trees equals the naive one", [] {
    TestChunks chunks(keys());
    PlainFolder folder;
    for (int i = *rc::gen::inRange(0, 6); i > 0; --i) folder.insert_or_assign(any_name(), any_plain(0));
    if (*rc::gen::inRange(0, 6) == 0) fill(folder, 1000);
    const Root before = store(chunks, folder).root;
    change_some(folder, 0);
    if (*rc::gen::inRange(0, 4) == 0)
      for (int i = 0; i < 20; ++i) folder.erase("many-" + std::to_string(*rc::gen::inRange(0, 1000)));
    const Root after = store(chunks, folder).root;
    RC_ASSERT(diff(chunks, before, after) == naive(chunks, before, after));
    RC_ASSERT(diff(chunks, after, before) == naive(chunks, after, before));
  }));
}

TEST(TreeDiff, ReadsOnlyWhatDiffers) {
  TestChunks chunks(keys());
  PlainFolder folder;
  fill(folder, 5000);
  fill(folder["inside"].inside, 5000);
  folder["inside"].entry = a_file("");
  folder["inside"].entry.content = DirectoryContent{};
  const Root before = store(chunks, folder).root;
  folder["many-777"].entry.mtime_ns = 1;
  const Root after = store(chunks, folder).root;
  chunks.reads = 0;
  EXPECT_EQ(diff(chunks, before, after).size(), 1u);
  EXPECT_LE(chunks.reads, 8u);
  EXPECT_GT(chunks.chunks.size(), 15u);
}

TEST(TreeDiff, StopsWhenNobodyWantsMore) {
  TestChunks chunks(keys());
  PlainFolder folder;
  fill(folder, 10);
  const Root after = store(chunks, folder).root;
  int told = 0;
  ASSERT_TRUE(
      diff_trees(chunks, Root(), chunks, after, [&](const TreeDifference&) -> Result<bool> { return ++told < 3; }));
  EXPECT_EQ(told, 3);
}

TEST(TreeDiff, RefusesNodesThatAreNotInOrder) {
  TestChunks chunks(keys());
  Node node;
  node.items = std::vector<TreeEntry>{a_file("b"), a_file("a")};
  const Root bad = chunks.put(node);
  const auto ignore = [](const TreeDifference&) -> Result<bool> { return true; };
  EXPECT_EQ(diff_trees(chunks, Root(), chunks, bad, ignore).error().code, Code::Malformed);
  node.items = std::vector<TreeEntry>{a_file("..")};
  EXPECT_EQ(diff_trees(chunks, chunks.put(node), chunks, Root(), ignore).error().code, Code::Malformed);
}

}  // namespace
}  // namespace holdfast::space
