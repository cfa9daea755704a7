// The AEADs of OpenSSL behind two calls that always take the key together with the nonce: a context that keeps its key
// would accept a forgotten or repeated nonce in silence (CRYPTO.md section 7). Included by crypto/*.cpp only.
#pragma once

#include <array>
#include <initializer_list>

#include "crypto/openssl.h"

namespace holdfast::crypto {

using AeadNonce = std::array<std::uint8_t, 12>;

// Both take a key of 32 bytes and a tag of 16 after the ciphertext; the pieces of `aad` are taken as one.
// REQUIRES: out.size() == plaintext.size() + 16; no overlap, or the same start
void aead_seal(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce, std::initializer_list<ByteView> aad,
               ByteView plaintext, std::span<std::uint8_t> out);
// false: does not open; `out` is wiped. REQUIRES: out.size() + 16 == sealed.size(); no overlap, or the same start
[[nodiscard]] bool aead_open(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce,
                             std::initializer_list<ByteView> aad, ByteView sealed, std::span<std::uint8_t> out);

}  // namespace holdfast::crypto
