#include "crypto/signature.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <stdexcept>

#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

constexpr std::string_view label = "Holdfast 1 test";
const Bytes context = {1, 2, 3};
const Hash body = sha256(Bytes{7});

HybridKey hybrid_key(std::uint64_t seed) {
  TestRandom random(seed);
  return HybridKey(HybridSeed::random(random));
}
Ed25519Key ed25519_key(std::uint64_t seed) {
  TestRandom random(seed);
  return Ed25519Key(Ed25519Seed::random(random));
}

TEST(HybridSignature, HoldsForItsKeyLabelContextAndBodyOnly) {
  TestRandom random(1);
  const HybridKey key = hybrid_key(1);
  const HybridSignature signature = key.sign(label, context, body, random);
  EXPECT_TRUE(verify(key.public_key(), label, context, body, signature));
  EXPECT_FALSE(verify(hybrid_key(2).public_key(), label, context, body, signature));
  EXPECT_FALSE(verify(key.public_key(), "Holdfast 1 tess", context, body, signature));
  EXPECT_FALSE(verify(key.public_key(), label, Bytes{1, 2}, body, signature));
  EXPECT_FALSE(verify(key.public_key(), label, context, sha256({}), signature));
}

// Promise: whoever breaks one of the two algorithms forges nothing (DECISIONS B14, M8). Method: each half in turn is
// another key's or another message's good signature, or damaged, while the other half stays right.
TEST(HybridSignature, OneGoodHalfIsNotEnough) {
  TestRandom random(1);
  const HybridKey key = hybrid_key(1), attacker = hybrid_key(2);
  const HybridSignature good = key.sign(label, context, body, random);
  const HybridSignature foreign = attacker.sign(label, context, body, random);
  const HybridSignature elsewhere = key.sign(label, context, sha256({}), random);
  for (const HybridSignature& other : {foreign, elsewhere}) {
    EXPECT_FALSE(verify(key.public_key(), label, context, body, {other.ed25519, good.mldsa65}));
    EXPECT_FALSE(verify(key.public_key(), label, context, body, {good.ed25519, other.mldsa65}));
  }
  EXPECT_FALSE(verify(key.public_key(), label, context, body, {{}, good.mldsa65}));
  EXPECT_FALSE(verify(key.public_key(), label, context, body, {good.ed25519, {}}));
  ASSERT_TRUE(verify(key.public_key(), label, context, body, good));
}

// A signer who owns both halves can't lend one of them to another identity: M names the pair.
TEST(HybridSignature, HalvesOfTwoKeysDoNotMakeAThird) {
  TestRandom random(1);
  const HybridKey first = hybrid_key(1), second = hybrid_key(2);
  const HybridPublic mixed{first.public_key().ed25519, second.public_key().mldsa65};
  const HybridSignature a = first.sign(label, context, body, random), b = second.sign(label, context, body, random);
  EXPECT_FALSE(verify(mixed, label, context, body, {a.ed25519, b.mldsa65}));
}

TEST(HybridSignature, EveryFlippedByteOfEitherHalfIsNoticed) {
  TestRandom random(1);
  const HybridKey key = hybrid_key(1);
  const HybridSignature good = key.sign(label, context, body, random);
  for (std::size_t i = 0; i < Ed25519Signature::size; ++i) {
    HybridSignature changed = good;
    changed.ed25519.bytes[i] ^= 1;
    ASSERT_FALSE(verify(key.public_key(), label, context, body, changed)) << i;
  }
  for (std::size_t i = 0; i < MlDsaSignature::size; i += 23) {
    HybridSignature changed = good;
    changed.mldsa65.bytes[i] ^= 1;
    ASSERT_FALSE(verify(key.public_key(), label, context, body, changed)) << i;
  }
}

