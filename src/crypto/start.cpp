#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <sodium.h>

#include "crypto/box.h"
#include "crypto/hpke.h"
#include "crypto/openssl.h"
#include "crypto/passphrase.h"
#include "crypto/signature.h"

namespace holdfast::crypto {

namespace {

// Direct references to libssl symbols that are newer than 3.0: with the system's older libssl the loader refuses to
// start the program, instead of running it on a mixed pair (CRYPTO.md section 3). No version call of libssl itself
// exists.
const volatile auto needs_libssl_3_2 = &SSL_get0_group_name;
const volatile auto needs_libssl_3_5 = &SSL_CTX_get_domain_flags;

Status broken(std::string what) {
  return fail(Code::Internal, "the cryptographic libraries of this installation are not usable", std::move(what));
}

class CountingRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = next_++;
  }

 private:
  std::uint8_t next_ = 0;
};

template <class Made>
Made fixed_secret() {
  CountingRandom random;
  return Made::random(random);
}

// Values that were made once by this code after all third-party vectors had passed (tests/vectors).
Status check_known_answers() {
  const auto expect = [](const Hash& got, std::string_view prefix, const char* what) {
    return got.short_hex() == prefix ? Status() : broken(std::string(what) + " gives a wrong result");
  };
  CountingRandom random;
  const auto key = fixed_secret<PackKey>();
  const Bytes message = {1, 2, 3};
  HF_OK(expect(sha256(as_bytes("abc")), "ba7816bf", "SHA-256"));
  HF_OK(expect(Hmac(key).of(message), "0253fba6", "HMAC-SHA-256"));
  HF_OK(expect(sha256(seal_box(key, {"Holdfast 1 self test", {}}, message, random)), "76dd3c0a", "AES-256-GCM"));
  const HybridKey signer(fixed_secret<HybridSeed>());
  const HybridSignature signature = signer.sign("Holdfast 1 self test", message, sha256(message), random);
  HF_OK(expect(hash_of(signature), "3a86fbdb", "ML-DSA-65 or Ed25519"));
  if (!verify(signer.public_key(), "Holdfast 1 self test", message, sha256(message), signature))
    return broken("a signature fails");
  const XWingKey receiver(fixed_secret<XWingSeed>());
  HF_TRY(const Bytes sealed, hpke_seal(receiver.public_key(), {}, message, random));
  HF_OK(expect(sha256(sealed), "831a9841", "ML-KEM-768 or X25519"));
  HF_TRY(const SecretBytes opened, hpke_open(receiver, {}, sealed));
  if (to_bytes(opened.view()) != message) return broken("X-Wing does not open what it sealed");
  return {};
}

}  // namespace

Status start_crypto() {
  if (OPENSSL_version_major() != 3 ? OPENSSL_version_major() < 3 : OPENSSL_version_minor() < 5) {
    return broken(std::string("libcrypto is ") + OpenSSL_version(OPENSSL_VERSION_STRING) + ", and 3.5 is needed");
  }
  if (needs_libssl_3_2 == nullptr || needs_libssl_3_5 == nullptr) return broken("libssl is older than 3.5");
  if (!sodium_ready()) return broken("libsodium does not start");
  if (openssl().missing != nullptr) return broken(std::string("OpenSSL has no ") + openssl().missing);
  return check_known_answers();
}

}  // namespace holdfast::crypto
