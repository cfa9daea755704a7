// What a run has read, on its way to the server. Little is held back, for the commit itself to carry; more goes through
// ingest into packs. Internal to backup.
#pragma once

#include <unordered_map>

#include "base/files.h"
#include "space/ingest.h"

namespace holdfast::backup {

// Nodes that went into packs, and can't be read back before their commit stands: in a file of our own.
class KeptNodes {
 public:
  KeptNodes(Files& files, Random& random, const Path& folder);
  Status add(const ChunkId& id, ByteView node);
  [[nodiscard]] bool has(const ChunkId& id) const { return places_.contains(id); }
  Result<Bytes> get(const ChunkId& id);  // REQUIRES: has

 private:
  Status open();

  Files& files_;
  Path path_;
  std::unique_ptr<File> file_;  // without a name: it goes with the process
  std::uint64_t end_ = 0;
  std::unordered_map<ChunkId, Range, FixedBytesHash> places_;
};

// As space/ingest.h has it: on_chunk is called for what is held back, too.
class Intake {
 public:
  struct Held {
    space::ChunkKind kind = space::ChunkKind::data;
    ChunkId id;
    Bytes bytes;
  };
  // hold_bytes_max 0: nothing is held. kept: takes the nodes that go into packs; may be null.
  Intake(space::IngestContext context, std::size_t hold_bytes_max, KeptNodes* kept);

  Status add_chunk(std::uint64_t token, Bytes chunk);
  Result<std::size_t> add_window(std::uint64_t token, ByteView window, bool ends);
  Status add_node(const ChunkId& id, Bytes node);
  Status settle();
  Status finish();

  [[nodiscard]] const std::vector<Held>& held() const { return held_; }

 private:
  [[nodiscard]] bool fits(std::size_t bytes) const { return !ingest_ && held_bytes_ + bytes <= hold_bytes_max_; }
  Status open();

  space::IngestContext context_;
  std::size_t hold_bytes_max_, held_bytes_ = 0;
  KeptNodes* kept_;
  std::vector<Held> held_;
  std::optional<space::Ingest> ingest_;
};

}  // namespace holdfast::backup
