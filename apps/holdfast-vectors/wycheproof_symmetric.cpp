#include <stdexcept>

#include "crypto/hash.h"
#include "crypto/vector_support.h"
#include "wycheproof.h"

namespace holdfast::vectors {

namespace hf1 = crypto::vectors;

Verdict run_aead(const WycheproofCase& c) {
  const Bytes key = c.test.at("key").hex(), nonce = c.test.at("iv").hex(), aad = c.test.at("aad").hex();
  const Bytes message = c.test.at("msg").hex(), tag = c.test.at("tag").hex();
  Bytes sealed = c.test.at("ct").hex();
  append(sealed, tag);
  const std::uint64_t key_bits = c.group.at("keySize").number(), nonce_bits = c.group.at("ivSize").number();
  const std::uint64_t tag_bits = c.group.at("tagSize").number();
  if (key.size() * 8 != key_bits || nonce.size() * 8 != nonce_bits) return {};
  if (c.algorithm != "AES-GCM") return foreign(c.algorithm);
  if (key_bits != 256) return foreign("AES-" + std::to_string(key_bits));
  if (nonce_bits != 96) return foreign("AES-256-GCM with a nonce that is not 96 bits");
  if (tag_bits != 128) return foreign("AES-256-GCM with a short tag");
  const auto opened = hf1::aes_256_gcm_open(key, nonce, aad, sealed);
  if (!c.is_valid()) return {!opened, {}};
  return {opened == message && hf1::aes_256_gcm_seal(key, nonce, aad, message) == sealed, {}};
}

Verdict run_mac(const WycheproofCase& c) {
  const Bytes key = c.test.at("key").hex(), message = c.test.at("msg").hex(), tag = c.test.at("tag").hex();
  const std::uint64_t key_bits = c.group.at("keySize").number(), tag_bits = c.group.at("tagSize").number();
  if (c.algorithm != "HMACSHA256") return foreign(c.algorithm);
  if (key.size() * 8 != key_bits || tag_bits > 256 || tag_bits % 8 != 0) return {};
  const Hash mac = crypto::hmac_sha256(key, message);
  return {crypto::equal_constant_time(mac.view().first(tag_bits / 8), tag) == c.is_valid(), {}};
}

Verdict run_hkdf(const WycheproofCase& c) {
  const Bytes input_key = c.test.at("ikm").hex(), salt = c.test.at("salt").hex(), info = c.test.at("info").hex();
  const Bytes wanted = c.test.at("okm").hex();
  const std::uint64_t size = c.test.at("size").number();
  const std::uint64_t key_bits = c.group.at("keySize").number();
  if (c.algorithm != "HKDF-SHA-256") return foreign(c.algorithm);
  if (input_key.size() * 8 != key_bits) return {};
  try {
    return {(crypto::hkdf_expand(crypto::hkdf_extract(salt, input_key), info, size) == wanted) == c.is_valid(), {}};
  } catch (const std::logic_error&) {  // a size above HKDF's bound is a programming error in Holdfast
    return {!c.is_valid(), {}};
  }
}

}  // namespace holdfast::vectors
