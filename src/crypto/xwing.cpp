#include "crypto/xwing.h"

#include <openssl/core_names.h>

#include "crypto/kem.h"
#include "crypto/openssl.h"

namespace holdfast::crypto {

namespace {

constexpr std::string_view combiner_label = R"(\.//^\)";

KemShared combine(ByteView ml_kem_shared, ByteView x25519_shared, ByteView x25519_ciphertext, ByteView x25519_public) {
  const MdContext context = new_md_context();
  require(EVP_DigestInit_ex2(context.get(), openssl().sha3_256, nullptr) == 1, "SHA3-256");
  for (const ByteView piece :
       {ml_kem_shared, x25519_shared, x25519_ciphertext, x25519_public, as_bytes(combiner_label)}) {
    require(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1, "SHA3-256");
  }
  return KeyRoom::make<KemShared>([&](std::span<std::uint8_t> out) {
    require(EVP_DigestFinal_ex(context.get(), out.data(), nullptr) == 1, "SHA3-256");
  });
}

}  // namespace

void shake256(std::initializer_list<ByteView> pieces, std::span<std::uint8_t> out) {
  const MdContext context = new_md_context();
  require(EVP_DigestInit_ex2(context.get(), openssl().shake256, nullptr) == 1, "SHAKE256");
  for (const ByteView piece : pieces)
    require(EVP_DigestUpdate(context.get(), piece.data(), piece.size()) == 1, "SHAKE256");
  require(EVP_DigestFinalXOF(context.get(), out.data(), out.size()) == 1, "SHAKE256");
}

struct XWingKey::State {
  Pkey ml_kem;
  Secret<struct X25519ScalarTag> scalar;
  XWingPublic public_key;
  [[nodiscard]] ByteView x25519_half() const { return public_key.view().subspan(ml_kem_public_size); }
};

XWingKey::XWingKey(const XWingSeed& seed) {
  using Scalar = decltype(State::scalar);
  Wiped<96> expanded;
  shake256({KeyRoom::bytes(seed)}, expanded.bytes);
  const ByteView all = expanded.bytes;
  state_.reset(new State{ml_kem_key(all.first(64)), Scalar::copy_of(all.subspan(64)), {}});
  const std::span<std::uint8_t> out = state_->public_key.bytes;
  read_key(state_->ml_kem.get(), OSSL_PKEY_PARAM_PUB_KEY, out.first(ml_kem_public_size));
  x25519_public(KeyRoom::bytes(state_->scalar), out.last<32>());
}
XWingKey::~XWingKey() = default;
XWingKey::XWingKey(XWingKey&&) noexcept = default;
XWingKey& XWingKey::operator=(XWingKey&&) noexcept = default;
const XWingPublic& XWingKey::public_key() const { return state_->public_key; }

Result<KemShared> XWingKey::decapsulate(const XWingCiphertext& ciphertext) const {
  const ByteView ml_kem_part = ciphertext.view().first(ml_kem_ciphertext_size);
  const ByteView x25519_part = ciphertext.view().subspan(ml_kem_ciphertext_size);
  Wiped<32> ml_kem_shared, x25519_shared;
  const bool first = ml_kem_decapsulate(state_->ml_kem.get(), ml_kem_part, ml_kem_shared.bytes);
  const bool second = x25519(KeyRoom::bytes(state_->scalar), x25519_part, x25519_shared.bytes);
  if (!first || !second) return fail(Code::Tampered, "something sealed to a public key does not open");
  return combine(ml_kem_shared.bytes, x25519_shared.bytes, x25519_part, state_->x25519_half());
}

Result<Encapsulated> xwing_encapsulate_with(const XWingPublic& to, ByteView eseed) {
  const ByteView m = eseed.first(32), scalar = eseed.subspan(32);
  const ByteView x25519_half = to.view().subspan(ml_kem_public_size);
  const auto refused = [] { return fail(Code::Malformed, "a public key for sealing is not a valid X-Wing key"); };
  const Pkey ml_kem = ml_kem_public(to.view().first(ml_kem_public_size));
  if (ml_kem == nullptr) return refused();
  XWingCiphertext ciphertext;
  const std::span<std::uint8_t, 1120> out = ciphertext.bytes;
  Wiped<32> ml_kem_shared, x25519_shared;
  require(ml_kem_encapsulate(ml_kem.get(), m, out.first<ml_kem_ciphertext_size>(), ml_kem_shared.bytes),
          "ML-KEM encapsulation");
  x25519_public(scalar, out.last<32>());
  if (!x25519(scalar, x25519_half, x25519_shared.bytes)) return refused();
  return Encapsulated{ciphertext, combine(ml_kem_shared.bytes, x25519_shared.bytes, out.last<32>(), x25519_half)};
}

Result<Encapsulated> xwing_encapsulate(const XWingPublic& to, Random& random) {
  Wiped<64> eseed;
  random.fill(eseed.bytes);
  return xwing_encapsulate_with(to, eseed.bytes);
}

}  // namespace holdfast::crypto
