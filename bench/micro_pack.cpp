// Blocks and packs: compressing, packing, sealing, opening, and the same in one piece as a check reads it.
#include <benchmark/benchmark.h>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::any_block;
using testing::key_of;
using testing::SeededRandom;
using testing::space_of;

constexpr std::size_t block_bytes = block_bytes_joined_max;
const SpaceId space = space_of(1);

// A mebibyte of random bytes, or of text.
Bytes plain_of(bool shrinks) {
  SeededRandom random(1);
  return shrinks ? random.text(block_bytes) : random.bytes(block_bytes);
}

std::vector<CompressedBlock> blocks_of_a_pack(bool shrinks) {
  SeededRandom random(1);
  const std::vector<std::size_t> sizes(16, block_bytes / 16);
  PackBuilder builder(PackKind::data);
  std::vector<CompressedBlock> out;
  while (true) {
    out.push_back(any_block(random, sizes, shrinks));
    if (!builder.has_room_for(out.back())) break;
    builder.add(out.back());
  }
  out.pop_back();
  return out;
}

SealedPack seal(std::vector<CompressedBlock> blocks, const crypto::PackKey& key) {
  SeededRandom random(2);
  PackBuilder builder(PackKind::data);
  for (CompressedBlock& block : blocks) builder.add(std::move(block));
  return std::move(builder).finish(key, space, 0, PackBuilder::Size::full, random).value();
}

void bytes_of_block(benchmark::State& state) {
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(block_bytes));
}

void BlockCompress(benchmark::State& state) {  // arguments: shrinks, zstd's level
  const Bytes plain = plain_of(state.range(0) != 0);
  const std::array<ByteView, 1> pieces{plain};
  for (auto _ : state) benchmark::DoNotOptimize(compress_pieces(pieces, {}, static_cast<int>(state.range(1))));
  bytes_of_block(state);
}
BENCHMARK(BlockCompress)->ArgNames({"shrinks", "level"})->ArgsProduct({{0, 1}, {1, 3}});

void BlockDecompress(benchmark::State& state) {
  const CompressedBlock block = compress_block(plain_of(true), {}, 1);
  for (auto _ : state) benchmark::DoNotOptimize(decompress_block(block.bytes, block.plain_size));
  bytes_of_block(state);
}
BENCHMARK(BlockDecompress);

void BlockSeal(benchmark::State& state) {
  const crypto::PackCipher cipher(key_of<crypto::PackKey>(1), encode(PackWhere{space, {}, 0}), {});
  const Bytes plain = plain_of(false);
  Bytes sealed(block_bytes + crypto::tag_size);
  const Bytes header(pack_header_bytes);
  for (auto _ : state) {
    cipher.seal(1, header, plain, sealed);
    benchmark::ClobberMemory();
  }
  bytes_of_block(state);
}
BENCHMARK(BlockSeal);

void BlockOpen(benchmark::State& state) {  // argument: shrinks. Opened and decompressed
  const auto key = key_of<crypto::PackKey>(1);
  const SealedPack pack = seal(blocks_of_a_pack(state.range() != 0), key);
  const PackOpener opener(key, space, pack.info);
  Bytes sealed(pack.info.blocks[0].stored.value);
  pack.object->read_at(pack.info.block_offset(0), sealed);
  for (auto _ : state) benchmark::DoNotOptimize(opener.open_block(0, sealed));
  bytes_of_block(state);
}
BENCHMARK(BlockOpen)->ArgName("shrinks")->Arg(0)->Arg(1);

// A full pack: sealed, its directory opened again, hashed.
void PackSeal(benchmark::State& state) {
  const auto key = key_of<crypto::PackKey>(1);
  const auto blocks = blocks_of_a_pack(false);
  for (auto _ : state) {
    state.PauseTiming();
    auto copy = blocks;
    state.ResumeTiming();
    benchmark::DoNotOptimize(seal(std::move(copy), key));
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(pack_bytes_max));
}
BENCHMARK(PackSeal)->Unit(benchmark::kMillisecond);

void PackOpenWhole(benchmark::State& state) {
  const auto key = key_of<crypto::PackKey>(1);
  const SealedPack pack = seal(blocks_of_a_pack(state.range() != 0), key);
  const Bytes object = pack.object->joined();
  for (auto _ : state)
    benchmark::DoNotOptimize(
        open_whole_pack(key, space, pack.info.object, object, [](std::uint16_t, Bytes) -> Status { return {}; }));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(object.size()));
}
BENCHMARK(PackOpenWhole)->ArgName("shrinks")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// Which block goes into which pack: blocks of random sizes, without their bytes' cost.
void PackerAdd(benchmark::State& state) {
  SeededRandom random(3);
  std::vector<std::size_t> sizes(4096);
  for (std::size_t& size : sizes) size = random.between(1, chunk_bytes_max);
  Packer packer(PackKind::data, "mine");
  std::size_t next = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::size_t size = sizes[next++ % sizes.size()];
    CompressedBlock block{Bytes(size),
                          static_cast<std::uint32_t>(size),
                          {{random.make<ChunkId>(), 0, {0}, {static_cast<std::uint32_t>(size)}}}};
    state.ResumeTiming();
    std::optional<ReadyPack> ready = packer.add(std::move(block));
    state.PauseTiming();
    ready.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(PackerAdd);

}  // namespace
}  // namespace holdfast::space
