// The one TLS configuration, for both sides: TLS 1.3, AES-256-GCM, X25519MLKEM768, no resumption. Nothing is
// negotiated, so there is nothing to fall back to (P4).
#pragma once

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast::net {

struct OpensslFree {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  void operator()(SSL* ssl) const { SSL_free(ssl); }
  void operator()(BIO* bio) const { BIO_free(bio); }
};
template <class T>
using Openssl = std::unique_ptr<T, OpensslFree>;

// Before anything else of OpenSSL or curl is used: keeps the system's openssl.cnf, which could weaken TLS, from being
// loaded (CRYPTO.md section 7, 8). May be called again.
void prepare_openssl();

// False: this libssl can't do what we need.
[[nodiscard]] bool apply_tls_policy(SSL_CTX* context);

// Whether a finished handshake is what the policy says. libssl 3.0 accepts the list of groups and then ignores what it
// doesn't know, so the outcome is checked too (CRYPTO.md section 3).
[[nodiscard]] bool follows_tls_policy(SSL* ssl);

// SHA-256 of the SubjectPublicKeyInfo.
Result<Hash> hash_of_public_key(X509* certificate);

}  // namespace holdfast::net
