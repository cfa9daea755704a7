// Trees in memory for tests: nodes in a map, entries from a seed. Included by *_test.cpp only.
#pragma once

#include <map>
#include <string>

#include "space/pack_test_support.h"
#include "space/tree.h"

namespace holdfast::space::testing {

// What a space's chunks are to a tree: they go in by their ids and come out checked.
class TestChunks final : public ChunkSource {
 public:
  explicit TestChunks(const RootKeys& keys) : keys_(keys) {}
  Result<Bytes> chunk(ChunkKind kind, const ChunkId& id) override {
    ++reads;
    const auto found = chunks.find(id);
    if (found == chunks.end()) return fail(Code::Missing, "a chunk is not there", id.short_hex());
    HF_OK(check_chunk(keys_.chunk_id, kind, id, found->second));
    return found->second;
  }
  void prefetch(std::span<const ChunkId>) override {}
  [[nodiscard]] NodeSink sink() {
    return [this](const ChunkId& id, Bytes bytes) -> Status {
      if (!chunks.emplace(id, std::move(bytes)).second) return {};
      ++written;
      return {};
    };
  }
  // A node as a hostile member may make it.
  ChunkId put(const Node& node) {
    Bytes bytes = encode(node);
    const ChunkId id = chunk_id(keys_.chunk_id, ChunkKind::node, bytes);
    chunks[id] = std::move(bytes);
    return id;
  }

  std::map<ChunkId, Bytes> chunks;
  std::size_t reads = 0, written = 0;  // written: that were not there before

 private:
  const RootKeys& keys_;
};

inline RootKeys test_root_keys() { return RootKeys(key_of<SpaceRoot>(1), space_of(2)); }
inline const RootKeys& keys() {
  static const RootKeys made = test_root_keys();
  return made;
}

inline TreeEntry a_file(std::string name, std::uint64_t size = 0, std::int64_t mtime_ns = 0) {
  TreeEntry entry;
  entry.name = std::move(name);
  entry.mode = 0644;
  entry.mtime_ns = mtime_ns;
  entry.content = FileContent{size, EmptyFile{}};
  if (size > 0) entry.content = FileContent{size, OneChunk{{crypto::sha256(as_bytes(entry.name)).bytes}}};
  return entry;
}

template <class Entry>
std::vector<Entry> entries_of(ChunkSource& source, const Root& root) {
  std::vector<Entry> out;
  const Status walked = for_each_entry<Entry>(source, root, [&](Entry&& entry) -> Result<bool> {
    out.push_back(std::move(entry));
    return true;
  });
  if (!walked) throw std::runtime_error(walked.error().sentence);
  return out;
}

template <class Entry>
BuiltTree build_tree(const RootKeys& keys, TestChunks& chunks, const std::vector<Entry>& entries) {
  TreeBuilder<Entry> builder(keys, chunks.sink());
  for (const Entry& entry : entries)
    if (const Status added = builder.add(entry); !added) throw std::runtime_error(added.error().sentence);
  return builder.finish().value();
}

}  // namespace holdfast::space::testing
