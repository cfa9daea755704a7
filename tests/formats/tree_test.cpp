#include "tests/formats/world.h"

namespace holdfast::formats {

namespace {

using namespace space;  // NOLINT: the room whose formats these are

TreeEntry entry(std::string name) {
  TreeEntry out;
  out.name = std::move(name);
  out.mode = 0644;
  out.uid = out.gid = 1000;
  out.user = out.group = "alice";
  out.mtime_ns = example_time_ns;
  return out;
}

const std::initializer_list<std::string_view> entry_names = {"name", "content", "mode",     "uid",       "gid",
                                                             "user", "group",   "mtime_ns", "hard_link", "attributes"};

TEST(Formats, Tree) {
  const ExampleSpace world;
  const Bytes data = to_bytes(as_bytes("hello, world\n"));
  const ChunkId data_id = chunk_id(world.root_keys.chunk_id, ChunkKind::data, data);
  Example("tree.md", "chunk_id").value(data_id, "HMAC(chunk_id_key, 01 || \"hello, world\\n\")");

  TreeEntry file = entry("hello.txt");
  file.content = FileContent{data.size(), OneChunk{data_id}};
  Example("tree.md", "file_entry").fields(file, entry_names);
  TreeEntry link = entry("link");
  link.mode = 0777;
  link.content = SymlinkContent{"hello.txt"};
  link.attributes = std::vector<WireAttribute>{{"user.note", to_bytes(as_bytes("x"))}};
  Example("tree.md", "link_entry").fields(link, entry_names);
  Example("tree.md", "contents")
      .value(TreeEntry{}.content, "1 FileContent: size 0, 1 EmptyFile")
      .value(decltype(TreeEntry::content)(FileContent{5'000'000, ManifestRoot{filled<ChunkId>(0x11)}}),
             "1 FileContent: size, 3 ManifestRoot: root")
      .value(decltype(TreeEntry::content)(DirectoryContent{filled<ChunkId>(0x22), 3, 100}),
             "2 DirectoryContent: root, entries, bytes")
      .value(decltype(TreeEntry::content)(DeviceContent{true, 8, 1}), "4 DeviceContent: block, major, minor")
      .value(decltype(TreeEntry::content)(FifoContent{}), "5 FifoContent")
      .value(std::optional(HardLink{2049, 17}), "hard_link: present; device, inode")
      .value(decltype(TreeEntry::attributes)(AttributesChunk{filled<ChunkId>(0x33), 2000}),
             "attributes: 2 AttributesChunk: id, length");

  std::vector<std::pair<ChunkId, Bytes>> nodes;
  const NodeSink sink = [&](const ChunkId& id, Bytes node) -> Status {
    nodes.emplace_back(id, std::move(node));
    return {};
  };
  TreeBuilder<TreeEntry> builder(world.root_keys, sink);
  ASSERT_TRUE(builder.add(file));
  ASSERT_TRUE(builder.add(link));
  const BuiltTree built = builder.finish().value();
  ASSERT_EQ(nodes.size(), 1u);
  const Node leaf = decode<Node>(nodes[0].second, "").value();
  Example("tree.md", "leaf").fields(leaf, {"level", "items: 1 entries: hello.txt, link"});
  Example("tree.md", "root").value(built.root, "root = HMAC(chunk_id_key, 02 || leaf)");

  Example("tree.md", "inner")
      .fields(Node{1, std::vector<NamedChild>{{"hello.txt", built.root, built.entries, built.bytes},
                                              {"z", filled<ChunkId>(0x44), 1, 7}}},
              {"level", "items: 3 two of NamedChild: first_name, node, entries, bytes"});
  Example("tree.md", "manifest")
      .fields(Node{0, std::vector<ManifestEntry>{{ChunkExtent{filled<ChunkId>(0x55), 1'048'576}}, {HoleExtent{4096}}}},
              {"level", "items: 4 ManifestEntry: 1 ChunkExtent: id, length; 2 HoleExtent: length"});
  Example("tree.md", "manifest_inner")
      .fields(Node{1, std::vector<ManifestChild>{{filled<ChunkId>(0x66), 2000, 2'000'000'000}}},
              {"level", "items: 5 ManifestChild: node, entries, bytes"});

  Snapshot snapshot;
  snapshot.id = filled<SnapshotId>(0x77);
  snapshot.account = world.chain.account;
  snapshot.device = world.seeds.id;
  snapshot.time_ns = example_time_ns;
  snapshot.seq = 2;
  snapshot.root = built.root;
  snapshot.paths = {"/home/alice"};
  snapshot.tags = {"daily"};
  snapshot.host = "laptop";
  snapshot.program = "holdfast 0.1";
  snapshot.stats = {1, 1, 1, data.size(), 1, 0, 0, 0};
  Example("tree.md", "snapshot")
      .fields(snapshot,
              {"id", "account", "device", "time_ns", "seq", "root", "paths", "tags", "host", "program", "partial",
               "stats: files, directories, others, bytes, files_new, files_changed, files_unchanged, left_out"});
  Example("tree.md", "snapshot_key").bytes(as_bytes(snapshot.key()), "device, time_ns + 2^63, id");
}

}  // namespace

}  // namespace holdfast::formats
