// OpenSSL as this room uses it: a library context of its own, untouched by openssl.cnf, and every algorithm fetched
// once (CRYPTO.md section 7: an implicit fetch costs two to three times a short hash). Included by crypto/*.cpp only.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "base/bytes.h"

namespace holdfast::crypto {

template <auto free_function>
struct FreeWith {
  template <class T>
  void operator()(T* at) const {
    free_function(at);
  }
};
using MdContext = std::unique_ptr<EVP_MD_CTX, FreeWith<EVP_MD_CTX_free>>;
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, FreeWith<EVP_CIPHER_CTX_free>>;
using Pkey = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using PkeyContext = std::unique_ptr<EVP_PKEY_CTX, FreeWith<EVP_PKEY_CTX_free>>;

struct OpenSsl {
  OSSL_LIB_CTX* context = nullptr;
  EVP_MD* sha256 = nullptr;
  EVP_MD* sha3_256 = nullptr;
  EVP_MD* shake256 = nullptr;
  EVP_CIPHER* aes_256_gcm = nullptr;
  EVP_CIPHER* chacha20_poly1305 = nullptr;  // RFC 9180's AEAD 0x0003: vectors only
  EVP_SIGNATURE* ml_dsa_65 = nullptr;
  const char* missing = nullptr;  // the first algorithm that the loaded library does not have
};

// Never fails; what is missing is told by start_crypto(), and ends the process if it is used all the same.
const OpenSsl& openssl();
// libsodium's sodium_init() has succeeded.
bool sodium_ready();

// For calls that fail only when the library is broken or memory is out: throws std::runtime_error, leaves no stale
// error.
void require(bool succeeded, const char* what);
// After an expected failure: the error queue is per thread and sticky.
void forget_errors();

MdContext new_md_context();
PkeyContext new_pkey_context(EVP_PKEY* key);
// The key whose one octet-string parameter is `value`. nullptr: refused.
Pkey key_from(const char* algorithm, const char* parameter, ByteView value, int selection);
// The raw encoding of one half of a key, into `out` exactly.
void read_key(const EVP_PKEY* key, const char* parameter, std::span<std::uint8_t> out);

}  // namespace holdfast::crypto
