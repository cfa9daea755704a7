// X-Wing with its randomness given (draft-connolly-cfrg-xwing-kem, EncapsulateDerand). Included by crypto/*.cpp only.
#pragma once

#include "crypto/hpke.h"

namespace holdfast::crypto {

// eseed is 64 bytes: ML-KEM's m, then the ephemeral X25519 scalar.
[[nodiscard]] Result<Encapsulated> xwing_encapsulate_with(const XWingPublic& to, ByteView eseed);
// SHAKE256 of the concatenation of `pieces`.
void shake256(std::initializer_list<ByteView> pieces, std::span<std::uint8_t> out);

}  // namespace holdfast::crypto
