#include "crypto/box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

using BoxKey = Secret<struct BoxTestKeyTag>;

BoxKey some_key(std::uint64_t seed) {
  TestRandom random(seed);
  return BoxKey::random(random);
}

const Context some_context{"Holdfast 1 test", {1, 2, 3}};

bool is_tampered(const auto& result) { return !result && result.error().code == Code::Tampered; }

TEST(Box, OpensToWhatWasSealed) {
  EXPECT_TRUE(rc::check([](const Bytes& plaintext, const std::string& label, const Bytes& where, std::uint64_t seed) {
    TestRandom random(seed);
    const BoxKey key = BoxKey::random(random);
    const Context context{label, where};
    const Bytes box = seal_box(key, context, plaintext, random);
    RC_ASSERT(box.size() == plaintext.size() + box_overhead);
    const auto opened = open_box(key, context, box);
    RC_ASSERT(opened.has_value());
    RC_ASSERT(*opened == plaintext);
    const auto secret = open_box_secret(key, context, box);
    RC_ASSERT(secret.has_value());
    RC_ASSERT(to_bytes(secret->view()) == plaintext);
  }));
}

TEST(Box, OpensOnlyWithItsKeyInItsPlace) {
  TestRandom random(1);
  const Bytes box = seal_box(some_key(1), some_context, Bytes(50, 9), random);
  EXPECT_TRUE(open_box(some_key(1), some_context, box));
  EXPECT_TRUE(is_tampered(open_box(some_key(2), some_context, box)));
  EXPECT_TRUE(is_tampered(open_box(some_key(1), {"Holdfast 1 tess", {1, 2, 3}}, box)));
  EXPECT_TRUE(is_tampered(open_box(some_key(1), {"Holdfast 1 test", {1, 2, 4}}, box)));
  EXPECT_TRUE(is_tampered(open_box(some_key(1), {"Holdfast 1 test", {1, 2}}, box)));
  EXPECT_TRUE(is_tampered(open_box(some_key(1), {"Holdfast 1 test\x01", {2, 3}}, box)));  // the border moved
}

TEST(Box, EveryFlippedBitAndEveryMissingByteIsNoticed) {
  TestRandom random(1);
  const BoxKey key = some_key(1);
  const Bytes box = seal_box(key, some_context, Bytes(20, 9), random);
  for (std::size_t i = 0; i < box.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes changed = box;
      changed[i] ^= static_cast<std::uint8_t>(1u << bit);
      ASSERT_TRUE(is_tampered(open_box(key, some_context, changed))) << i;
    }
    ASSERT_TRUE(is_tampered(open_box(key, some_context, ByteView(box).first(i)))) << i;
  }
  Bytes longer = box;
  longer.push_back(0);
  EXPECT_TRUE(is_tampered(open_box(key, some_context, longer)));
}

TEST(Box, TheErrorTellsThePlaceAndNothingElse) {
  TestRandom random(1);
  Bytes box = seal_box(some_key(1), some_context, Bytes(20, 9), random);
  const auto wrong_key = open_box(some_key(2), some_context, box);
  box.back() ^= 1;
  const auto changed = open_box(some_key(1), some_context, box);
  ASSERT_FALSE(wrong_key || changed);
  EXPECT_EQ(wrong_key.error().sentence, changed.error().sentence);
  EXPECT_EQ(wrong_key.error().object, "Holdfast 1 test");
}

TEST(Box, SaltsDifferForTheSameInputs) {
  TestRandom random(1);
  const BoxKey key = some_key(1);
  const Bytes one = seal_box(key, some_context, Bytes(8, 1), random),
              two = seal_box(key, some_context, Bytes(8, 1), random);
  EXPECT_FALSE(std::equal(one.begin(), one.begin() + 32, two.begin()));
}

// Promise: a copied machine, whose random numbers repeat, reuses no key for two plaintexts or places (DECISIONS A2).
TEST(Box, WithStuckRandomnessTheSaltStillDependsOnPlaceAndPlaintext) {
  StuckRandom stuck;
  const BoxKey key = some_key(1);
  const auto salt_of = [&](const Context& context, const Bytes& plaintext) {
    return Hash::from(ByteView(seal_box(key, context, plaintext, stuck)).first(32));
  };
  const Hash base = salt_of(some_context, {1});
  EXPECT_NE(base, salt_of(some_context, {2}));
  EXPECT_NE(base, salt_of({"Holdfast 1 test", {1, 2, 4}}, {1}));
  EXPECT_EQ(base, salt_of(some_context, {1}));
}

