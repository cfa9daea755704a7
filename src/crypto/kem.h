// The two halves of X-Wing, by OpenSSL. Included by crypto/*.cpp only.
#pragma once

#include <array>

#include "crypto/openssl.h"

namespace holdfast::crypto {

inline constexpr std::size_t ml_kem_public_size = 1184;
inline constexpr std::size_t ml_kem_ciphertext_size = 1088;

// FIPS 203 KeyGen_internal(d, z) of the 64-byte seed d || z.
Pkey ml_kem_key(ByteView seed);
// nullptr: refused by the modulus check of section 7.2, or of another size.
Pkey ml_kem_public(ByteView encoded);
// Encaps_internal with the 32-byte message m.
[[nodiscard]] bool ml_kem_encapsulate(EVP_PKEY* to, ByteView m,
                                      std::span<std::uint8_t, ml_kem_ciphertext_size> ciphertext,
                                      std::span<std::uint8_t, 32> shared);
// Succeeds for every ciphertext of the right size (implicit rejection); false: of another size.
[[nodiscard]] bool ml_kem_decapsulate(EVP_PKEY* key, ByteView ciphertext, std::span<std::uint8_t, 32> shared);

// RFC 7748.
void x25519_public(ByteView scalar, std::span<std::uint8_t, 32> out);
// false: the other side's point has small order, so that the shared secret would be zero.
[[nodiscard]] bool x25519(ByteView scalar, ByteView point, std::span<std::uint8_t, 32> out);

}  // namespace holdfast::crypto
