#include "space/packer.h"

#include <gtest/gtest.h>

#include <map>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SeededRandom;
using testing::space_of;

CompressedBlock block_of(SeededRandom& random, std::size_t size) {
  const auto bytes = static_cast<std::uint32_t>(size);
  return {Bytes(size), bytes, {{random.make<ChunkId>(), 0, {0}, {bytes}}}};
}

// Promise: padding of incompressible data stays below 0.7 %.
// Method: the blocks that the chunker makes of random data, as large as they come, through a packer.
TEST(Packer, WastesLittleOnWhatDoesNotShrink) {
  SeededRandom random(1);
  const Chunker chunker(key_of<ChunkerKey>(1));
  const Bytes data = random.bytes(32 * 1024 * 1024);
  Packer packer(PackKind::data, "mine");
  std::size_t closed = 0, used = 0;
  for (int round = 0; round < 12; ++round) {
    for (std::size_t at = random.below(1024 * 1024); at < data.size();) {
      const std::size_t size = chunker.cut(ByteView(data).subspan(at));
      if (auto ready = packer.add(block_of(random, size))) {
        EXPECT_EQ(ready->size, PackBuilder::Size::full);
        used += ready->builder.bytes_used();
        ++closed;
      }
      at += size;
    }
    EXPECT_LE(packer.bytes_held(), waiting_bytes_max);
  }
  ASSERT_GT(closed, 15u);
  EXPECT_GT(used, closed * pack_bytes_max / 1000 * 992)
      << 100.0 - 100.0 * double(used) / double(closed * pack_bytes_max) << " %";
}

TEST(Packer, KeepsEveryBlockOnceAndPadsOnlyTheLastPackShort) {
  SeededRandom random(2);
  const auto key = key_of<crypto::PackKey>(1);
  Packer packer(PackKind::nodes, "mine");
  std::map<ChunkId, int> wanted, found;
  std::vector<ReadyPack> ready;
  for (int i = 0; i < 60; ++i) {
    CompressedBlock block = block_of(random, random.between(1, 2 * 1024 * 1024));
    ++wanted[block.chunks[0].id];
    if (auto closed = packer.add(std::move(block))) ready.push_back(std::move(*closed));
  }
  for (ReadyPack& pack : packer.finish()) ready.push_back(std::move(pack));
  EXPECT_EQ(packer.bytes_held(), 0u);
  EXPECT_TRUE(packer.finish().empty());
  for (std::size_t i = 0; i < ready.size(); ++i) {
    const bool last = i + 1 == ready.size();
    EXPECT_EQ(ready[i].size, last ? PackBuilder::Size::padme : PackBuilder::Size::full);
    const SealedPack sealed = std::move(ready[i].builder).finish(key, space_of(1), 1, ready[i].size, random).value();
    EXPECT_EQ(sealed.info.kind, PackKind::nodes);
    EXPECT_TRUE(last || sealed.object->size() == pack_bytes_max);
    for (const PackedChunk& chunk : sealed.chunks) ++found[chunk.id];
  }
  EXPECT_EQ(found, wanted);
}

TEST(Packer, WaitsForTheBlocksThatFillAPack) {
  SeededRandom random(3);
  constexpr std::size_t mebi = 1024 * 1024;
  Packer packer(PackKind::data, "mine");
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(packer.add(block_of(random, 3 * mebi)));  // 15 MiB
  EXPECT_FALSE(packer.add(block_of(random, 3 * mebi / 2)));                          // does not fit
  const auto closed = packer.add(block_of(random, mebi - 50'000));
  ASSERT_TRUE(closed);
  EXPECT_GT(closed->builder.bytes_used(), pack_bytes_max - 100'000);
  EXPECT_LT(packer.bytes_held(), 2 * mebi);
}

// Promise: a pack that nothing fills is closed all the same, and small blocks do not make it slow.
TEST(Packer, HoldsNoMoreThanItSays) {
  SeededRandom random(4);
  Packer large(PackKind::data, "mine");
  for (int i = 0; i < 40; ++i) {
    (void)large.add(block_of(random, 3'100'000));
    EXPECT_LE(large.bytes_held(), waiting_bytes_max);
  }
  Packer small(PackKind::data, "mine");
  int closed = 0;
  for (int i = 0; i < 40'000; ++i) {
    CompressedBlock block{Bytes(20), 2000, {}};
    for (std::uint32_t chunk = 0; chunk < 20; ++chunk)
      block.chunks.push_back({random.make<ChunkId>(), 0, {chunk * 100}, {100}});
    if (small.add(std::move(block))) ++closed;
    EXPECT_LE(small.bytes_held(), waiting_bytes_max);
  }
  EXPECT_GE(closed, 1);
}

}  // namespace
}  // namespace holdfast::space
