#include "net/tls_policy.h"

#include <openssl/evp.h>

#include <string_view>

namespace holdfast::net {
namespace {

constexpr const char* group = "X25519MLKEM768";

}  // namespace

void prepare_openssl() { OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr); }

bool apply_tls_policy(SSL_CTX* context) {
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_ciphersuites(context, "TLS_AES_256_GCM_SHA384") == 1 &&
         SSL_CTX_set1_groups_list(context, group) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1;
}

bool follows_tls_policy(SSL* ssl) {
  const char* negotiated = SSL_get0_group_name(ssl);
  return SSL_version(ssl) == TLS1_3_VERSION && negotiated != nullptr && std::string_view(negotiated) == group;
}

Result<Hash> hash_of_public_key(X509* certificate) {
  unsigned char* encoded = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &encoded);
  if (size <= 0) return fail(Code::Malformed, "a certificate has no readable public key");
  Hash hash;
  unsigned int hash_size = 0;
  const int done =
      EVP_Digest(encoded, static_cast<std::size_t>(size), hash.bytes.data(), &hash_size, EVP_sha256(), nullptr);
  OPENSSL_free(encoded);
  if (done != 1 || hash_size != Hash::size) return fail(Code::Internal, "OpenSSL can't compute SHA-256");
  return hash;
}

}  // namespace holdfast::net
