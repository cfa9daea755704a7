// Packs that were never written, as an index sees them: for measuring the index at sizes that no test disk holds.
#pragma once

#include <vector>

#include "space/pack_test_support.h"
#include "space/segment.h"

namespace holdfast::bench {

// The chunks and packs of one upload. chunks_a_block: small files share a block, a large file's chunk has one.
inline space::Segment synthetic_upload(space::testing::SeededRandom& random, std::size_t chunks,
                                       std::size_t chunks_a_block) {
  const std::size_t chunk_bytes = space::block_bytes_joined_max / chunks_a_block;
  constexpr std::size_t blocks_a_pack = space::pack_bytes_max / space::block_bytes_joined_max;
  std::vector<space::SealedPack> packs;
  for (std::size_t made = 0; made < chunks;) {
    space::SealedPack& pack = packs.emplace_back();
    pack.info.object = random.make<ObjectId>();
    pack.info.sha256 = random.make<Hash>();
    pack.info.salt = random.make<Hash>();
    pack.info.commitment = random.make<Hash>();
    for (std::uint16_t block = 0; block < blocks_a_pack && made < chunks; ++block) {
      const std::size_t count = std::min(chunks_a_block, chunks - made);
      const auto plain = static_cast<std::uint32_t>(count * chunk_bytes);
      pack.info.blocks.push_back({{plain + static_cast<std::uint32_t>(crypto::tag_size)}, {plain}});
      for (std::size_t i = 0; i < count; ++i)
        pack.chunks.push_back({random.make<ChunkId>(),
                               block,
                               {static_cast<std::uint32_t>(i * chunk_bytes)},
                               {static_cast<std::uint32_t>(chunk_bytes)}});
      made += count;
    }
  }
  return space::make_segment(packs);
}

// The id of a record as a caller has it: the rest of it does not matter to an index.
inline ChunkId id_of(const space::Record& record) {
  ChunkId out;
  std::ranges::copy(record.id, out.bytes.begin());
  return out;
}

}  // namespace holdfast::bench
