#include "crypto/vector_support.h"

#include <openssl/core_names.h>

#include <stdexcept>

#include "crypto/aead.h"
#include "crypto/box.h"
#include "crypto/hpke_schedule.h"
#include "crypto/kem.h"
#include "crypto/ml_dsa.h"
#include "crypto/xwing.h"

namespace holdfast::crypto::vectors {

namespace {

AeadNonce nonce_from(ByteView bytes) {
  AeadNonce out{};
  if (bytes.size() != out.size()) throw std::logic_error("a nonce has 12 bytes");
  std::copy(bytes.begin(), bytes.end(), out.begin());
  return out;
}

Bytes seal_with(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce, ByteView aad, ByteView plaintext) {
  Bytes out(plaintext.size() + tag_size);
  aead_seal(cipher, key, nonce, {aad}, plaintext, out);
  return out;
}

std::optional<Bytes> open_with(const EVP_CIPHER* cipher, ByteView key, const AeadNonce& nonce, ByteView aad,
                               ByteView sealed) {
  if (sealed.size() < tag_size) return std::nullopt;
  Bytes out(sealed.size() - tag_size);
  if (!aead_open(cipher, key, nonce, {aad}, sealed, out)) return std::nullopt;
  return out;
}

std::optional<Bytes> decapsulate_with(EVP_PKEY* key, ByteView ciphertext) {
  std::array<std::uint8_t, 32> shared;
  if (!crypto::ml_kem_decapsulate(key, ciphertext, shared)) return std::nullopt;
  return to_bytes(shared);
}

}  // namespace

Bytes aes_256_gcm_seal(ByteView key, ByteView nonce, ByteView aad, ByteView plaintext) {
  return seal_with(openssl().aes_256_gcm, key, nonce_from(nonce), aad, plaintext);
}

std::optional<Bytes> aes_256_gcm_open(ByteView key, ByteView nonce, ByteView aad, ByteView sealed) {
  return open_with(openssl().aes_256_gcm, key, nonce_from(nonce), aad, sealed);
}

std::optional<Bytes> x25519(ByteView scalar, ByteView point) {
  std::array<std::uint8_t, 32> out;
  if (!crypto::x25519(scalar, point, out)) return std::nullopt;
  return to_bytes(out);
}

std::optional<MlKemKeys> ml_kem_keys(ByteView seed) {
  if (seed.size() != 64) return std::nullopt;
  const Pkey key = ml_kem_key(seed);
  MlKemKeys out{Bytes(ml_kem_public_size), Bytes(2400)};
  read_key(key.get(), OSSL_PKEY_PARAM_PUB_KEY, out.public_key);
  read_key(key.get(), OSSL_PKEY_PARAM_PRIV_KEY, out.private_key);
  return out;
}

std::optional<MlKemEncapsulated> ml_kem_encapsulate(ByteView public_key, ByteView m) {
  const Pkey key = ml_kem_public(public_key);
  if (key == nullptr) return std::nullopt;
  std::array<std::uint8_t, ml_kem_ciphertext_size> ciphertext;
  std::array<std::uint8_t, 32> shared;
  if (!crypto::ml_kem_encapsulate(key.get(), m, ciphertext, shared)) return std::nullopt;
  return MlKemEncapsulated{to_bytes(ciphertext), to_bytes(shared)};
}

std::optional<Bytes> ml_kem_decapsulate(ByteView seed, ByteView ciphertext) {
  if (seed.size() != 64) return std::nullopt;
  return decapsulate_with(ml_kem_key(seed).get(), ciphertext);
}

std::optional<Bytes> ml_kem_decapsulate_expanded(ByteView private_key, ByteView ciphertext) {
  const Pkey key = key_from("ML-KEM-768", OSSL_PKEY_PARAM_PRIV_KEY, private_key, EVP_PKEY_KEYPAIR);
  if (key == nullptr) return std::nullopt;
  return decapsulate_with(key.get(), ciphertext);
}

std::optional<Bytes> ml_dsa_public(ByteView seed) {
  if (seed.size() != 32) return std::nullopt;
  Bytes out(MlDsaPublic::size);
  read_key(ml_dsa_key(seed).get(), OSSL_PKEY_PARAM_PUB_KEY, out);
  return out;
}

std::optional<Bytes> ml_dsa_sign(ByteView seed, ByteView context, ByteView message, ByteView entropy) {
  if (seed.size() != 32) return std::nullopt;
  const auto signature = crypto::ml_dsa_sign(ml_dsa_key(seed).get(), context, message, entropy);
  if (!signature) return std::nullopt;
  return to_bytes(signature->view());
}

std::optional<Bytes> ml_dsa_sign_mu(ByteView seed, ByteView mu, ByteView entropy) {
  if (seed.size() != 32 || mu.size() != 64) return std::nullopt;
  const auto signature = crypto::ml_dsa_sign(ml_dsa_key(seed).get(), {}, mu, entropy, MlDsaInput::mu);
  if (!signature) return std::nullopt;
  return to_bytes(signature->view());
}

bool ml_dsa_verify(ByteView public_key, ByteView context, ByteView message, ByteView signature) {
  if (public_key.size() != MlDsaPublic::size || signature.size() != MlDsaSignature::size) return false;
  return crypto::ml_dsa_verify(MlDsaPublic::from(public_key), context, message, MlDsaSignature::from(signature));
}

Bytes shake256(ByteView message, std::size_t size) {
  Bytes out(size);
  crypto::shake256({message}, out);
  return out;
}

Result<Encapsulated> xwing_encapsulate(const XWingPublic& to, ByteView eseed) {
  return xwing_encapsulate_with(to, eseed);
}

Bytes hpke_derive_seed(ByteView ikm) {
  constexpr std::string_view label = "DeriveKeyPair";
  Writer input;
  input.raw(ikm);
  input.raw(as_bytes("HPKE-v1KEM"));
  input.big_endian(0x647a, 2);
  input.big_endian(label.size(), 2);
  input.raw(as_bytes(label));
  input.big_endian(XWingSeed::size, 2);
  return shake256(std::move(input).take(), XWingSeed::size);
}

struct Hpke::State {
  HpkeContext context;
};

Hpke::Hpke(std::uint16_t aead_id, ByteView shared_secret, ByteView info)
    : state_(new State{hpke_schedule(HpkeAead{aead_id}, KemShared::copy_of(shared_secret), info)}) {}
Hpke::~Hpke() = default;
Bytes Hpke::key() const { return to_bytes(KeyRoom::bytes(state_->context.key)); }
Bytes Hpke::exporter_secret() const { return to_bytes(KeyRoom::bytes(state_->context.exporter)); }
Bytes Hpke::nonce(std::uint64_t sequence) const { return to_bytes(state_->context.nonce(sequence)); }

Bytes Hpke::seal(std::uint64_t sequence, ByteView aad, ByteView plaintext) const {
  const HpkeContext& context = state_->context;
  return seal_with(context.cipher(), KeyRoom::bytes(context.key), context.nonce(sequence), aad, plaintext);
}

std::optional<Bytes> Hpke::open(std::uint64_t sequence, ByteView aad, ByteView sealed) const {
  const HpkeContext& context = state_->context;
  return open_with(context.cipher(), KeyRoom::bytes(context.key), context.nonce(sequence), aad, sealed);
}

Bytes Hpke::exported(ByteView exporter_context, std::size_t size) const {
  Bytes out(size);
  hpke_expand(state_->context.aead, KeyRoom::bytes(state_->context.exporter), "sec", exporter_context, out);
  return out;
}

}  // namespace holdfast::crypto::vectors
