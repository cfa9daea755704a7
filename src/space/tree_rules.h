// What differs between trees of directory entries, snapshots and manifest pieces: keys, order, sums, and where nodes
// end (D20). Internal to tree*.cpp.
#pragma once

#include "space/tree.h"

namespace holdfast::space {

// "a node ends after an entry with LE32(h) < entry_bytes << 16": once in 64 KiB on average.
inline bool ends_node(ByteView h, std::size_t entry_bytes) {
  const std::uint64_t value =
      std::uint64_t{h[0]} | std::uint64_t{h[1]} << 8 | std::uint64_t{h[2]} << 16 | std::uint64_t{h[3]} << 24;
  return value < std::uint64_t{entry_bytes} << 16;
}

[[nodiscard]] Status check_entry(const ManifestEntry& entry);
[[nodiscard]] Status check_entry(const Snapshot& snapshot);

struct NamedRules {
  using Child = NamedChild;
  static constexpr std::uint8_t child_alternative = 3;
  static constexpr bool ordered = true;
  static Child make_child(const std::string& first, const ChunkId& id, std::uint64_t entries, std::uint64_t bytes) {
    return {first, id, entries, bytes};
  }
  static std::string child_key(const Child& child) { return child.first_name; }
  // The level is hashed too: else a name that ends its leaf would end every inner node above it as well.
  static bool cut_after(const crypto::Hmac& node_key, const Child& child, std::uint8_t level, std::size_t size) {
    const std::array<std::uint8_t, 2> suffix{0, level};
    return ends_node(node_key.of({as_bytes(child.first_name), suffix}).view(), size);
  }
};

template <class Entry>
struct TreeRules;

template <>
struct TreeRules<TreeEntry> : NamedRules {
  using NamedRules::cut_after;
  static constexpr std::uint8_t leaf_alternative = 1;
  static Status check(const TreeEntry& entry) { return check_entry(entry); }
  static std::string key(const TreeEntry& entry) { return entry.name; }
  static std::uint64_t entries(const TreeEntry& entry) {
    return 1 + (entry.directory() != nullptr ? entry.directory()->entries : 0);
  }
  static std::uint64_t bytes(const TreeEntry& entry) {
    return entry.directory() != nullptr ? entry.directory()->bytes : entry.file() != nullptr ? entry.file()->size : 0;
  }
  static bool cut_after(const crypto::Hmac& node_key, const TreeEntry& entry, std::size_t size) {
    return ends_node(node_key.of(as_bytes(entry.name)).view(), size);
  }
};

template <>
struct TreeRules<Snapshot> : NamedRules {
  using NamedRules::cut_after;
  static constexpr std::uint8_t leaf_alternative = 2;
  static Status check(const Snapshot& snapshot) { return check_entry(snapshot); }
  static std::string key(const Snapshot& snapshot) { return snapshot.key(); }
  static std::uint64_t entries(const Snapshot&) { return 1; }
  static std::uint64_t bytes(const Snapshot& snapshot) { return snapshot.stats.bytes; }
  static bool cut_after(const crypto::Hmac& node_key, const Snapshot& snapshot, std::size_t size) {
    return ends_node(node_key.of(as_bytes(snapshot.key())).view(), size);
  }
};

template <>
struct TreeRules<ManifestEntry> {
  using Child = ManifestChild;
  static constexpr std::uint8_t leaf_alternative = 4, child_alternative = 5;
  static constexpr bool ordered = false;
  static Status check(const ManifestEntry& entry) { return check_entry(entry); }
  static std::string key(const ManifestEntry&) { return {}; }
  static std::uint64_t entries(const ManifestEntry&) { return 1; }
  static std::uint64_t bytes(const ManifestEntry& entry) { return entry.length(); }
  static bool cut_after(const crypto::Hmac&, const ManifestEntry& entry, std::size_t size) {
    const auto* chunk = std::get_if<ChunkExtent>(&entry.extent);
    return chunk != nullptr && ends_node(chunk->id.view(), size);
  }
  static Child make_child(const std::string&, const ChunkId& id, std::uint64_t entries, std::uint64_t bytes) {
    return {id, entries, bytes};
  }
  static std::string child_key(const Child&) { return {}; }
  static bool cut_after(const crypto::Hmac&, const Child& child, std::uint8_t, std::size_t size) {
    return ends_node(child.node.view(), size);
  }
};

}  // namespace holdfast::space
