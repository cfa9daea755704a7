#include "crypto/signature.h"

#include <openssl/core_names.h>
#include <sodium.h>

#include <stdexcept>

#include "crypto/ml_dsa.h"

namespace holdfast::crypto {

namespace {

using Ed25519Expanded = Secret<struct Ed25519ExpandedTag, 64>;  // libsodium's form: seed || public key

Hash signer_of(const Ed25519Public& key) { return sha256(key.view()); }
Hash signer_of(const HybridPublic& key) {
  Sha256 hash;
  hash.update(key.ed25519.view());
  hash.update(key.mldsa65.view());
  return hash.finish();
}

Bytes message_of(std::string_view label, const Hash& signer, ByteView context, const Hash& body) {
  return encode(SignedMessage{std::string(label), signer, to_bytes(context), body});
}

Ed25519Expanded expand_seed(ByteView seed, Ed25519Public& public_key) {
  require(sodium_ready(), "sodium_init");
  return KeyRoom::make<Ed25519Expanded>([&](std::span<std::uint8_t> out) {
    require(crypto_sign_ed25519_seed_keypair(public_key.bytes.data(), out.data(), seed.data()) == 0,
            "Ed25519 key generation");
  });
}

Ed25519Signature sign_with(const Ed25519Expanded& key, ByteView message) {
  Ed25519Signature out;
  require(crypto_sign_ed25519_detached(out.bytes.data(), nullptr, message.data(), message.size(),
                                       KeyRoom::bytes(key).data()) == 0,
          "Ed25519 signing");
  return out;
}

}  // namespace

struct Ed25519Key::State {
  Ed25519Public public_key;
  Hash signer;
  Ed25519Expanded expanded;
  explicit State(const Ed25519Seed& seed) : expanded(expand_seed(KeyRoom::bytes(seed), public_key)) {
    signer = signer_of(public_key);
  }
};

Ed25519Key::Ed25519Key(const Ed25519Seed& seed) : state_(std::make_unique<State>(seed)) {}
Ed25519Key::~Ed25519Key() = default;
Ed25519Key::Ed25519Key(Ed25519Key&&) noexcept = default;
Ed25519Key& Ed25519Key::operator=(Ed25519Key&&) noexcept = default;
const Ed25519Public& Ed25519Key::public_key() const { return state_->public_key; }

Ed25519Signature Ed25519Key::sign(std::string_view label, ByteView context, const Hash& body) const {
  return sign_with(state_->expanded, message_of(label, state_->signer, context, body));
}

struct HybridKey::State {
  HybridPublic public_key;
  Hash signer;
  Ed25519Expanded expanded;
  Pkey ml_dsa;
  explicit State(ByteView seed)
      : expanded(expand_seed(seed.first(32), public_key.ed25519)), ml_dsa(ml_dsa_key(seed.subspan(32))) {
    read_key(ml_dsa.get(), OSSL_PKEY_PARAM_PUB_KEY, public_key.mldsa65.bytes);
    signer = signer_of(public_key);
  }
};

HybridKey::HybridKey(const HybridSeed& seed) : state_(std::make_unique<State>(KeyRoom::bytes(seed))) {}
HybridKey::~HybridKey() = default;
HybridKey::HybridKey(HybridKey&&) noexcept = default;
HybridKey& HybridKey::operator=(HybridKey&&) noexcept = default;
const HybridPublic& HybridKey::public_key() const { return state_->public_key; }

HybridSignature HybridKey::sign(std::string_view label, ByteView context, const Hash& body, Random& random) const {
  const Bytes message = message_of(label, state_->signer, context, body);
  Wiped<32> entropy;
  random.fill(entropy.bytes);
  const auto ml_dsa = ml_dsa_sign(state_->ml_dsa.get(), as_bytes(label), message, entropy.bytes);
  if (!ml_dsa) throw std::logic_error("the label of a hybrid signature is longer than 255 bytes");
  return {sign_with(state_->expanded, message), *ml_dsa};
}

bool verify(const Ed25519Public& key, std::string_view label, ByteView context, const Hash& body,
            const Ed25519Signature& signature) {
  return ed25519_verify(key, message_of(label, signer_of(key), context, body), signature);
}

bool verify(const HybridPublic& key, std::string_view label, ByteView context, const Hash& body,
            const HybridSignature& signature) {
  const Bytes message = message_of(label, signer_of(key), context, body);
  return ed25519_verify(key.ed25519, message, signature.ed25519) &&
         ml_dsa_verify(key.mldsa65, as_bytes(label), message, signature.mldsa65);
}

bool ed25519_verify(const Ed25519Public& key, ByteView message, const Ed25519Signature& signature) {
  require(sodium_ready(), "sodium_init");
  return crypto_sign_ed25519_verify_detached(signature.bytes.data(), message.data(), message.size(),
                                             key.bytes.data()) == 0;
}

Ed25519Signature ed25519_sign(const Ed25519Seed& seed, ByteView message) {
  Ed25519Public unused;
  return sign_with(expand_seed(KeyRoom::bytes(seed), unused), message);
}

}  // namespace holdfast::crypto
