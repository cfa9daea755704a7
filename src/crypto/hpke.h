// X-Wing (draft-connolly-cfrg-xwing-kem) and HPKE mode base over it: KEM 0x647a, KDF 0x0001, AEAD 0x0002 (M15).
#pragma once

#include "crypto/hash.h"

namespace holdfast::crypto {

struct XWingPublicTag;
using XWingPublic = FixedBytes<XWingPublicTag, 1216>;
struct XWingCiphertextTag;
using XWingCiphertext = FixedBytes<XWingCiphertextTag, 1120>;
struct XWingSeedTag;
using XWingSeed = Secret<XWingSeedTag>;
struct KemSharedTag;
using KemShared = Secret<KemSharedTag>;

class XWingKey {  // the expanded private key
 public:
  explicit XWingKey(const XWingSeed& seed);
  ~XWingKey();
  XWingKey(XWingKey&&) noexcept;
  XWingKey& operator=(XWingKey&&) noexcept;
  [[nodiscard]] const XWingPublic& public_key() const;
  // Never tells a changed ciphertext (implicit rejection): what is opened with the secret does.
  [[nodiscard]] Result<KemShared> decapsulate(const XWingCiphertext& ciphertext) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

struct Encapsulated {
  XWingCiphertext ciphertext;
  KemShared secret;
};
[[nodiscard]] Result<Encapsulated> xwing_encapsulate(const XWingPublic& to, Random& random);  // 64 bytes of random

// enc(1120) || ciphertext || tag, sealed once to one recipient (RFC 9180 section 6.1).
inline constexpr std::size_t hpke_overhead = 1120 + 16;
[[nodiscard]] Result<Bytes> hpke_seal(const XWingPublic& to, ByteView info, ByteView plaintext, Random& random);
[[nodiscard]] Result<SecretBytes> hpke_open(const XWingKey& key, ByteView info, ByteView sealed);

}  // namespace holdfast::crypto
