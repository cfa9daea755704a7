// The way of an upload's bytes through space (DESIGN section 5): chunks and nodes in, sealed packs out.
//
//   add -> ids (workers) -> on_chunk -> what is new is joined to blocks -> compressed (workers) -> packer -> sealed
//   (workers)
//       -> deliver
//
// Straight blocking code on one thread, which also gets all callbacks, from inside these calls. Every stage hands on in
// the order of adding, whatever order the workers finish in: equal input and equal Random give equal packs. Memory is
// bounded: adding waits while too much is under way, and so does everything while deliver() waits for the network.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/workers.h"
#include "space/packer.h"

namespace holdfast::space {

struct IngestContext {
  const crypto::Hmac& chunk_id;  // of the space's RootKeys
  const ChunkerKey& chunker;
  const crypto::PackKey& pack_key;  // of the current epoch
  SpaceId space;
  std::uint32_t epoch = 0;
  int zstd_level = 1;
  std::string origin;  // whose content this is: see Packer
  Workers& workers;
  Random& random;
  // Whether this account's own index has the chunk (D1), or deliver() was given it.
  std::function<bool(const ChunkId& id)> known;
  // Once for each chunk, in the order of adding. May call add_node, nothing else here.
  std::function<Status(std::uint64_t token, const ChunkId& id, std::uint32_t length)> on_chunk;
  std::function<Status()> before_pack;  // before one is sealed, or half of it waits; may block, for its memory
  std::function<Status(SealedPack pack)> deliver;  // in the order of closing; may block
};

struct IngestLimits {
  // Added and not in a pack yet; one add may go beyond. 0: two blocks for each worker, what is gathered and the block
  // that is open among them, so that few wait while the caller reads.
  std::size_t bytes_held_max = 0;
  std::size_t packs_sealing_max = 1;
  std::size_t waiting_beside_packs_max = 2 * 1024 * 1024;  // in blocks that are in no pack yet: see before_pack
};

struct IngestStats {
  std::uint64_t chunks = 0, chunks_new = 0, bytes = 0, bytes_new = 0;  // of data
  std::uint64_t nodes = 0, nodes_new = 0, node_bytes_new = 0;
  std::uint64_t blocks = 0, packs = 0, bytes_stored = 0;  // what was delivered
  std::size_t bytes_held = 0, bytes_held_most = 0;
};

// After an error of a callback or of sealing every call gives that error again; what was delivered stays delivered.
class Ingest {
 public:
  explicit Ingest(IngestContext context, IngestLimits limits = {});
  ~Ingest();
  Ingest(const Ingest&) = delete;
  Ingest& operator=(const Ingest&) = delete;

  // One chunk, as it is: a small file, attributes. TooLarge above chunk_bytes_max. REQUIRES: not empty
  Status add_chunk(std::uint64_t token, Bytes chunk);

  // The next part of a large file or of one of its data ranges: cuts it, adds the chunks, and gives how many bytes
  // those are. The next window begins right behind them; ends: the file or range ends with this window, which is then
  // taken whole. REQUIRES: not empty; at least chunk_bytes_max unless it ends
  Result<std::size_t> add_window(std::uint64_t token, ByteView window, bool ends);

  // A NodeSink (tree.h). Metadata goes to packs of its own.
  Status add_node(const ChunkId& id, Bytes node);

  // Afterwards on_chunk was called for everything that was added.
  Status settle();
  // Afterwards everything is delivered. The object can be used on: for another commit of the same upload.
  Status finish();

  [[nodiscard]] const IngestStats& stats() const { return stats_; }

 private:
  using Chunk =
      std::shared_ptr<const Bytes>;  // read by the worker that identifies it and by the one that compresses it
  struct Item {
    std::uint64_t token;
    Chunk chunk;
  };
  struct IdBatch {
    std::shared_ptr<const std::vector<Item>> items;
    std::optional<std::vector<ChunkId>> ids;
  };
  struct OpenBlock {
    std::vector<Chunk> pieces;
    std::vector<PackedChunk> chunks;
    std::size_t bytes = 0;
  };
  struct Lane {  // of one kind of pack
    Packer packer;
    OpenBlock block;
  };
  struct Compressing {
    Lane* lane;
    std::size_t held;
    std::optional<CompressedBlock> block;
  };
  using Sealing = std::optional<Result<SealedPack>>;
  using Done = std::variant<std::vector<ChunkId>, CompressedBlock, Result<SealedPack>>;

  void submit_ids();
  void append_chunk(Lane& lane, const ChunkId& id, Chunk chunk);
  void close_block(Lane& lane);
  void seal(ReadyPack pack);

  bool deliver_first();
  bool pack_first();
  bool identify_first();
  void advance();
  void wait_for_one();
  void throttle();
  void hold(std::size_t bytes);
  void release(std::size_t bytes) { stats_.bytes_held -= bytes; }
  void fail_with(Status status);
  [[nodiscard]] Status state() const;

  IngestContext context_;
  IngestLimits limits_;
  Chunker chunker_;
  IngestStats stats_;
  std::optional<Error> error_;
  bool in_callback_ = false;

  std::vector<Item> gathered_;  // in no job yet
  std::size_t gathered_bytes_ = 0;
  std::unordered_set<ChunkId, FixedBytesHash> added_;  // and not delivered yet
  Lane data_, nodes_;

  // The stages, each in its order; a deque, because jobs' answers find their place by address.
  std::deque<IdBatch> identifying_;
  std::deque<Compressing> compressing_;
  std::deque<Sealing> sealing_;
  std::unordered_map<RequestId, std::function<void(Done)>> arrivals_;
  Jobs<Done> jobs_;  // last: waits for the jobs
};

}  // namespace holdfast::space
