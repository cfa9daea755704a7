// The chunks of a space, by id: from commits that carry them, or from blocks of packs, fetched by range, opened and
// checked. For trees, small reads and single files; restore plans its own order over whole packs (backup/restore.h).
#pragma once

#include <list>

#include "session/space_session.h"

namespace holdfast::session {

inline constexpr std::size_t reader_cache_bytes_default = 16 * 1024 * 1024;

class SpaceReader final : public space::ChunkSource {
 public:
  // follow_index() must have been called. Tampered and Missing name pack and block; a second location is tried first
  // (A5), and then whether it is this device's copy of the index that is damaged.
  explicit SpaceReader(SpaceSession& space, std::size_t cache_bytes = reader_cache_bytes_default);
  // The same by another index than that of the space's head (past.h); it outlives this.
  SpaceReader(SpaceSession& space, const IndexCache& index);

  Result<Bytes> chunk(space::ChunkKind kind, const ChunkId& id) override;
  void prefetch(std::span<const ChunkId> ids) override;

  // Forget what is cached of a block, after its content was used up or the index changed.
  void forget_blocks();

 private:
  using BlockKey = std::pair<Hash, std::uint16_t>;  // sha256 of the pack, block
  struct Block {
    std::shared_ptr<const Bytes> plain;
    std::list<BlockKey>::iterator age;
  };
  struct Wanted {
    BlockKey key;
    space::PackInfo pack;
  };

  Result<std::shared_ptr<const Bytes>> block(const space::PackInfo& pack, std::uint16_t number);
  Result<Bytes> find_chunk(space::ChunkKind kind, const ChunkId& id);
  Result<Bytes> chunk_at(space::ChunkKind kind, const ChunkId& id, const FoundChunk& place);
  Result<std::shared_ptr<const Bytes>> open(const space::PackInfo& pack, std::uint16_t number, ByteView sealed);
  RequestId ask(const space::PackInfo& pack, std::uint16_t number);
  void keep(const BlockKey& key, std::shared_ptr<const Bytes> plain);
  void receive_one();
  [[nodiscard]] Result<space::PackInfo> pack_of(const FoundChunk& place) const;

  [[nodiscard]] const IndexCache& index() const { return other_index_ == nullptr ? space_.index() : *other_index_; }

  SpaceSession& space_;
  const IndexCache* other_index_ = nullptr;
  std::size_t cache_bytes_max_, cache_bytes_ = 0;
  std::map<BlockKey, Block> cache_;
  std::list<BlockKey> ages_;  // oldest first
  ApiClient::Gets gets_;
  std::map<RequestId, Wanted> asked_;
  std::map<BlockKey, Error> failed_;  // of blocks that were asked for ahead
};

}  // namespace holdfast::session
