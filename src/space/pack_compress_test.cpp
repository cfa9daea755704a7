#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <zstd.h>

#include "space/pack.h"
#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SeededRandom;
using testing::space_of;

Bytes frame_of(ByteView plain, bool with_size = true, bool with_checksum = false) {
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, with_size ? 1 : 0);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, with_checksum ? 1 : 0);
  Bytes out(ZSTD_compressBound(plain.size()));
  out.resize(ZSTD_compress2(context, out.data(), out.size(), plain.data(), plain.size()));
  ZSTD_freeCCtx(context);
  return out;
}

TEST(Compress, WhatShrinksComesBackAndWhatDoesNotStaysPlain) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    const std::size_t size = random.between(1, 100'000);
    const Bytes plain = random.below(2) == 0 ? random.text(size) : random.bytes(size);
    const CompressedBlock block = compress_block(plain, {}, static_cast<int>(random.between(1, 5)));
    RC_ASSERT(block.plain_size == size);
    RC_ASSERT(block.bytes.size() <= size);
    if (block.bytes.size() == size) {
      RC_ASSERT(block.bytes == plain);
    } else {
      RC_ASSERT(decompress_block(block.bytes, size).value() == plain);
    }
  }));
}

TEST(Compress, PiecesAreTheirConcatenation) {
  SeededRandom random(1);
  for (const bool shrinks : {true, false}) {
    const Bytes plain = shrinks ? random.text(50'000) : random.bytes(50'000);
    const ByteView whole = plain;
    const ByteView pieces[] = {whole.first(1), whole.subspan(1, 20'000), whole.subspan(20'001)};
    const Bytes expected = compress_block(plain, {}, 1).bytes;
    EXPECT_EQ(compress_pieces(pieces, {}, 1).bytes, expected);
    EXPECT_EQ(compress_pieces(std::span(&whole, 1), {}, 1).bytes, expected);
    EXPECT_EQ(expected.size() < plain.size(), shrinks);
  }
}

TEST(Compress, AChunkThatDoesNotShrinkIsNotCopied) {
  SeededRandom random(2);
  Bytes plain = random.bytes(chunk_bytes_max);
  const std::uint8_t* const where = plain.data();
  EXPECT_EQ(compress_block(std::move(plain), {}, 1).bytes.data(), where);
}

TEST(Compress, AFrameIsOneFrameOfTheSizeThatIsSaid) {
  SeededRandom random(3);
  const Bytes plain = random.text(10'000);
  const Bytes good = frame_of(plain);
  ASSERT_TRUE(decompress_block(good, plain.size()));
  const auto refused = [](const Result<Bytes>& opened) { return !opened && opened.error().code == Code::Malformed; };
  EXPECT_TRUE(refused(decompress_block(good, plain.size() - 1)));
  EXPECT_TRUE(refused(decompress_block(good, plain.size() + 1)));
  EXPECT_TRUE(refused(decompress_block(frame_of(plain, false), plain.size())));
  EXPECT_TRUE(refused(decompress_block({}, 0)));
  EXPECT_TRUE(refused(decompress_block({}, 100)));
  for (std::size_t size = 0; size < good.size(); ++size)
    ASSERT_TRUE(refused(decompress_block(ByteView(good).first(size), plain.size()))) << size;
  Bytes twice = good;
  append(twice, good);
  EXPECT_TRUE(refused(decompress_block(twice, plain.size())));
  EXPECT_TRUE(refused(decompress_block(twice, 2 * plain.size())));
  Bytes skipped = {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0};
  append(skipped, good);
  EXPECT_TRUE(refused(decompress_block(skipped, plain.size())));
  Bytes legacy = good;
  legacy[0] = 0x27;  // zstd 0.7
  EXPECT_TRUE(refused(decompress_block(legacy, plain.size())));
}

TEST(Compress, DamagedFramesNeverReachBeyondTheirSize) {
  SeededRandom random(4);
  const Bytes plain = random.text(5000);
  const Bytes good = frame_of(plain);
  for (int round = 0; round < 3000; ++round) {
    Bytes bad = good;
    for (std::size_t flips = random.between(1, 4); flips > 0; --flips)
      bad[random.below(bad.size())] ^= static_cast<std::uint8_t>(random.next());
    const auto opened = decompress_block(bad, plain.size());
    ASSERT_EQ(opened ? opened->size() : plain.size(), plain.size());
  }
}

// Promise: a member who seals a bomb costs a reader the memory of a block, not more.
// Method: blocks whose frame says, or is, far more than the pack's directory says; and a directory that says too much.
TEST(Compress, ABombIsRefusedWithinBounds) {
  SeededRandom random(5);
  const auto key = key_of<crypto::PackKey>(1);
  const SpaceId space = space_of(1);
  const auto opened = [&](Bytes frame, std::uint32_t said) -> Result<Bytes> {
    PackBuilder builder(PackKind::data);
    builder.add({std::move(frame), said, {{random.make<ChunkId>(), 0, {0}, {said}}}});
    HF_TRY(const SealedPack pack, std::move(builder).finish(key, space, 1, PackBuilder::Size::padme, random));
    Bytes sealed(pack.info.blocks[0].stored.value);
    pack.object->read_at(pack.info.block_offset(0), sealed);
    return PackOpener(key, space, pack.info).open_block(0, sealed);
  };
  const Bytes zeros(64 * 1024 * 1024);
  const Bytes bomb = frame_of(zeros);
  ASSERT_LT(bomb.size(), 10'000u);
  EXPECT_EQ(opened(bomb, chunk_bytes_max).error().code, Code::Malformed);
  EXPECT_EQ(opened(frame_of(zeros, false), chunk_bytes_max).error().code, Code::Malformed);
  EXPECT_EQ(opened(frame_of(ByteView(zeros).first(chunk_bytes_max + 1)), chunk_bytes_max).error().code,
            Code::Malformed);
  EXPECT_TRUE(opened(frame_of(ByteView(zeros).first(chunk_bytes_max)), chunk_bytes_max));
  EXPECT_FALSE(opened(bomb, 0xffffff));  // the self check refuses to make such a pack
  EXPECT_EQ(decompress_block(bomb, zeros.size()).error().code, Code::Malformed);
}

}  // namespace
}  // namespace holdfast::space
