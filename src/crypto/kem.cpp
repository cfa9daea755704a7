#include "crypto/kem.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

namespace holdfast::crypto {

namespace {

bool quietly(bool succeeded) {
  if (!succeeded) forget_errors();
  return succeeded;
}

Pkey x25519_key(ByteView scalar) {
  Pkey key(EVP_PKEY_new_raw_private_key_ex(openssl().context, "X25519", nullptr, scalar.data(), scalar.size()));
  require(key != nullptr, "X25519 private key");
  return key;
}

}  // namespace

Pkey ml_kem_key(ByteView seed) {
  Pkey key = key_from("ML-KEM-768", OSSL_PKEY_PARAM_ML_KEM_SEED, seed, EVP_PKEY_KEYPAIR);
  require(key != nullptr, "ML-KEM-768 key generation");
  return key;
}

Pkey ml_kem_public(ByteView encoded) {
  return key_from("ML-KEM-768", OSSL_PKEY_PARAM_PUB_KEY, encoded, EVP_PKEY_PUBLIC_KEY);
}

bool ml_kem_encapsulate(EVP_PKEY* to, ByteView m, std::span<std::uint8_t, ml_kem_ciphertext_size> ciphertext,
                        std::span<std::uint8_t, 32> shared) {
  const PkeyContext operation = new_pkey_context(to);
  const OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(OSSL_KEM_PARAM_IKME, const_cast<std::uint8_t*>(m.data()), m.size()),
      OSSL_PARAM_construct_end()};
  std::size_t ciphertext_size = ciphertext.size(), shared_size = shared.size();
  return quietly(
      EVP_PKEY_encapsulate_init(operation.get(), parameters) == 1 &&
      EVP_PKEY_encapsulate(operation.get(), ciphertext.data(), &ciphertext_size, shared.data(), &shared_size) == 1 &&
      ciphertext_size == ciphertext.size() && shared_size == shared.size());
}

bool ml_kem_decapsulate(EVP_PKEY* key, ByteView ciphertext, std::span<std::uint8_t, 32> shared) {
  const PkeyContext operation = new_pkey_context(key);
  std::size_t shared_size = shared.size();
  return quietly(
      EVP_PKEY_decapsulate_init(operation.get(), nullptr) == 1 &&
      EVP_PKEY_decapsulate(operation.get(), shared.data(), &shared_size, ciphertext.data(), ciphertext.size()) == 1 &&
      shared_size == shared.size());
}

void x25519_public(ByteView scalar, std::span<std::uint8_t, 32> out) {
  std::size_t size = out.size();
  require(EVP_PKEY_get_raw_public_key(x25519_key(scalar).get(), out.data(), &size) == 1 && size == out.size(),
          "X25519 public key");
}

bool x25519(ByteView scalar, ByteView point, std::span<std::uint8_t, 32> out) {
  const Pkey own = x25519_key(scalar);
  const Pkey peer(EVP_PKEY_new_raw_public_key_ex(openssl().context, "X25519", nullptr, point.data(), point.size()));
  if (!quietly(peer != nullptr)) return false;
  const PkeyContext operation = new_pkey_context(own.get());
  std::size_t size = out.size();
  return quietly(EVP_PKEY_derive_init(operation.get()) == 1 &&
                 EVP_PKEY_derive_set_peer_ex(operation.get(), peer.get(), 0) == 1 &&
                 EVP_PKEY_derive(operation.get(), out.data(), &size) == 1 && size == out.size());
}

}  // namespace holdfast::crypto
