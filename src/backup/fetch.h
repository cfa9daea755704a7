// Blocks wanted from packs, fetched in few large ranges and opened by workers. Used by restore and check.
#pragma once

#include <functional>

#include "session/reader.h"

namespace holdfast::backup {

struct WantedBlock {
  std::uint16_t block = 0;
  std::uint64_t tag = 0;              // the caller's: which block this is
  std::vector<space::Record> chunks;  // whose ids are to be checked, in full:
  std::vector<ChunkId> ids;
};
struct WantedPack {
  space::PackInfo info;
  space::ChunkKind kind = space::ChunkKind::data;
  std::vector<WantedBlock> blocks;  // ascending by number
};

struct OpenedBlock {
  std::uint64_t tag = 0;
  Result<Bytes> plain;                  // Tampered, Missing: of the whole block, with pack and block named
  std::vector<std::size_t> bad_chunks;  // positions in WantedBlock::ids that are not what their id says
};

// Gives every wanted block, in any order, to `use`, on the calling thread. Few packs are in flight and few blocks open
// at once; an error of one block is that block's, an error of `use` or of the server as a whole ends it.
Status fetch_blocks(session::SpaceSession& space, std::span<const WantedPack> packs,
                    const std::function<Status(OpenedBlock&&)>& use);

}  // namespace holdfast::backup
