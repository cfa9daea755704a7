// Argon2id (RFC 9106) for passphrases: 64 MiB, t = 3, p = 1 by default. Stored parameters are accepted only between the
// default and an upper bound, so that a changed file can neither weaken them nor exhaust memory.
#pragma once

#include "crypto/hash.h"

namespace holdfast::crypto {

struct Argon2Parameters {
  std::uint32_t memory_kib = 64 * 1024;  // 64 MiB .. 1 GiB
  std::uint32_t passes = 3;              // 3 .. 16
  std::array<std::uint8_t, 16> salt{};
  HOLDFAST_WIRE(memory_kib, passes, salt)
};
struct PassphraseKeyTag;
using PassphraseKey = Secret<PassphraseKeyTag>;
[[nodiscard]] Result<PassphraseKey> passphrase_key(const SecretBytes& passphrase, const Argon2Parameters& parameters);

// Checks the loaded libraries (both OpenSSL halves >= 3.5, libsodium), fetches all algorithms once, runs known answers.
// The programs call it first; Internal says what is wrong with the installation.
[[nodiscard]] Status start_crypto();

}  // namespace holdfast::crypto
