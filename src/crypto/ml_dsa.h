// ML-DSA-65 (FIPS 204, pure, with a context string) by OpenSSL. Included by crypto/*.cpp only.
#pragma once

#include "crypto/openssl.h"
#include "crypto/signature.h"

namespace holdfast::crypto {

// From the 32-byte seed.
Pkey ml_dsa_key(ByteView seed);
// What is signed: a message, or FIPS 204's mu in its place (vectors only).
enum class MlDsaInput { message, mu };
// `entropy` is the 32 bytes of FIPS 204's rnd. nullopt: the context is longer than 255 bytes.
std::optional<MlDsaSignature> ml_dsa_sign(EVP_PKEY* key, ByteView context, ByteView input, ByteView entropy,
                                          MlDsaInput kind = MlDsaInput::message);
bool ml_dsa_verify(const MlDsaPublic& key, ByteView context, ByteView message, const MlDsaSignature& signature);

}  // namespace holdfast::crypto
