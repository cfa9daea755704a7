// HPKE's key schedule (RFC 9180 section 5.1, mode base, KDF HKDF-SHA256) over X-Wing. The AEAD is a parameter only
// because no third party's vector has HF1's own one (DECISIONS M15); hpke.cpp passes 0x0002. Included by crypto/*.cpp
// only.
#pragma once

#include "crypto/aead.h"
#include "crypto/hpke.h"

namespace holdfast::crypto {

enum class HpkeAead : std::uint16_t { aes_256_gcm = 2, chacha20_poly1305 = 3 };

struct HpkeContext {
  HpkeAead aead;
  Secret<struct HpkeKeyTag> key;
  AeadNonce base_nonce;
  Secret<struct HpkeExporterTag> exporter;

  [[nodiscard]] const EVP_CIPHER* cipher() const;
  [[nodiscard]] AeadNonce nonce(std::uint64_t sequence) const;
};

[[nodiscard]] HpkeContext hpke_schedule(HpkeAead aead, const KemShared& shared, ByteView info);
// LabeledExpand(secret, label, context, L) of RFC 9180 section 4.
void hpke_expand(HpkeAead aead, ByteView secret, std::string_view label, ByteView context, std::span<std::uint8_t> out);

}  // namespace holdfast::crypto
