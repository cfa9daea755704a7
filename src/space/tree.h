// Trees: directories, file manifests and snapshot lists in one node shape (DECISIONS F4, D20). The bytes:
// docs/formats/tree.md.
//
// A directory's entries, sorted by name, are cut into nodes of about 64 KiB where a keyed hash of the name says so, so
// the same entries give the same nodes whatever came before. A node is a chunk of kind `node`; a root is the ChunkId of
// its top node, zero for no entries.
#pragma once

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "base/files.h"
#include "space/chunk.h"

namespace holdfast::space {

inline constexpr std::size_t node_bytes_max = 256 * 1024;
inline constexpr std::size_t attributes_inline_max = 1024;  // above: a chunk of their own
inline constexpr int tree_levels_max = 16;
inline constexpr std::uint64_t file_bytes_max = std::uint64_t{1} << 62;
inline constexpr std::size_t name_bytes_max = 255;
inline constexpr std::size_t folders_deep_max = 4096;  // more than any path can name: check_depth()

using Root = ChunkId;

struct WireAttribute {
  std::string name;
  Bytes value;
  HOLDFAST_WIRE(name, value)
  friend auto operator<=>(const WireAttribute&, const WireAttribute&) = default;
};
struct AttributesChunk {  // a data chunk: the encoding of std::vector<WireAttribute>
  ChunkId id;
  std::uint32_t length = 0;
  HOLDFAST_WIRE(id, length)
  friend bool operator==(const AttributesChunk&, const AttributesChunk&) = default;
};

struct EmptyFile {
  HOLDFAST_WIRE()
  friend bool operator==(const EmptyFile&, const EmptyFile&) = default;
};
struct OneChunk {  // the whole file
  ChunkId id;
  HOLDFAST_WIRE(id)
  friend bool operator==(const OneChunk&, const OneChunk&) = default;
};
struct ManifestRoot {
  Root root;
  HOLDFAST_WIRE(root)
  friend bool operator==(const ManifestRoot&, const ManifestRoot&) = default;
};
struct FileContent {
  std::uint64_t size = 0;
  std::variant<EmptyFile, OneChunk, ManifestRoot> data;
  HOLDFAST_WIRE(size, data)
  friend bool operator==(const FileContent&, const FileContent&) = default;
};
struct DirectoryContent {
  Root root;
  std::uint64_t entries = 0, bytes = 0;  // everything below
  HOLDFAST_WIRE(root, entries, bytes)
  friend bool operator==(const DirectoryContent&, const DirectoryContent&) = default;
};
struct SymlinkContent {
  std::string target;
  HOLDFAST_WIRE(target)
  friend bool operator==(const SymlinkContent&, const SymlinkContent&) = default;
};
struct DeviceContent {
  bool block = false;
  std::uint32_t major = 0, minor = 0;
  HOLDFAST_WIRE(block, major, minor)
  friend bool operator==(const DeviceContent&, const DeviceContent&) = default;
};
struct FifoContent {
  HOLDFAST_WIRE()
  friend bool operator==(const FifoContent&, const FifoContent&) = default;
};

struct HardLink {  // entries of one snapshot that are equal but for the name are one file
  std::uint64_t device = 0, inode = 0;
  HOLDFAST_WIRE(device, inode)
  friend auto operator<=>(const HardLink&, const HardLink&) = default;
};

struct TreeEntry {
  std::string name;  // 1 to 255 bytes; never ".", "..", with '/' or NUL: checked on reading (Malformed)
  std::variant<FileContent, DirectoryContent, SymlinkContent, DeviceContent, FifoContent> content;
  std::uint16_t mode = 0;  // the twelve permission bits
  std::uint32_t uid = 0, gid = 0;
  std::string user, group;  // names, may be empty
  std::int64_t mtime_ns = 0;
  std::optional<HardLink> hard_link;
  std::variant<std::vector<WireAttribute>, AttributesChunk> attributes;
  HOLDFAST_WIRE(name, content, mode, uid, gid, user, group, mtime_ns, hard_link, attributes)
  friend bool operator==(const TreeEntry&, const TreeEntry&) = default;

