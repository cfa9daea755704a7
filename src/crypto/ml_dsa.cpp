#include "crypto/ml_dsa.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "crypto/key_room.h"

namespace holdfast::crypto {

namespace {

// An empty context is a context too, but OpenSSL refuses a parameter without an address.
OSSL_PARAM octets(const char* name, ByteView bytes) {
  static std::uint8_t nowhere = 0;
  return OSSL_PARAM_construct_octet_string(name, bytes.empty() ? &nowhere : const_cast<std::uint8_t*>(bytes.data()),
                                           bytes.size());
}

}  // namespace

Pkey ml_dsa_key(ByteView seed) {
  Pkey key = key_from("ML-DSA-65", OSSL_PKEY_PARAM_ML_DSA_SEED, seed, EVP_PKEY_KEYPAIR);
  require(key != nullptr, "ML-DSA-65 key generation");
  return key;
}

std::optional<MlDsaSignature> ml_dsa_sign(EVP_PKEY* key, ByteView context, ByteView input, ByteView entropy,
                                          MlDsaInput kind) {
  const PkeyContext operation = new_pkey_context(key);
  int is_mu = kind == MlDsaInput::mu ? 1 : 0;
  const OSSL_PARAM parameters[] = {
      octets(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, context), octets(OSSL_SIGNATURE_PARAM_TEST_ENTROPY, entropy),
      OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_MU, &is_mu), OSSL_PARAM_construct_end()};
  if (EVP_PKEY_sign_message_init(operation.get(), openssl().ml_dsa_65, parameters) != 1) {
    forget_errors();
    return std::nullopt;
  }
  MlDsaSignature out;
  std::size_t size = out.bytes.size();
  require(EVP_PKEY_sign(operation.get(), out.bytes.data(), &size, input.data(), input.size()) == 1 &&
              size == out.bytes.size(),
          "EVP_PKEY_sign");
  return out;
}

bool ml_dsa_verify(const MlDsaPublic& key, ByteView context, ByteView message, const MlDsaSignature& signature) {
  const Pkey parsed = key_from("ML-DSA-65", OSSL_PKEY_PARAM_PUB_KEY, key.view(), EVP_PKEY_PUBLIC_KEY);
  if (parsed == nullptr) return false;
  const PkeyContext operation = new_pkey_context(parsed.get());
  const OSSL_PARAM parameters[] = {octets(OSSL_SIGNATURE_PARAM_CONTEXT_STRING, context), OSSL_PARAM_construct_end()};
  const bool holds = EVP_PKEY_verify_message_init(operation.get(), openssl().ml_dsa_65, parameters) == 1 &&
                     EVP_PKEY_verify(operation.get(), signature.bytes.data(), signature.bytes.size(), message.data(),
                                     message.size()) == 1;
  if (!holds) forget_errors();
  return holds;
}

}  // namespace holdfast::crypto
