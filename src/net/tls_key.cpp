#include "net/tls_key.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "net/tls_key_state.h"

namespace holdfast::net {
namespace {

// The key is the identity; the certificate is only its envelope and never ends (RFC 5280 section 4.1.2.5).
Openssl<X509> self_signed(EVP_PKEY* key) {
  Openssl<X509> certificate(X509_new());
  if (!certificate) return nullptr;
  X509* const x = certificate.get();
  X509_NAME* const name = X509_get_subject_name(x);
  const auto* common_name = reinterpret_cast<const unsigned char*>("Holdfast server");
  const bool made = X509_set_version(x, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 &&
                    ASN1_TIME_set_string(X509_getm_notBefore(x), "20200101000000Z") == 1 &&
                    ASN1_TIME_set_string(X509_getm_notAfter(x), "99991231235959Z") == 1 &&
                    X509_set_pubkey(x, key) == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(x, name) == 1 && X509_sign(x, key, EVP_sha256()) > 0;
  return made ? std::move(certificate) : nullptr;
}

int no_passphrase(char*, int, int, void*) { return -1; }  // else OpenSSL would ask the terminal

Openssl<BIO> reading(ByteView bytes) {
  return Openssl<BIO>(BIO_new_mem_buf(bytes.data(), static_cast<int>(bytes.size())));
}

}  // namespace

Result<TlsKey> TlsKey::make() {
  prepare_openssl();
  auto state = std::make_shared<State>();
  state->key.reset(EVP_EC_gen("P-256"));
  if (state->key) state->certificate = self_signed(state->key.get());
  ERR_clear_error();
  if (!state->certificate) return fail(Code::Internal, "OpenSSL can't make a server key");
  HF_TRY(state->hash, hash_of_public_key(state->certificate.get()));
  return TlsKey(std::move(state));
}

Result<TlsKey> TlsKey::load(ByteView pem) {
  constexpr std::size_t pem_size_max = 64 * 1024;
  prepare_openssl();
  auto state = std::make_shared<State>();
  if (pem.size() <= pem_size_max) {  // read twice, so that the parts may come in any order
    state->key.reset(PEM_read_bio_PrivateKey(reading(pem).get(), nullptr, no_passphrase, nullptr));
    state->certificate.reset(PEM_read_bio_X509(reading(pem).get(), nullptr, no_passphrase, nullptr));
  }
  const bool fits =
      state->key && state->certificate && X509_check_private_key(state->certificate.get(), state->key.get()) == 1;
  ERR_clear_error();
  if (!fits) return fail(Code::Malformed, "the server's key file does not hold a private key and its certificate");
  HF_TRY(state->hash, hash_of_public_key(state->certificate.get()));
  return TlsKey(std::move(state));
}

Result<Bytes> TlsKey::pem() const {
  const Openssl<BIO> out(BIO_new(BIO_s_secmem()));  // wiped when freed
  if (!out || PEM_write_bio_PKCS8PrivateKey(out.get(), state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(out.get(), state_->certificate.get()) != 1)
    return fail(Code::Internal, "OpenSSL can't write the server's key");
  char* text = nullptr;
  const long size = BIO_get_mem_data(out.get(), &text);
  return to_bytes(as_bytes({text, static_cast<std::size_t>(size)}));
}

const Hash& TlsKey::server_key_hash() const { return state_->hash; }

}  // namespace holdfast::net
