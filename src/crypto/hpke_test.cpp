#include "crypto/hpke.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

XWingKey some_key(std::uint64_t seed) {
  TestRandom random(seed);
  return XWingKey(XWingSeed::random(random));
}

const Bytes info = {1, 2, 3};

bool is_tampered(const auto& result) { return !result && result.error().code == Code::Tampered; }

TEST(XWing, BothSidesGetOneSecret) {
  TestRandom random(1);
  const XWingKey key = some_key(1);
  for (int i = 0; i < 10; ++i) {
    const auto made = xwing_encapsulate(key.public_key(), random);
    ASSERT_TRUE(made);
    const auto opened = key.decapsulate(made->ciphertext);
    ASSERT_TRUE(opened);
    EXPECT_EQ(*opened, made->secret);
    const auto other = some_key(2).decapsulate(made->ciphertext);
    ASSERT_TRUE(other);
    EXPECT_FALSE(*other == made->secret);
  }
}

TEST(XWing, AChangedCiphertextGivesAnotherSecret) {
  TestRandom random(1);
  const XWingKey key = some_key(1);
  const auto made = xwing_encapsulate(key.public_key(), random);
  ASSERT_TRUE(made);
  for (std::size_t i = 0; i < XWingCiphertext::size; i += 13) {
    XWingCiphertext changed = made->ciphertext;
    changed.bytes[i] ^= 1;
    const auto opened = key.decapsulate(changed);
    ASSERT_TRUE(!opened || !(*opened == made->secret)) << i;
  }
}

TEST(XWing, ItsRandomnessComesThroughTheDoor) {
  TestRandom one(1), same(1), other(2);
  const XWingKey key = some_key(1);
  const auto first = xwing_encapsulate(key.public_key(), one);
  EXPECT_EQ(first->ciphertext, xwing_encapsulate(key.public_key(), same)->ciphertext);
  EXPECT_NE(first->ciphertext, xwing_encapsulate(key.public_key(), other)->ciphertext);
}

TEST(XWing, APublicKeyThatIsNoneIsRefused) {
  TestRandom random(1);
  XWingPublic unreduced = some_key(1).public_key();
  std::fill_n(unreduced.bytes.begin(), 3, std::uint8_t{0xff});  // a coefficient above q
  XWingPublic small_order = some_key(1).public_key();
  std::fill_n(small_order.bytes.begin() + 1184, 32, std::uint8_t{0});
  for (const XWingPublic& key : {unreduced, small_order}) {
    const auto made = xwing_encapsulate(key, random);
    ASSERT_FALSE(made);
    EXPECT_EQ(made.error().code, Code::Malformed);
    EXPECT_FALSE(hpke_seal(key, info, {}, random));
  }
}

TEST(Hpke, OpensToWhatWasSealed) {
  const XWingKey key = some_key(1);
  EXPECT_TRUE(rc::check([&](const Bytes& plaintext, const Bytes& any_info, std::uint64_t seed) {
    TestRandom random(seed);
    const auto sealed = hpke_seal(key.public_key(), any_info, plaintext, random);
    RC_ASSERT(sealed.has_value());
    RC_ASSERT(sealed->size() == plaintext.size() + hpke_overhead);
    const auto opened = hpke_open(key, any_info, *sealed);
    RC_ASSERT(opened.has_value());
    RC_ASSERT(to_bytes(opened->view()) == plaintext);
  }));
}

TEST(Hpke, OpensOnlyForItsReceiverAndPurpose) {
  TestRandom random(1);
  const auto sealed = hpke_seal(some_key(1).public_key(), info, Bytes(10, 4), random);
  ASSERT_TRUE(sealed);
  EXPECT_TRUE(is_tampered(hpke_open(some_key(2), info, *sealed)));
  EXPECT_TRUE(is_tampered(hpke_open(some_key(1), Bytes{1, 2}, *sealed)));
}

// One answer for every reason: also for an X25519 point of small order, which would give a shared secret of zeros.
TEST(Hpke, EveryFlippedByteGivesTheSameError) {
  TestRandom random(1);
  const XWingKey key = some_key(1);
  const auto sealed = hpke_seal(key.public_key(), info, Bytes(10, 4), random);
  ASSERT_TRUE(sealed);
  std::string sentence;
  const auto expect_refused = [&](ByteView changed, std::size_t where) {
    const auto opened = hpke_open(key, info, changed);
    ASSERT_TRUE(is_tampered(opened)) << where;
    if (sentence.empty()) sentence = opened.error().sentence;
    ASSERT_EQ(opened.error().sentence, sentence);
  };
  for (std::size_t i = 0; i < sealed->size(); i += i < 1088 ? 17 : 1) {
    Bytes changed = *sealed;
    changed[i] ^= 0x04;
    expect_refused(changed, i);
  }
  Bytes small_order = *sealed;
  std::fill_n(small_order.begin() + 1088, 32, std::uint8_t{0});
  expect_refused(small_order, 1088);
  for (const std::size_t size : {std::size_t{0}, std::size_t{1120}, hpke_overhead - 1, sealed->size() - 1}) {
    expect_refused(ByteView(*sealed).first(size), size);
  }
}

}  // namespace
}  // namespace holdfast::crypto
