// What test vectors need and Holdfast itself must never have: nonces, ephemeral keys and hedging values that are given
// from outside, keys as raw bytes, another AEAD for HPKE. Included by apps/holdfast-vectors and by tests, by nothing
// else.
#pragma once

#include <memory>

#include "crypto/hpke.h"
#include "crypto/signature.h"

namespace holdfast::crypto::vectors {

// AES-256-GCM. REQUIRES: a key of 32 bytes, a nonce of 12
[[nodiscard]] Bytes aes_256_gcm_seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext);
[[nodiscard]] std::optional<Bytes> aes_256_gcm_open(ByteView key, ByteView nonce, ByteView aad, ByteView sealed);

// nullopt: refused. REQUIRES: a scalar of 32 bytes
[[nodiscard]] std::optional<Bytes> x25519(ByteView scalar, ByteView point);

// ML-KEM-768. nullopt: refused, also for a wrong size.
struct MlKemKeys {
  Bytes public_key;   // ek
  Bytes private_key;  // dk, expanded: 2400 bytes
};
struct MlKemEncapsulated {
  Bytes ciphertext;
  Bytes shared;
};
[[nodiscard]] std::optional<MlKemKeys> ml_kem_keys(ByteView seed);
[[nodiscard]] std::optional<MlKemEncapsulated> ml_kem_encapsulate(ByteView public_key, ByteView m);
[[nodiscard]] std::optional<Bytes> ml_kem_decapsulate(ByteView seed, ByteView ciphertext);
[[nodiscard]] std::optional<Bytes> ml_kem_decapsulate_expanded(ByteView private_key, ByteView ciphertext);

// ML-DSA-65. nullopt or false: refused, also for a wrong size. `entropy` is FIPS 204's rnd.
[[nodiscard]] std::optional<Bytes> ml_dsa_public(ByteView seed);
[[nodiscard]] std::optional<Bytes> ml_dsa_sign(ByteView seed, ByteView context, ByteView message, ByteView entropy);
// From mu, the hash of FIPS 204 algorithm 7 line 6, in place of a message.
[[nodiscard]] std::optional<Bytes> ml_dsa_sign_mu(ByteView seed, ByteView mu, ByteView entropy);
[[nodiscard]] bool ml_dsa_verify(ByteView public_key, ByteView context, ByteView message, ByteView signature);

[[nodiscard]] Bytes shake256(ByteView message, std::size_t size);

// X-Wing; eseed is 64 bytes.
[[nodiscard]] Result<Encapsulated> xwing_encapsulate(const XWingPublic& to, ByteView eseed);
// DeriveKeyPair of draft-ietf-hpke-pq for KEM 0x647a: the seed of the key pair.
[[nodiscard]] Bytes hpke_derive_seed(ByteView ikm);

// A whole HPKE context, mode base, KDF 0x0001; aead_id 2 or 3.
class Hpke {
 public:
  Hpke(std::uint16_t aead_id, ByteView shared_secret, ByteView info);
  ~Hpke();
  [[nodiscard]] Bytes key() const;
  [[nodiscard]] Bytes exporter_secret() const;
  [[nodiscard]] Bytes nonce(std::uint64_t sequence) const;
  [[nodiscard]] Bytes seal(std::uint64_t sequence, ByteView aad, ByteView plaintext) const;
  [[nodiscard]] std::optional<Bytes> open(std::uint64_t sequence, ByteView aad, ByteView sealed) const;
  [[nodiscard]] Bytes exported(ByteView exporter_context, std::size_t size) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::crypto::vectors