  [[nodiscard]] const DirectoryContent* directory() const { return std::get_if<DirectoryContent>(&content); }
  [[nodiscard]] const FileContent* file() const { return std::get_if<FileContent>(&content); }
};

// A piece of a large file.
struct ChunkExtent {
  ChunkId id;
  std::uint32_t length = 0;
  HOLDFAST_WIRE(id, length)
  friend bool operator==(const ChunkExtent&, const ChunkExtent&) = default;
};
struct HoleExtent {
  std::uint64_t length = 0;
  HOLDFAST_WIRE(length)
  friend bool operator==(const HoleExtent&, const HoleExtent&) = default;
};
struct ManifestEntry {
  std::variant<ChunkExtent, HoleExtent> extent;
  HOLDFAST_WIRE(extent)
  friend bool operator==(const ManifestEntry&, const ManifestEntry&) = default;
  [[nodiscard]] std::uint64_t length() const;
};

struct SnapshotStats {
  std::uint64_t files = 0, directories = 0, others = 0, bytes = 0;
  std::uint64_t files_new = 0, files_changed = 0, files_unchanged = 0, left_out = 0;  // unchanged: as its stat says
  HOLDFAST_WIRE(files, directories, others, bytes, files_new, files_changed, files_unchanged, left_out)
  friend bool operator==(const SnapshotStats&, const SnapshotStats&) = default;
};
struct SnapshotIdTag;
using SnapshotId = FixedBytes<SnapshotIdTag, 16>;
struct Snapshot {  // one entry of the snapshots tree; its key is {device, time, id}
  SnapshotId id;   // random
  AccountId account;
  DeviceId device;
  std::int64_t time_ns = 0;        // of its end, as the device's clock stated it (D23)
  std::uint64_t seq = 0;           // of the commit that added it
  Root root;                       // a directory with one entry for each backed-up path, named by its last component
  std::vector<std::string> paths;  // absolute, in the order of the root's entries
  std::vector<std::string> tags;
  std::string host, program;
  bool partial = false;  // a long backup's commit on the way (F1)
  SnapshotStats stats;
  HOLDFAST_WIRE(id, account, device, time_ns, seq, root, paths, tags, host, program, partial, stats)
  friend bool operator==(const Snapshot&, const Snapshot&) = default;
  [[nodiscard]] std::string key() const;  // 40 bytes: device, time as big-endian with the sign flipped, id
};

// Inner nodes: of named entries, and of manifests.
struct NamedChild {
  std::string first_name;
  Root node;
  std::uint64_t entries = 0, bytes = 0;
  HOLDFAST_WIRE(first_name, node, entries, bytes)
};
struct ManifestChild {
  Root node;
  std::uint64_t entries = 0, bytes = 0;
  HOLDFAST_WIRE(node, entries, bytes)
};
struct Node {
  std::uint8_t level = 0;  // 0: entries; above: children whose nodes have level - 1
  std::variant<std::vector<TreeEntry>, std::vector<Snapshot>, std::vector<NamedChild>, std::vector<ManifestEntry>,
               std::vector<ManifestChild>>
      items;
  HOLDFAST_WIRE(level, items)
};

// Takes finished nodes; the id is already computed.
using NodeSink = std::function<Status(const ChunkId& id, Bytes node)>;

struct BuiltTree {
  Root root;
  std::uint64_t entries = 0, bytes = 0;
};

// Entries in strictly ascending order of their keys (name, Snapshot::key); manifests in file order.
// Entry is TreeEntry, Snapshot or ManifestEntry. Memory: one open node a level.
template <class Entry>
class TreeBuilder {
 public:
  TreeBuilder(const RootKeys& keys, NodeSink sink);
  ~TreeBuilder();
  TreeBuilder(TreeBuilder&&) noexcept;
  Status add(const Entry& entry);
  Result<BuiltTree> finish();
  // Another builder that has all that this one has: to finish now what goes on here.
  [[nodiscard]] TreeBuilder fork() const;

