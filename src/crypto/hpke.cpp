#include "crypto/hpke.h"

#include "crypto/box.h"
#include "crypto/hpke_schedule.h"
#include "crypto/xwing.h"

namespace holdfast::crypto {

namespace {

constexpr std::string_view version = "HPKE-v1";

Bytes suite_id(HpkeAead aead) {
  Writer out;
  out.raw(as_bytes("HPKE"));
  out.big_endian(0x647a, 2);
  out.big_endian(0x0001, 2);
  out.big_endian(static_cast<std::uint16_t>(aead), 2);
  return std::move(out).take();
}

Hash labeled_extract(HpkeAead aead, ByteView salt, std::string_view label, ByteView input) {
  Bytes message = to_bytes(as_bytes(version));
  append(message, suite_id(aead));
  append(message, as_bytes(label));
  append(message, input);
  return hmac_sha256(salt, message);
}

}  // namespace

const EVP_CIPHER* HpkeContext::cipher() const {
  return aead == HpkeAead::aes_256_gcm ? openssl().aes_256_gcm : openssl().chacha20_poly1305;
}

AeadNonce HpkeContext::nonce(std::uint64_t sequence) const {
  AeadNonce out = base_nonce;
  for (std::size_t i = 0; i < 8; ++i) out[11 - i] ^= static_cast<std::uint8_t>(sequence >> (8 * i));
  return out;
}

void hpke_expand(HpkeAead aead, ByteView secret, std::string_view label, ByteView context,
                 std::span<std::uint8_t> out) {
  Writer info;
  info.big_endian(out.size(), 2);
  info.raw(as_bytes(version));
  info.raw(suite_id(aead));
  info.raw(as_bytes(label));
  info.raw(context);
  hkdf_expand_into(secret, std::move(info).take(), out);
}

HpkeContext hpke_schedule(HpkeAead aead, const KemShared& shared, ByteView info) {
  Bytes context = {0};  // mode base
  append(context, labeled_extract(aead, {}, "psk_id_hash", {}).view());
  append(context, labeled_extract(aead, {}, "info_hash", info).view());
  Hash secret = labeled_extract(aead, KeyRoom::bytes(shared), "secret", {});
  const auto expanded = [&](std::string_view label) {
    return [&, label](std::span<std::uint8_t> out) { hpke_expand(aead, secret.view(), label, context, out); };
  };
  HpkeContext out{aead,
                  KeyRoom::make<Secret<HpkeKeyTag>>(expanded("key")),
                  {},
                  KeyRoom::make<Secret<HpkeExporterTag>>(expanded("exp"))};
  expanded("base_nonce")(out.base_nonce);
  wipe(secret.bytes);
  return out;
}

Result<Bytes> hpke_seal(const XWingPublic& to, ByteView info, ByteView plaintext, Random& random) {
  HF_TRY(const Encapsulated encapsulated, xwing_encapsulate(to, random));
  const HpkeContext context = hpke_schedule(HpkeAead::aes_256_gcm, encapsulated.secret, info);
  Bytes out;
  out.reserve(hpke_overhead + plaintext.size());
  append(out, encapsulated.ciphertext.view());
  out.resize(hpke_overhead + plaintext.size());
  aead_seal(context.cipher(), KeyRoom::bytes(context.key), context.nonce(0), {}, plaintext,
            std::span(out).subspan(XWingCiphertext::size));
  return out;
}

Result<SecretBytes> hpke_open(const XWingKey& key, ByteView info, ByteView sealed) {
  const auto refused = [] { return fail(Code::Tampered, "something sealed to a public key does not open"); };
  if (sealed.size() < hpke_overhead) return refused();
  HF_TRY(const KemShared shared, key.decapsulate(XWingCiphertext::from(sealed.first(XWingCiphertext::size))));
  const HpkeContext context = hpke_schedule(HpkeAead::aes_256_gcm, shared, info);
  Bytes plaintext(sealed.size() - hpke_overhead);
  if (!aead_open(context.cipher(), KeyRoom::bytes(context.key), context.nonce(0), {},
                 sealed.subspan(XWingCiphertext::size), plaintext)) {
    return refused();
  }
  return SecretBytes(std::move(plaintext));
}

}  // namespace holdfast::crypto
