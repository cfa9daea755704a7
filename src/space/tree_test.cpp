#include "space/tree.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "space/tree_test_support.h"

namespace holdfast::space {

namespace {

using namespace testing;  // NOLINT: this room's own, of the line above

std::string numbered(std::size_t i) {
  const std::string digits = std::to_string(i);
  return "file-" + std::string(7 - digits.size(), '0') + digits;
}

std::vector<TreeEntry> many_files(std::size_t count) {
  std::vector<TreeEntry> out;
  for (std::size_t i = 0; i < count; ++i)
    out.push_back(a_file(numbered(i), i % 3 * 1000, static_cast<std::int64_t>(i)));
  return out;
}

// Few different bytes, so that names meet, and all of 1 to 255, so that order is tried where char's sign matters.
std::string any_name() {
  const auto raw = *rc::gen::resize(
      6, rc::gen::nonEmpty(rc::gen::container<std::string>(rc::gen::element('a', 'b', '.', '\xff', '\x01', '~'))));
  return raw == "." || raw == ".." ? raw + "x" : raw;
}

TreeEntry any_entry(std::string name) {
  TreeEntry entry = a_file(std::move(name), *rc::gen::inRange<std::uint64_t>(0, chunk_bytes_max),
                           *rc::gen::arbitrary<std::int64_t>());
  entry.mode = *rc::gen::inRange<std::uint16_t>(0, 010000);
  entry.user = *rc::gen::element<std::string>("", "alice");
  if (*rc::gen::arbitrary<bool>()) entry.hard_link = HardLink{1, *rc::gen::arbitrary<std::uint64_t>()};
  switch (*rc::gen::inRange(0, 6)) {
    case 0:
      entry.content = SymlinkContent{"target"};
      break;
    case 1:
      entry.content = DeviceContent{true, 8, 1};
      break;
    case 2:
      entry.content = FifoContent{};
      break;
    case 3:
      entry.attributes = std::vector<WireAttribute>{{"user.note", Bytes(*rc::gen::inRange<std::size_t>(0, 900), 1)}};
      break;
    case 4:
      entry.attributes = AttributesChunk{ChunkId{{1}}, 2000};
      break;
    default:
      break;
  }
  return entry;
}

std::vector<TreeEntry> sorted_entries(const std::map<std::string, TreeEntry>& model) {
  std::vector<TreeEntry> out;
  for (const auto& [name, entry] : model) out.push_back(entry);
  return out;
}

TEST(Tree, WhatWasBuiltComesBackInOrder) {
  EXPECT_TRUE(rc::check("build and walk", [] {
    std::map<std::string, TreeEntry> model;
    const auto count = *rc::gen::inRange<std::size_t>(0, 300);
    for (std::size_t i = 0; i < count; ++i) {
      TreeEntry entry = any_entry(any_name());
      model.insert_or_assign(entry.name, entry);
    }
    TestChunks chunks(keys());
    const BuiltTree built = build_tree(keys(), chunks, sorted_entries(model));
    RC_ASSERT(built.root.is_zero() == model.empty());
    RC_ASSERT(built.entries == model.size());
    RC_ASSERT(entries_of<TreeEntry>(chunks, built.root) == sorted_entries(model));
    for (const auto& [name, entry] : model) RC_ASSERT(find_entry(chunks, built.root, name).value() == entry);
    const std::string absent = any_name() + "\x02";
    RC_ASSERT(find_entry(chunks, built.root, absent).value() == std::nullopt);
  }));
}

TEST(Tree, ALargeFolderIsCutIntoNodesOfAbout64KiB) {
  TestChunks chunks(keys());
  const auto files = many_files(100'000);
  const BuiltTree built = build_tree(keys(), chunks, files);
  EXPECT_EQ(built.entries, files.size());
  std::size_t leaf_bytes = 0, leaves = 0;
  for (const auto& [id, bytes] : chunks.chunks) {
    EXPECT_LE(bytes.size(), node_bytes_max);
    if (bytes[0] == 0) leaf_bytes += bytes.size(), ++leaves;
  }
  EXPECT_GT(leaf_bytes / leaves, 40u * 1024);
  EXPECT_LT(leaf_bytes / leaves, 90u * 1024);

  EXPECT_EQ(entries_of<TreeEntry>(chunks, built.root), files);
  chunks.reads = 0;
  EXPECT_EQ(find_entry(chunks, built.root, numbered(77'777)).value(), files[77'777]);
  EXPECT_LE(chunks.reads, 3u);
}

// Promise: one change in a large folder costs about one node a level, wherever it is.
TEST(Tree, OneChangeAmong100000EntriesWritesAtMostFourNodes) {
  TestChunks chunks(keys());
  auto files = many_files(100'000);
  build_tree(keys(), chunks, files);
  SeededRandom random(1);
  for (int i = 0; i < 6; ++i) {
    auto changed = files;
    const std::size_t at = random.below(files.size());
    if (i % 3 == 0) {
      changed[at].mtime_ns = -1 - i;
    } else if (i % 3 == 1) {
      changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      changed.insert(changed.begin() + static_cast<std::ptrdiff_t>(at) + 1, a_file(files[at].name + "-new"));
    }
    chunks.written = 0;
    build_tree(keys(), chunks, changed);
    EXPECT_GE(chunks.written, 1u);
    EXPECT_LE(chunks.written, 4u) << "change " << i << " at " << at;
  }
}

// A tree has levels as its size needs, whatever its names are: a name that ends its node must not end all above it too.
TEST(Tree, NoNamesMakeATreeTallerThanItsSizeNeeds) {
  for (std::uint8_t seed = 0; seed < 25; ++seed) {
    const RootKeys other(key_of<SpaceRoot>(seed), space_of(seed));
    TestChunks chunks(other);
    TreeBuilder<TreeEntry> builder(other, chunks.sink());
    for (std::size_t i = 0; i < 3000; ++i) {
      TreeEntry wide = a_file(numbered(i));
      wide.attributes = std::vector<WireAttribute>{{"user.wide", Bytes(1000, 1)}};
      ASSERT_TRUE(builder.add(std::move(wide)));
    }
    const BuiltTree built = builder.finish().value();
    EXPECT_LE(chunks.chunks.at(built.root)[0], 2) << "seed " << int{seed};
  }
}

TEST(Tree, EntriesAreTakenInOrderOnly) {
  TestChunks chunks(keys());
  TreeBuilder<TreeEntry> builder(keys(), chunks.sink());
  ASSERT_TRUE(builder.add(a_file("b")));
  EXPECT_EQ(builder.add(a_file("b")).error().code, Code::InvalidArgument);
  EXPECT_EQ(builder.add(a_file("a")).error().code, Code::InvalidArgument);
  ASSERT_TRUE(builder.add(a_file("b\xff")));
  EXPECT_EQ(entries_of<TreeEntry>(chunks, builder.finish()->root).size(), 2u);
}

TEST(Tree, AForkEndsHereWhatGoesOnThere) {
  TestChunks chunks(keys());
  const auto files = many_files(2000);
  TreeBuilder<TreeEntry> builder(keys(), chunks.sink());
  for (std::size_t i = 0; i < 1000; ++i) ASSERT_TRUE(builder.add(files[i]));
  TreeBuilder<TreeEntry> fork = builder.fork();
  const BuiltTree half = fork.finish().value();
  for (std::size_t i = 1000; i < 2000; ++i) ASSERT_TRUE(builder.add(files[i]));
  const BuiltTree whole = builder.finish().value();
  EXPECT_EQ(entries_of<TreeEntry>(chunks, half.root), std::vector<TreeEntry>(files.begin(), files.begin() + 1000));
  EXPECT_EQ(entries_of<TreeEntry>(chunks, whole.root), files);
  TestChunks other(keys());
  EXPECT_EQ(build_tree(keys(), other, files).root, whole.root);
}

TEST(Tree, ASinkThatFailsEndsTheBuilding) {
  TreeBuilder<TreeEntry> builder(keys(),
                                 [](const ChunkId&, Bytes) -> Status { return fail(Code::NoSpaceLeft, "full"); });
  ASSERT_TRUE(builder.add(a_file("a")));
  EXPECT_EQ(builder.finish().error().code, Code::NoSpaceLeft);
}

// --- editing ---

using Model = std::map<std::string, TreeEntry>;  // full path of a file

// The tree that the files of a model need, made from scratch.
Root root_of(const Model& model, TestChunks& chunks) {
  struct Folder {
    std::map<std::string, Folder> folders;
    std::map<std::string, TreeEntry> files;
    BuiltTree build(TestChunks& into) {
      for (auto& [name, folder] : folders) {
        const BuiltTree below = folder.build(into);
        TreeEntry entry;
        entry.name = name;
        entry.mode = 0700;
        entry.content = DirectoryContent{below.root, below.entries, below.bytes};
        files[name] = entry;
      }
      return build_tree(keys(), into, sorted_entries(files));
    }
  };
  Folder top;
  for (const auto& [path, entry] : model) {
    Folder* folder = &top;
    std::string_view rest = path;
    for (std::size_t slash; (slash = rest.find('/')) != std::string_view::npos; rest.remove_prefix(slash + 1))
      folder = &folder->folders[std::string(rest.substr(0, slash))];
    folder->files[entry.name] = entry;
  }
  return top.build(chunks).root;
}

TEST(TreeEdit, TheSameFilesGiveTheSameRootWhateverCameBefore) {
  EXPECT_TRUE(rc::check("edits against a map", [] {
    TestChunks chunks(keys());
    Model model;
    Root root;
    const auto steps = *rc::gen::inRange(1, 30);
    for (int step = 0; step < steps; ++step) {
      const std::string folder = *rc::gen::element<std::string>("", "x", "x/y", "z");
      const std::string name = *rc::gen::element<std::string>("one", "two", "three", "\xff");
      const std::string path = folder.empty() ? name : folder + "/" + name;
      if (*rc::gen::inRange(0, 3) > 0) {
        const TreeEntry entry = a_file(name, *rc::gen::inRange<std::uint64_t>(0, 100));
        root = with_entry(chunks, keys(), chunks.sink(), root, folder, entry).value();
        model[path] = entry;
      } else {
        const auto without = without_entry(chunks, keys(), chunks.sink(), root, path);
        RC_ASSERT(without.has_value() == (model.erase(path) == 1));
        if (without) root = *without;
        if (!without) RC_ASSERT(without.error().code == Code::NotFound);
      }
    }
    for (const auto& [path, entry] : model) RC_ASSERT(find_path(chunks, root, path).value() == entry);
    // Folders that became empty stay, as in a file system; apart from those both trees are one.
    for (const std::string folder : {"x", "x/y", "z"}) {
      const bool used =
          std::ranges::any_of(model, [&](const auto& file) { return file.first.starts_with(folder + "/"); });
      if (!used && find_path(chunks, root, folder))
        root = without_entry(chunks, keys(), chunks.sink(), root, folder).value();
    }
    for (const std::string folder : {"x"}) {
      const bool used =
          std::ranges::any_of(model, [&](const auto& file) { return file.first.starts_with(folder + "/"); });
      if (!used && find_path(chunks, root, folder))
        root = without_entry(chunks, keys(), chunks.sink(), root, folder).value();
    }
    RC_ASSERT(root == root_of(model, chunks));
  }));
}

TEST(TreeEdit, ALargeFolderEditedHereAndThereIsTheOneBuiltAtOnce) {
  TestChunks chunks(keys());
  auto files = many_files(3000);
  Root root = build_tree(keys(), chunks, files).root;
  SeededRandom random(5);
  for (int i = 0; i < 12; ++i) {
    const std::size_t at = random.below(files.size());
    if (i % 2 == 0) {
      root = without_entry(chunks, keys(), chunks.sink(), root, files[at].name).value();
      files.erase(files.begin() + static_cast<std::ptrdiff_t>(at));
    } else {
      TreeEntry added = a_file(files[at].name + "x", 5);
      root = with_entry(chunks, keys(), chunks.sink(), root, "", added).value();
      files.insert(files.begin() + static_cast<std::ptrdiff_t>(at) + 1, added);
    }
  }
  EXPECT_EQ(root, build_tree(keys(), chunks, files).root);
}

TEST(TreeEdit, WhatIsNoFolderIsNotTreatedAsOne) {
  TestChunks chunks(keys());
  const Root root = with_entry(chunks, keys(), chunks.sink(), {}, "a", a_file("file")).value();
  EXPECT_EQ(with_entry(chunks, keys(), chunks.sink(), root, "a/file", a_file("b")).error().code, Code::AlreadyExists);
  EXPECT_EQ(without_entry(chunks, keys(), chunks.sink(), root, "a/file/b").error().code, Code::NotFound);
  EXPECT_EQ(without_entry(chunks, keys(), chunks.sink(), root, "b/file").error().code, Code::NotFound);
  EXPECT_EQ(find_path(chunks, root, "a/file/b").error().code, Code::NotFound);
  EXPECT_EQ(find_path(chunks, root, "a/other").error().code, Code::NotFound);
}

TEST(TreeEdit, AFoldersEntryCountsAllThatIsBelowIt) {
  TestChunks chunks(keys());
  Root root = with_entry(chunks, keys(), chunks.sink(), {}, "a/b", a_file("one", 10)).value();
  root = with_entry(chunks, keys(), chunks.sink(), root, "a", a_file("two", 5)).value();
  const TreeEntry folder = find_path(chunks, root, "a").value();
  ASSERT_NE(folder.directory(), nullptr);
  EXPECT_EQ(folder.directory()->entries, 3u);  // b, b/one, two
  EXPECT_EQ(folder.directory()->bytes, 15u);
}

Snapshot snapshot_at(std::int64_t time_ns, std::uint8_t id, std::uint8_t device = 1) {
  Snapshot out;
  out.id.bytes[15] = id;
  out.device.bytes[0] = device;
  out.time_ns = time_ns;
  out.root.bytes[0] = id;
  out.paths = {"/home/alice"};
  return out;
}

TEST(Snapshots, AreKeptByDeviceAndThenTime) {
  TestChunks chunks(keys());
  const std::vector ordered{snapshot_at(-5, 1), snapshot_at(-1, 2), snapshot_at(0, 3),
                            snapshot_at(7, 4),  snapshot_at(7, 5),  snapshot_at(-9, 6, 2)};
  std::vector<Snapshot> order = ordered;
  std::optional<Root> expected;
  do {
    Root root;
    for (const Snapshot& snapshot : order)
      root = with_snapshot(chunks, keys(), chunks.sink(), root, snapshot, {}).value();
    if (!expected) {
      expected = root;
      EXPECT_EQ(entries_of<Snapshot>(chunks, root), ordered);
    }
    ASSERT_EQ(root, *expected);
  } while (std::ranges::next_permutation(order, {}, &Snapshot::key).found);
}

TEST(Snapshots, APartialOneIsReplacedByTheNextCommit) {
  TestChunks chunks(keys());
  const Snapshot kept = snapshot_at(1, 1), partial = snapshot_at(2, 2), done = snapshot_at(2, 3);
  Root root = with_snapshot(chunks, keys(), chunks.sink(), {}, kept, {}).value();
  const Root before = root;
  root = with_snapshot(chunks, keys(), chunks.sink(), root, partial, {}).value();
  const std::vector removed{partial.key()};
  root = with_snapshot(chunks, keys(), chunks.sink(), root, done, removed).value();
  EXPECT_EQ(entries_of<Snapshot>(chunks, root), (std::vector{kept, done}));
  EXPECT_EQ(root, with_snapshot(chunks, keys(), chunks.sink(), before, done, {}).value());
}

// --- manifests ---

ManifestEntry piece(std::uint64_t length, std::uint64_t number, bool hole) {
  if (hole) return {HoleExtent{length}};
  return {ChunkExtent{{crypto::sha256(encode(number)).bytes}, static_cast<std::uint32_t>(length)}};
}

TEST(Manifest, APartOfAFileIsFoundAsByLookingAtAllOfIt) {
  EXPECT_TRUE(rc::check("find_extents against a list", [] {
    TestChunks chunks(keys());
    std::vector<ManifestEntry> pieces;
    const auto count = *rc::gen::element<std::size_t>(1, 2, 20, 3000);
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    for (std::size_t i = 0; i < count; ++i)
      pieces.push_back(piece(random.between(1, chunk_bytes_max), i, random.below(9) == 0));
    const BuiltTree built = build_tree(keys(), chunks, pieces);
    RC_ASSERT(entries_of<ManifestEntry>(chunks, built.root) == pieces);

    for (int i = 0; i < 5; ++i) {
      const Range range{random.below(built.bytes + 10), random.below(i % 2 == 0 ? 10 : built.bytes)};
      std::vector<std::pair<std::uint64_t, ManifestEntry>> expected;
      std::uint64_t at = 0;
      for (const ManifestEntry& entry : pieces) {
        if (range.size > 0 && at < range.offset + range.size && at + entry.length() > range.offset)
          expected.emplace_back(at, entry);
        at += entry.length();
      }
      std::vector<std::pair<std::uint64_t, ManifestEntry>> found;
      const auto extents = find_extents(chunks, built.root, range).value();
      for (const PlacedExtent& extent : extents) found.emplace_back(extent.start, extent.entry);
      RC_ASSERT(found == expected);
    }
  }));
}

TEST(Manifest, APartOfALargeFileNeedsFewNodes) {
  TestChunks chunks(keys());
  std::vector<ManifestEntry> pieces;
  for (std::size_t i = 0; i < 50'000; ++i) pieces.push_back(piece(1000 + i % 7, i, false));
  const BuiltTree built = build_tree(keys(), chunks, pieces);
  chunks.reads = 0;
  EXPECT_EQ(find_extents(chunks, built.root, {built.bytes / 2, 10}).value().size(), 1u);
  EXPECT_LE(chunks.reads, 3u);
}

TEST(ForEachChunk, TellsOfEveryNodeFileAndAttribute) {
  TestChunks chunks(keys());
  std::vector<ManifestEntry> pieces{piece(10, 1, false), piece(5, 2, true), piece(20, 3, false)};
  const BuiltTree manifest = build_tree(keys(), chunks, pieces);
  TreeEntry large = a_file("large");
  large.content = FileContent{35, ManifestRoot{manifest.root}};
  TreeEntry noted = a_file("noted", 7);
  noted.attributes = AttributesChunk{ChunkId{{9}}, 1500};
  Root root = with_entry(chunks, keys(), chunks.sink(), {}, "a", large).value();
  root = with_entry(chunks, keys(), chunks.sink(), root, "", noted).value();

  std::multiset<std::tuple<ChunkKind, ChunkId, std::uint32_t, std::string>> seen;
  ASSERT_TRUE(for_each_chunk(chunks, root, [&](const ReferredChunk& chunk, const std::string& path) -> Status {
    seen.emplace(chunk.kind, chunk.id, chunk.length, path);
    return {};
  }));
  const TreeEntry folder = find_entry(chunks, root, "a").value().value();
  const decltype(seen) expected{
      {ChunkKind::node, root, 0, ""},
      {ChunkKind::node, folder.directory()->root, 0, "a"},
      {ChunkKind::node, manifest.root, 0, "a/large"},
      {ChunkKind::data, std::get<ChunkExtent>(pieces[0].extent).id, 10, "a/large"},
      {ChunkKind::data, std::get<ChunkExtent>(pieces[2].extent).id, 20, "a/large"},
      {ChunkKind::data, ChunkId{{9}}, 1500, "noted"},
      {ChunkKind::data, std::get<OneChunk>(noted.file()->data).id, 7, "noted"},
  };
  EXPECT_EQ(seen, expected);
}

}  // namespace

}  // namespace holdfast::space
