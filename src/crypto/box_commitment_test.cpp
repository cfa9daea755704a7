// Promise: a box opens under one key (DECISIONS A2), although AES-GCM does not promise that of a ciphertext.
// Method: the attack itself ("invisible salamanders"). Somebody who knows two keys solves one linear equation in
// GF(2^128) and has a ciphertext and tag that open under both; only the commitment stands in the way.
#include <gtest/gtest.h>

#include "crypto/aead.h"
#include "crypto/box.h"
#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

using Block = std::array<std::uint8_t, 16>;
using BoxKey = Secret<struct CommitmentTestKeyTag>;

struct KeyInput {  // as DECISIONS D16 has it
  std::string label;
  Bytes context;
  Hash salt;
  HOLDFAST_WIRE(label, context, salt)
};

const Context some_context{"Holdfast 1 test", {1, 2, 3}};

Hash derived(const BoxKey& key, std::string label, const Hash& salt) {
  return Hmac(key).of(encode(KeyInput{std::move(label), encode(some_context), salt}));
}

Block aes(const Hash& key, const Block& in) {
  EVP_CIPHER* cipher = EVP_CIPHER_fetch(openssl().context, "AES-256-ECB", nullptr);
  const CipherContext context(EVP_CIPHER_CTX_new());
  Block out;
  int size = 0;
  EXPECT_EQ(EVP_EncryptInit_ex2(context.get(), cipher, key.bytes.data(), nullptr, nullptr), 1);
  EXPECT_EQ(EVP_EncryptUpdate(context.get(), out.data(), &size, in.data(), 16), 1);
  EVP_CIPHER_free(cipher);
  return out;
}

Block operator^(Block a, const Block& b) {
  for (std::size_t i = 0; i < 16; ++i) a[i] ^= b[i];
  return a;
}

Block multiply(Block x, const Block& y) {  // in GCM's field and bit order
  Block out{};
  for (int bit = 0; bit < 128; ++bit) {
    if (y[bit / 8] >> (7 - bit % 8) & 1) out = out ^ x;
    const bool carry = x[15] & 1;
    for (std::size_t i = 15; i > 0; --i) x[i] = static_cast<std::uint8_t>(x[i] >> 1 | x[i - 1] << 7);
    x[0] = static_cast<std::uint8_t>(x[0] >> 1 ^ (carry ? 0xe1 : 0));
  }
  return out;
}

Block inverse(const Block& x) {  // x^(2^128 - 2)
  Block out{0x80}, square = x;
  for (int i = 1; i < 128; ++i) {
    square = multiply(square, square);
    out = multiply(out, square);
  }
  return out;
}

// One block of ciphertext and its tag that are valid under both keys with nonce 0:
// c * h^2 + length * h + mask is the same for both.
Bytes sealed_under_both(const Hash& first, const Hash& second) {
  const Block counter{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
      length{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 128};
  const Block h1 = aes(first, {}), h2 = aes(second, {}), mask1 = aes(first, counter), mask2 = aes(second, counter);
  const Block sum = multiply(length, h1 ^ h2) ^ mask1 ^ mask2;
  const Block c = multiply(sum, inverse(multiply(h1, h1) ^ multiply(h2, h2)));
  const Block tag = multiply(c, multiply(h1, h1)) ^ multiply(length, h1) ^ mask1;
  Bytes out(c.begin(), c.end());
  append(out, tag);
  return out;
}

TEST(Box, OpensUnderOneKeyAlsoWhereGcmOpensUnderTwo) {
  TestRandom random(1);
  const BoxKey keys[] = {BoxKey::random(random), BoxKey::random(random)};
  const Hash salt = random.make<Hash>();
  const Hash box_keys[] = {derived(keys[0], "Holdfast 1 box key", salt), derived(keys[1], "Holdfast 1 box key", salt)};
  const Bytes sealed = sealed_under_both(box_keys[0], box_keys[1]);
  Bytes opened(16);
  ASSERT_TRUE(aead_open(openssl().aes_256_gcm, box_keys[0].view(), {}, {}, sealed, opened))
      << "the attack on bare AES-GCM";
  ASSERT_TRUE(aead_open(openssl().aes_256_gcm, box_keys[1].view(), {}, {}, sealed, opened)) << "must work";
  for (int committed = 0; committed < 2; ++committed) {
    Bytes box = to_bytes(salt.view());
    append(box, derived(keys[committed], "Holdfast 1 box commitment", salt).view());
    append(box, sealed);
    EXPECT_TRUE(open_box(keys[committed], some_context, box));
    const auto other = open_box(keys[1 - committed], some_context, box);
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Code::Tampered);
  }
}

}  // namespace
}  // namespace holdfast::crypto