 private:
  struct State;
  explicit TreeBuilder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};
extern template class TreeBuilder<TreeEntry>;
extern template class TreeBuilder<Snapshot>;
extern template class TreeBuilder<ManifestEntry>;

// Where chunks come from: a space's blocks, a commit's inline chunks, a test's map. The id is verified by whoever
// implements it.
class ChunkSource {
 public:
  virtual ~ChunkSource() = default;
  virtual Result<Bytes> chunk(ChunkKind kind, const ChunkId& id) = 0;  // Missing, Tampered, Malformed
  virtual void prefetch(std::span<const ChunkId> nodes) = 0;           // may do nothing
};

// Every entry in order; `visit` returns false to stop. Node contents are checked (order, names, levels, sizes):
// Malformed.
template <class Entry>
Status for_each_entry(ChunkSource& source, const Root& root, const std::function<Result<bool>(Entry&&)>& visit);
extern template Status for_each_entry<TreeEntry>(ChunkSource&, const Root&,
                                                 const std::function<Result<bool>(TreeEntry&&)>&);
extern template Status for_each_entry<Snapshot>(ChunkSource&, const Root&,
                                                const std::function<Result<bool>(Snapshot&&)>&);
extern template Status for_each_entry<ManifestEntry>(ChunkSource&, const Root&,
                                                     const std::function<Result<bool>(ManifestEntry&&)>&);

// A folder's entries in order; after an error, those before it.
Status read_folder(ChunkSource& source, const Root& folder, std::vector<TreeEntry>& entries);
[[nodiscard]] Status check_entry(const TreeEntry& entry);  // Malformed: no tree can hold it
// Malformed: folders are nested deeper than folders_deep_max. Whoever walks down asks this of each folder's path.
[[nodiscard]] Status check_depth(const std::string& path);

// One entry by name: reads one node a level.
[[nodiscard]] Result<std::optional<TreeEntry>> find_entry(ChunkSource& source, const Root& root, std::string_view name);
// "a/b/c" below the directory `root`; NotFound names the first part that isn't there.
[[nodiscard]] Result<TreeEntry> find_path(ChunkSource& source, const Root& root, std::string_view path);
// The extents that cover [offset, offset + size) of a manifest, the first with its own start.
struct PlacedExtent {
  std::uint64_t start = 0;
  ManifestEntry entry;
};
[[nodiscard]] Result<std::vector<PlacedExtent>> find_extents(ChunkSource& source, const Root& manifest, Range range);

// A directory with one entry put (replaced) or removed, parents along `path` made when they are missing, with the
// entry's owner. Gives the new root.
[[nodiscard]] Result<Root> with_entry(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                                      std::string_view directory_path, const TreeEntry& entry);
[[nodiscard]] Result<Root> without_entry(ChunkSource& source, const RootKeys& keys, const NodeSink& sink,
                                         const Root& root, std::string_view path);
// Everything of the tree `added` laid over that directory: folders in both become one, with the added one's metadata;
// nothing goes. AlreadyExists: something else stands where a folder is to be, or a folder where something else.
[[nodiscard]] Result<Root> with_tree(ChunkSource& source, const RootKeys& keys, const NodeSink& sink, const Root& root,
                                     std::string_view directory_path, const Root& added);
[[nodiscard]] Result<Root> with_snapshot(ChunkSource& source, const RootKeys& keys, const NodeSink& sink,
                                         const Root& root, const Snapshot& snapshot,
                                         std::span<const std::string> keys_removed);

[[nodiscard]] Result<Root> without_snapshots(ChunkSource& source, const RootKeys& keys, const NodeSink& sink,
                                             const Root& root, std::span<const std::string> keys_removed);

struct ReferredChunk {
  ChunkKind kind = ChunkKind::data;
  ChunkId id;
  std::uint32_t length = 0;  // of data; 0: not known
};
// What one entry, and what one node of any kind refers to, in order. What a node is stands in itself.
[[nodiscard]] std::vector<ReferredChunk> references_of(const TreeEntry& entry);
[[nodiscard]] std::vector<ReferredChunk> references_of(const Node& node);
// Every chunk id that a tree refers to, nodes and data, once for each time it stands there.
[[nodiscard]] Status for_each_chunk(ChunkSource& source, const Root& directory_root,
                                    const std::function<Status(const ReferredChunk&, const std::string& path)>& visit);

}  // namespace holdfast::space
