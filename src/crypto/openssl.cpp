#include "crypto/openssl.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <sodium.h>

#include <stdexcept>

static_assert(OPENSSL_VERSION_PREREQ(3, 5), "Holdfast needs the headers of OpenSSL 3.5 or newer");

namespace holdfast::crypto {

namespace {

// Kept for ever, like the fetched algorithms: objects with contexts may end after main. Hence no cleanup at exit
// either.
OpenSsl load() {
  OpenSsl out;
  require(OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, nullptr) == 1,
          "OPENSSL_init_crypto");
  out.context = OSSL_LIB_CTX_new();
  require(out.context != nullptr, "OSSL_LIB_CTX_new");
  const auto fetch = [&](auto function, const char* name) {
    auto* algorithm = function(out.context, name, nullptr);
    if (algorithm == nullptr && out.missing == nullptr) out.missing = name;
    return algorithm;
  };
  out.sha256 = fetch(EVP_MD_fetch, "SHA2-256");
  out.sha3_256 = fetch(EVP_MD_fetch, "SHA3-256");
  out.shake256 = fetch(EVP_MD_fetch, "SHAKE-256");
  out.aes_256_gcm = fetch(EVP_CIPHER_fetch, "AES-256-GCM");
  out.chacha20_poly1305 = fetch(EVP_CIPHER_fetch, "ChaCha20-Poly1305");
  out.ml_dsa_65 = fetch(EVP_SIGNATURE_fetch, "ML-DSA-65");
  for (const char* name : {"ML-KEM-768", "X25519"}) {
    EVP_KEYMGMT* found = fetch(EVP_KEYMGMT_fetch, name);
    EVP_KEYMGMT_free(found);
  }
  forget_errors();
  return out;
}

}  // namespace

const OpenSsl& openssl() {
  static const OpenSsl only = load();
  return only;
}

bool sodium_ready() {
  static const bool ready = sodium_init() >= 0;
  return ready;
}

void require(bool succeeded, const char* what) {
  if (succeeded) return;
  forget_errors();
  throw std::runtime_error(std::string("the crypto library failed in ") + what);
}

void forget_errors() { ERR_clear_error(); }

MdContext new_md_context() {
  MdContext out(EVP_MD_CTX_new());
  require(out != nullptr, "EVP_MD_CTX_new");
  return out;
}

PkeyContext new_pkey_context(EVP_PKEY* key) {
  PkeyContext out(EVP_PKEY_CTX_new_from_pkey(openssl().context, key, nullptr));
  require(out != nullptr, "EVP_PKEY_CTX_new_from_pkey");
  return out;
}

Pkey key_from(const char* algorithm, const char* parameter, ByteView value, int selection) {
  const PkeyContext context(EVP_PKEY_CTX_new_from_name(openssl().context, algorithm, nullptr));
  require(context != nullptr, algorithm);
  OSSL_PARAM parameters[] = {
      OSSL_PARAM_construct_octet_string(parameter, const_cast<std::uint8_t*>(value.data()), value.size()),
      OSSL_PARAM_construct_end()};
  EVP_PKEY* key = nullptr;
  require(EVP_PKEY_fromdata_init(context.get()) == 1, "EVP_PKEY_fromdata_init");
  if (EVP_PKEY_fromdata(context.get(), &key, selection, parameters) != 1) {
    forget_errors();
    return nullptr;
  }
  return Pkey(key);
}

void read_key(const EVP_PKEY* key, const char* parameter, std::span<std::uint8_t> out) {
  std::size_t size = 0;
  require(EVP_PKEY_get_octet_string_param(key, parameter, out.data(), out.size(), &size) == 1 && size == out.size(),
          "EVP_PKEY_get_octet_string_param");
}

}  // namespace holdfast::crypto