// Same draws, same signature (the simulator needs it); other draws, another one (hedging reaches ML-DSA).
TEST(HybridSignature, IsHedgedByTheRandomSource) {
  const HybridKey key = hybrid_key(1);
  TestRandom one(1), same(1), other(2);
  const HybridSignature signature = key.sign(label, context, body, one);
  EXPECT_EQ(signature, key.sign(label, context, body, same));
  const HybridSignature second = key.sign(label, context, body, other);
  EXPECT_NE(signature.mldsa65, second.mldsa65);
  EXPECT_TRUE(verify(key.public_key(), label, context, body, second));
}

TEST(HybridSignature, ALabelThatIsNoMlDsaContextIsAProgrammingError) {
  TestRandom random(1);
  const HybridKey key = hybrid_key(1);
  EXPECT_THROW((void)key.sign(std::string(256, 'x'), context, body, random), std::logic_error);
  EXPECT_FALSE(verify(key.public_key(), std::string(256, 'x'), context, body, {}));
}

TEST(HybridSignature, AKeyFromTheWireThatIsNonsenseVerifiesNothing) {
  TestRandom random(1);
  for (int i = 0; i < 20; ++i) {
    const HybridPublic key{random.make<Ed25519Public>(), random.make<MlDsaPublic>()};
    const HybridSignature signature{random.make<Ed25519Signature>(), random.make<MlDsaSignature>()};
    EXPECT_FALSE(verify(key, label, context, body, signature));
  }
}

TEST(Ed25519Signature, HoldsForItsKeyLabelContextAndBodyOnly) {
  const Ed25519Key key = ed25519_key(1);
  const Ed25519Signature signature = key.sign(label, context, body);
  EXPECT_TRUE(verify(key.public_key(), label, context, body, signature));
  EXPECT_FALSE(verify(ed25519_key(2).public_key(), label, context, body, signature));
  EXPECT_FALSE(verify(key.public_key(), "Holdfast 1 tes", context, body, signature));
  EXPECT_FALSE(verify(key.public_key(), label, Bytes{1, 2, 4}, body, signature));
  EXPECT_FALSE(verify(key.public_key(), label, context, sha256({}), signature));
}

// The Ed25519 half of a hybrid signature is of another message than a plain signature by the same seed would be (M8).
TEST(Ed25519Signature, IsNotTheHalfOfAHybridOne) {
  TestRandom random(1);
  const HybridSeed seed = HybridSeed::random(random);
  const HybridKey hybrid(seed);
  const Ed25519Key plain(Ed25519Seed::copy_of(seed.export_secret().view().first(32)));
  ASSERT_EQ(plain.public_key(), hybrid.public_key().ed25519);
  const HybridSignature signature = hybrid.sign(label, context, body, random);
  EXPECT_FALSE(verify(plain.public_key(), label, context, body, signature.ed25519));
}

// S + L verifies for a lax implementation, and would be a second signature of the same message.
TEST(Ed25519Signature, ANonCanonicalSIsRefused) {
  TestRandom random(1);
  const Ed25519Seed seed = Ed25519Seed::random(random);
  const Ed25519Public key = Ed25519Key(seed).public_key();
  const Ed25519Signature good = ed25519_sign(seed, body.view());
  ASSERT_TRUE(ed25519_verify(key, body.view(), good));
  const Bytes group_order = from_hex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").value();
  Ed25519Signature malleated = good;
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += malleated.bytes[32 + i] + group_order[i];
    malleated.bytes[32 + i] = static_cast<std::uint8_t>(carry);
    carry >>= 8;
  }
  EXPECT_FALSE(ed25519_verify(key, body.view(), malleated));
}

// With a key of small order (here the identity, y = 1) R = identity and S = 0 would verify for every message.
TEST(Ed25519Signature, AKeyOfSmallOrderIsRefused) {
  for (const char* encoded : {"0100000000000000000000000000000000000000000000000000000000000000",
                              "0000000000000000000000000000000000000000000000000000000000000000",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"}) {
    const auto key = Ed25519Public::from(from_hex(encoded).value());
    Ed25519Signature signature;
    signature.bytes[0] = 1;
    EXPECT_FALSE(ed25519_verify(key, body.view(), signature)) << encoded;
  }
}

}  // namespace
}  // namespace holdfast::crypto
