// Signatures over labelled messages (DECISIONS D16, M8): M = {label<V>, H(ed_pk || mldsa_pk), context<V>, H(body)}.
// Hybrid = Ed25519 and ML-DSA-65 over the same M (the label is ML-DSA's context string too); both must verify.
// Plain Ed25519 keys (commit, capability) sign {label<V>, H(ed_pk), context<V>, H(body)}. Ed25519 is strict: canonical
// S, no small order.
#pragma once

#include "crypto/hash.h"

namespace holdfast::crypto {

struct Ed25519PublicTag;
using Ed25519Public = FixedBytes<Ed25519PublicTag, 32>;
struct Ed25519SignatureTag;
using Ed25519Signature = FixedBytes<Ed25519SignatureTag, 64>;
struct MlDsaPublicTag;
using MlDsaPublic = FixedBytes<MlDsaPublicTag, 1952>;
struct MlDsaSignatureTag;
using MlDsaSignature = FixedBytes<MlDsaSignatureTag, 3309>;

struct HybridPublic {
  Ed25519Public ed25519;
  MlDsaPublic mldsa65;
  HOLDFAST_WIRE(ed25519, mldsa65)
  friend bool operator==(const HybridPublic&, const HybridPublic&) = default;
};
struct HybridSignature {
  Ed25519Signature ed25519;
  MlDsaSignature mldsa65;
  HOLDFAST_WIRE(ed25519, mldsa65)
  friend bool operator==(const HybridSignature&, const HybridSignature&) = default;
};

struct SignedMessage {
  std::string label;  // "Holdfast 1 ..."
  Hash signer;        // H(public key), of both halves for a hybrid one
  Bytes context;      // encoding of account, space, epoch, sequence: what it is meant for
  Hash body;
  HOLDFAST_WIRE(label, signer, context, body)
};

struct Ed25519SeedTag;
struct HybridSeedTag;
using Ed25519Seed = Secret<Ed25519SeedTag>;
using HybridSeed = Secret<HybridSeedTag, 64>;  // Ed25519 seed || ML-DSA-65 seed: two independent halves

class Ed25519Key {
 public:
  explicit Ed25519Key(const Ed25519Seed& seed);
  ~Ed25519Key();
  Ed25519Key(Ed25519Key&&) noexcept;
  Ed25519Key& operator=(Ed25519Key&&) noexcept;
  [[nodiscard]] const Ed25519Public& public_key() const;
  [[nodiscard]] Ed25519Signature sign(std::string_view label, ByteView context, const Hash& body) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HybridKey {
 public:
  explicit HybridKey(const HybridSeed& seed);
  ~HybridKey();
  HybridKey(HybridKey&&) noexcept;
  HybridKey& operator=(HybridKey&&) noexcept;
  [[nodiscard]] const HybridPublic& public_key() const;
  [[nodiscard]] HybridSignature sign(std::string_view label, ByteView context, const Hash& body,
                                     Random& random) const;  // hedged

 private:
  struct State;
  std::unique_ptr<State> state_;
};

[[nodiscard]] bool verify(const Ed25519Public& key, std::string_view label, ByteView context, const Hash& body,
                          const Ed25519Signature& signature);
[[nodiscard]] bool verify(const HybridPublic& key, std::string_view label, ByteView context, const Hash& body,
                          const HybridSignature& signature);

// Bare algorithms, for notes (C2SP), capabilities' public checks and vectors.
[[nodiscard]] bool ed25519_verify(const Ed25519Public& key, ByteView message, const Ed25519Signature& signature);
[[nodiscard]] Ed25519Signature ed25519_sign(const Ed25519Seed& seed, ByteView message);

}  // namespace holdfast::crypto
