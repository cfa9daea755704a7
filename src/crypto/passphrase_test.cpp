#include "crypto/passphrase.h"

#include <gtest/gtest.h>

namespace holdfast::crypto {
namespace {

SecretBytes passphrase(std::string_view text) { return SecretBytes(to_bytes(as_bytes(text))); }

TEST(PassphraseKey, DependsOnPassphraseSaltAndParameters) {
  const Argon2Parameters parameters;
  Argon2Parameters salted = parameters, more = parameters;
  salted.salt[15] = 1;
  more.passes = 4;
  const auto base = passphrase_key(passphrase("correct horse"), parameters);
  ASSERT_TRUE(base);
  EXPECT_EQ(*base, *passphrase_key(passphrase("correct horse"), parameters));
  EXPECT_FALSE(*base == *passphrase_key(passphrase("correct horsf"), parameters));
  EXPECT_FALSE(*base == *passphrase_key(passphrase("correct horse"), salted));
  EXPECT_FALSE(*base == *passphrase_key(passphrase("correct horse"), more));
  EXPECT_TRUE(passphrase_key(passphrase(""), parameters));
}

// Promise: a changed key file can neither weaken the parameters nor take all memory (CRYPTO.md section 7).
TEST(PassphraseKey, ParametersOutsideOfTheBoundsAreRefused) {
  for (const auto& [memory_kib, passes] : {std::pair{64u * 1024 - 1, 3u},
                                           {1024u * 1024 + 1, 3u},
                                           {64u * 1024, 2u},
                                           {64u * 1024, 17u},
                                           {0u, 0u},
                                           {0xffffffffu, 0xffffffffu}}) {
    const auto key = passphrase_key(passphrase("x"), {memory_kib, passes, {}});
    ASSERT_FALSE(key) << memory_kib << " " << passes;
    EXPECT_EQ(key.error().code, Code::Malformed);
  }
}

TEST(StartCrypto, FindsTheInstallationInOrder) {
  const Status started = start_crypto();
  EXPECT_TRUE(started) << started.error().sentence << ": " << started.error().object;
}

}  // namespace
}  // namespace holdfast::crypto