// --- packs ---

PackKey pack_key(std::uint64_t seed) {
  TestRandom random(seed);
  return PackKey::random(random);
}

const Bytes where = {1, 2, 3}, header = {4, 5, 6};
const Hash some_salt = sha256(Bytes{1});

TEST(PackCipher, OpensToWhatWasSealed) {
  EXPECT_TRUE(rc::check([](const Bytes& plaintext, std::uint32_t number, const Bytes& any_header) {
    const PackCipher cipher(pack_key(1), where, some_salt);
    Bytes sealed(plaintext.size() + tag_size), opened(plaintext.size());
    cipher.seal(number, any_header, plaintext, sealed);
    RC_ASSERT(cipher.open(number, any_header, sealed, opened).has_value());
    RC_ASSERT(opened == plaintext);
  }));
}

TEST(PackCipher, WorksInPlace) {
  const PackCipher cipher(pack_key(1), where, some_salt);
  Bytes plaintext(1000, 8), apart(1000 + tag_size), in_place = plaintext;
  cipher.seal(3, header, plaintext, apart);
  in_place.resize(1000 + tag_size);
  cipher.seal(3, header, ByteView(in_place).first(1000), in_place);
  EXPECT_EQ(in_place, apart);
  ASSERT_TRUE(cipher.open(3, header, in_place, std::span(in_place).first(1000)));
  EXPECT_TRUE(std::equal(plaintext.begin(), plaintext.end(), in_place.begin()));
}

TEST(PackCipher, ABlockOpensOnlyAtItsNumberUnderItsHeaderInItsPack) {
  const PackCipher cipher(pack_key(1), where, some_salt);
  Bytes sealed(10 + tag_size), out(10, 1);
  cipher.seal(7, header, Bytes(10, 5), sealed);
  EXPECT_TRUE(cipher.open(7, header, sealed, out));
  EXPECT_TRUE(is_tampered(cipher.open(8, header, sealed, out)));
  EXPECT_TRUE(is_tampered(cipher.open(7 + (1u << 24), header, sealed, out)));
  EXPECT_TRUE(is_tampered(cipher.open(7, Bytes{4, 5, 7}, sealed, out)));
  EXPECT_TRUE(is_tampered(PackCipher(pack_key(2), where, some_salt).open(7, header, sealed, out)));
  EXPECT_TRUE(is_tampered(PackCipher(pack_key(1), Bytes{1, 2}, some_salt).open(7, header, sealed, out)));
  EXPECT_TRUE(is_tampered(PackCipher(pack_key(1), where, sha256({})).open(7, header, sealed, out)));
}

TEST(PackCipher, EveryFlippedByteIsNoticedAndNothingIsGivenOut) {
  const PackCipher cipher(pack_key(1), where, some_salt);
  Bytes sealed(40 + tag_size);
  cipher.seal(0, header, Bytes(40, 5), sealed);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    Bytes changed = sealed, out(40, 1);
    changed[i] ^= 0x80;
    ASSERT_TRUE(is_tampered(cipher.open(0, header, changed, out)));
    ASSERT_EQ(out, Bytes(40)) << "unauthenticated bytes stayed in the caller's buffer";
  }
}

TEST(PackCipher, TheCommitmentIsOfKeyPlaceAndSalt) {
  const Hash base = PackCipher(pack_key(1), where, some_salt).commitment();
  EXPECT_EQ(base, PackCipher(pack_key(1), where, some_salt).commitment());
  EXPECT_NE(base, PackCipher(pack_key(2), where, some_salt).commitment());
  EXPECT_NE(base, PackCipher(pack_key(1), Bytes{1, 2}, some_salt).commitment());
  EXPECT_NE(base, PackCipher(pack_key(1), where, sha256({})).commitment());
}

TEST(PackSalt, IsHedgedOverPlaceAndDirectory) {
  StuckRandom stuck;
  TestRandom random(1);
  const Bytes directory = {9};
  const Hash base = make_pack_salt(pack_key(1), where, directory, stuck);
  EXPECT_EQ(base, make_pack_salt(pack_key(1), where, directory, stuck));
  EXPECT_NE(base, make_pack_salt(pack_key(1), where, Bytes{8}, stuck));
  EXPECT_NE(base, make_pack_salt(pack_key(1), Bytes{1, 2}, directory, stuck));
  EXPECT_NE(make_pack_salt(pack_key(1), where, directory, random),
            make_pack_salt(pack_key(1), where, directory, random));
}

}  // namespace
}  // namespace holdfast::crypto
