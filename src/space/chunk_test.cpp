#include "space/chunk.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SeededRandom;

constexpr std::size_t mebi = 1024 * 1024;

// The definition of DECISIONS D20, as it reads there.
std::size_t cut_as_defined(const ChunkerKey& key, ByteView bytes) {
  const Bytes table = crypto::expand(key, "Holdfast 1 gear", 2048);
  std::uint64_t hash = 0;
  for (std::size_t at = 512 * 1024; at < bytes.size() && at < 4 * mebi; ++at) {
    std::uint64_t gear = 0;
    for (std::size_t i = 8; i-- > 0;) gear = gear << 8 | table[std::size_t{bytes[at]} * 8 + i];
    hash = (hash << 1) + gear;
    if (hash >> (64 - (at < mebi ? 22 : 18)) == 0) return at + 1;
  }
  return std::min(bytes.size(), 4 * mebi);
}

std::vector<std::size_t> cuts_of(const Chunker& chunker, ByteView bytes) {
  std::vector<std::size_t> out;
  for (std::size_t at = 0; at < bytes.size();) out.push_back(at += chunker.cut(bytes.subspan(at)));
  return out;
}

TEST(Chunker, CutsWhereTheDefinitionSays) {
  const auto key = key_of<ChunkerKey>(1);
  const Chunker chunker(key);
  SeededRandom random(1);
  const std::size_t edges[] = {1,        512 * 1024 - 1, 512 * 1024, 512 * 1024 + 1, 512 * 1024 + 7,
                               mebi - 1, mebi,           mebi + 1,   4 * mebi,       5 * mebi};
  for (int round = 0; round < 30; ++round) {
    const std::size_t size = round < 10 ? edges[round] : random.between(512 * 1024, 5 * mebi);
    const Bytes bytes = round % 3 == 2 ? random.text(size) : random.bytes(size);
    EXPECT_EQ(chunker.cut(bytes), cut_as_defined(key, bytes)) << round;
  }
  for (const int byte : {0, 1, 255}) {
    const Bytes same(5 * mebi, static_cast<std::uint8_t>(byte));
    EXPECT_EQ(chunker.cut(same), cut_as_defined(key, same)) << byte;
  }
}

TEST(Chunker, ChunksJoinToTheFileAndKeepTheirBounds) {
  const Chunker chunker(key_of<ChunkerKey>(2));
  EXPECT_TRUE(rc::check([&] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    const Bytes bytes = random.bytes(random.between(0, 6 * mebi));
    std::size_t start = 0;
    for (const std::size_t end : cuts_of(chunker, bytes)) {
      RC_ASSERT(end > start && end - start <= chunk_bytes_max);
      if (end != bytes.size()) RC_ASSERT(end - start > chunk_bytes_min);
      start = end;
    }
    RC_ASSERT(start == bytes.size());
  }));
}

TEST(Chunker, WhatComesLaterDoesNotMoveACut) {
  const Chunker chunker(key_of<ChunkerKey>(3));
  SeededRandom random(3);
  const Bytes bytes = random.bytes(16 * mebi);
  for (int round = 0; round < 200; ++round) {
    const std::size_t start = random.below(8 * mebi);
    const ByteView part = ByteView(bytes).subspan(start, random.between(1, 5 * mebi));
    const std::size_t cut = chunker.cut(part);
    if (cut < part.size()) {
      EXPECT_EQ(cut, chunker.cut(ByteView(bytes).subspan(start)));
    }
  }
}

TEST(Chunker, AnInsertionChangesOnlyTheChunksAroundIt) {
  const Chunker chunker(key_of<ChunkerKey>(4));
  SeededRandom random(4);
  const Bytes before = random.bytes(32 * mebi);
  const auto chunks_of = [&](ByteView bytes) {
    std::set<Hash> out;
    std::size_t start = 0;
    for (const std::size_t end : cuts_of(chunker, bytes)) {
      out.insert(crypto::sha256(bytes.subspan(start, end - start)));
      start = end;
    }
    return out;
  };
  const auto chunks_before = chunks_of(before);
  for (const std::size_t inserted : {1, 1000, 300'000}) {
    Bytes after = before;
    const Bytes extra = random.bytes(inserted);
    after.insert(after.begin() + static_cast<std::ptrdiff_t>(random.below(24 * mebi)), extra.begin(), extra.end());
    std::size_t fresh = 0;
    for (const Hash& chunk : chunks_of(after)) fresh += chunks_before.contains(chunk) ? 0 : 1;
    EXPECT_LE(fresh, 8u) << "of " << chunks_before.size() << " with " << inserted << " bytes inserted";
  }
}

TEST(Chunker, AnotherKeyCutsElsewhere) {
  SeededRandom random(5);
  const Bytes bytes = random.bytes(64 * mebi);
  const auto a = cuts_of(Chunker(key_of<ChunkerKey>(5)), bytes);
  const auto b = cuts_of(Chunker(key_of<ChunkerKey>(6)), bytes);
  std::vector<std::size_t> same;
  std::ranges::set_intersection(a, b, std::back_inserter(same));
  EXPECT_EQ(same, std::vector<std::size_t>{bytes.size()});
}

TEST(Chunker, MeanIsNearOneMebibyte) {
  SeededRandom random(6);
  const Bytes bytes = random.bytes(64 * mebi);
  const std::size_t chunks = cuts_of(Chunker(key_of<ChunkerKey>(7)), bytes).size();
  EXPECT_GT(bytes.size() / chunks, mebi * 9 / 10);
  EXPECT_LT(bytes.size() / chunks, mebi * 14 / 10);
}

TEST(ChunkId, DependsOnKeyKindAndEveryByte) {
  const crypto::Hmac key(key_of<ChunkIdKey>(1));
  const crypto::Hmac other(key_of<ChunkIdKey>(2));
  Bytes bytes = {1, 2, 3};
  const ChunkId id = chunk_id(key, ChunkKind::data, bytes);
  EXPECT_EQ(id.bytes, key.of(Bytes{1, 1, 2, 3}).bytes);
  EXPECT_NE(id, chunk_id(key, ChunkKind::node, bytes));
  EXPECT_NE(id, chunk_id(other, ChunkKind::data, bytes));
  EXPECT_TRUE(check_chunk(key, ChunkKind::data, id, bytes));
  EXPECT_EQ(check_chunk(key, ChunkKind::node, id, bytes).error().code, Code::Tampered);
  for (std::uint8_t& byte : bytes) {
    byte ^= 0x80;
    EXPECT_EQ(check_chunk(key, ChunkKind::data, id, bytes).error().code, Code::Tampered);
    byte ^= 0x80;
  }
  EXPECT_FALSE(check_chunk(key, ChunkKind::data, id, ByteView(bytes).first(2)));
}

}  // namespace
}  // namespace holdfast::space
