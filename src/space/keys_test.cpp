#include "space/keys.h"

#include <gtest/gtest.h>

#include <set>

#include "crypto/test_random.h"

namespace holdfast::space {

namespace {

SpaceId space_of(std::uint8_t byte) {
  SpaceId id;
  id.bytes.fill(byte);
  return id;
}

// What a key is cannot be seen; that two are the same one can.
template <class Tag>
Bytes shown(const crypto::Secret<Tag>& key) {
  return to_bytes(key.export_secret().view());
}

TEST(Keys, EachPurposeSpaceAndEpochHasItsOwn) {
  crypto::TestRandom random(1);
  const auto secret = EpochSecret::random(random);
  std::set<Bytes> seen;
  std::size_t made = 0;
  for (const std::uint8_t space : {std::uint8_t{1}, std::uint8_t{2}}) {
    for (const std::uint32_t epoch : {0u, 1u}) {
      const EpochKeys keys(secret, space_of(space), epoch);
      EXPECT_EQ(keys.epoch, epoch);
      for (const Bytes& key :
           {shown(keys.pack), shown(keys.index), shown(keys.commit), shown(keys.members), shown(keys.history)}) {
        seen.insert(key);
        ++made;
      }
    }
  }
  EXPECT_EQ(made, 20u);
  EXPECT_EQ(seen.size(), made);
}

// Promise: a new epoch costs nobody the deduplication: ids and cuts come from the root, which stays (B5).
TEST(Keys, ChunkIdsAndCutsDependOnTheRootAndTheSpaceAlone) {
  crypto::TestRandom random(2);
  const auto root = SpaceRoot::random(random), other_root = SpaceRoot::random(random);
  const RootKeys keys(root, space_of(1)), again(root, space_of(1)), elsewhere(root, space_of(2)),
      other(other_root, space_of(1));
  const Bytes text = to_bytes(as_bytes("a chunk"));
  EXPECT_EQ(keys.chunk_id.of(text), again.chunk_id.of(text));
  EXPECT_TRUE(keys.chunker == again.chunker);
  EXPECT_NE(keys.chunk_id.of(text), elsewhere.chunk_id.of(text));
  EXPECT_NE(keys.chunk_id.of(text), other.chunk_id.of(text));
  EXPECT_FALSE(keys.chunker == elsewhere.chunker);
  EXPECT_NE(keys.chunk_id.of(text), keys.node.of(text));
}

}  // namespace

}  // namespace holdfast::space
