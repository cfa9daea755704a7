#include <sodium.h>

#include "crypto/vector_support.h"
#include "wycheproof.h"

namespace holdfast::vectors {

namespace hf1 = crypto::vectors;

namespace {

Bytes joined(ByteView a, ByteView b) {
  Bytes out = to_bytes(a);
  append(out, b);
  return out;
}

std::string base64(ByteView bytes, int variant) {
  std::string out(sodium_base64_encoded_len(bytes.size(), variant), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), variant);
  out.pop_back();  // the terminating zero
  return out;
}

// An ASN.1 form of a key, which ends in the key itself. HF1 writes none; it only has to agree with the raw key.
bool wraps(const Node& group, const char* name, ByteView key) {
  const auto node = group.find(name);
  if (!node || node->is_null()) return true;
  const Bytes encoded = node->hex();
  return encoded.empty() ||
         (encoded.size() > key.size() && std::ranges::equal(ByteView(encoded).last(key.size()), key));
}

std::optional<Bytes> hex_or_null(const Node& parent, const char* name) {
  const auto node = parent.find(name);
  if (!node || node->is_null()) return std::nullopt;
  return node->hex();
}

const Bytes ed25519_der_head = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};

// The four forms of one public key say the same.
bool ed25519_forms_agree(const Node& group, ByteView key) {
  const Bytes der = joined(ed25519_der_head, key);
  const Node jwk = group.at("publicKeyJwk");
  jwk.at("kid").documentation();
  const std::string pem =
      "-----BEGIN PUBLIC KEY-----\n" + base64(der, sodium_base64_VARIANT_ORIGINAL) + "\n-----END PUBLIC KEY-----\n";
  const bool der_agrees = group.at("publicKeyDer").hex() == der;
  const bool pem_agrees = group.at("publicKeyPem").text() == pem;
  const bool kind_agrees = jwk.at("kty").text() == "OKP" && jwk.at("crv").text() == "Ed25519";
  const bool jwk_agrees = jwk.at("x").text() == base64(key, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
  const Node main = group.at("publicKey");
  const bool main_agrees = main.at("type").text() == "EDDSAPublicKey" && main.at("keySize").number() == 255;
  return der_agrees && pem_agrees && kind_agrees && jwk_agrees && main_agrees;
}

void read_foreign_forms(const Node& group) {
  for (const char* name : {"publicKeyDer", "publicKeyPem"}) group.at(name).documentation();
  for (const auto& [name, value] : group.at("publicKeyJwk").members()) value.documentation();
  group.at("publicKey").at("type").documentation();
  (void)group.at("publicKey").at("keySize").number();
}

// Leaves what to answer in `verdict` if it is not: foreign, or failed for a name that no standard knows.
bool is_ml_kem_768(const WycheproofCase& c, Verdict& verdict) {
  const std::string set = c.group.at("parameterSet").text();
  if (set == "ML-KEM-512" || set == "ML-KEM-1024") verdict = foreign(set);
  return c.algorithm == "ML-KEM" && set == "ML-KEM-768";
}

bool is_ml_dsa_65(const WycheproofCase& c, Verdict& verdict) {
  if (c.algorithm == "ML-DSA-44" || c.algorithm == "ML-DSA-87") verdict = foreign(c.algorithm);
  return c.algorithm == "ML-DSA-65";
}

}  // namespace

Verdict run_xdh(const WycheproofCase& c) {
  const Bytes point = c.test.at("public").hex(), scalar = c.test.at("private").hex(),
              shared = c.test.at("shared").hex();
  const std::string curve = c.group.at("curve").text();
  if (curve != "curve25519") return foreign(curve);
  if (scalar.size() != 32) return {!c.is_valid(), {}};
  const auto computed = hf1::x25519(scalar, point);
  // HF1 refuses a shared secret of zeros, which Wycheproof leaves to the implementation.
  if (c.has_flag("ZeroSharedSecret")) return {!computed && !c.is_valid() && std::ranges::count(shared, 0) == 32, {}};
  if (c.expected == WycheproofCase::Expected::invalid) return {!computed, {}};
  return {computed == shared, {}};
}

Verdict run_eddsa(const WycheproofCase& c) {
  const Bytes message = c.test.at("msg").hex(), signature = c.test.at("sig").hex();
  const Node main = c.group.at("publicKey");
  const Bytes key = main.at("pk").hex();
  const std::string curve = main.at("curve").text();
  if (curve != "edwards25519") {
    read_foreign_forms(c.group);
    return foreign(curve);
  }
  if (key.size() != 32 || !ed25519_forms_agree(c.group, key)) return {};
  if (signature.size() != 64) return {!c.is_valid(), {}};
  using crypto::Ed25519Public, crypto::Ed25519Signature;
  return {crypto::ed25519_verify(Ed25519Public::from(key), message, Ed25519Signature::from(signature)) == c.is_valid(),
          {}};
}

Verdict run_ml_kem_keygen(const WycheproofCase& c) {
  const Bytes seed = c.test.at("seed").hex(), public_key = c.test.at("ek").hex(), private_key = c.test.at("dk").hex();
  Verdict verdict;
  if (!is_ml_kem_768(c, verdict)) return verdict;
  const auto keys = hf1::ml_kem_keys(seed);
  if (!c.is_valid()) return {!keys, {}};
  return {keys && keys->public_key == public_key && keys->private_key == private_key, {}};
}

Verdict run_ml_kem_encaps(const WycheproofCase& c) {
  const Bytes public_key = c.test.at("ek").hex(), m = c.test.at("m").hex();
  const auto ciphertext = hex_or_null(c.test, "c"), shared = hex_or_null(c.test, "K");
  Verdict verdict;
  if (!is_ml_kem_768(c, verdict)) return verdict;
  const auto made = hf1::ml_kem_encapsulate(public_key, m);
  if (!c.is_valid()) return {!made, {}};
  return {made && made->ciphertext == ciphertext && made->shared == shared, {}};
}

Verdict run_ml_kem_seed_decaps(const WycheproofCase& c) {
  const Bytes seed = c.test.at("seed").hex(), ciphertext = c.test.at("c").hex();
  const auto public_key = hex_or_null(c.test, "ek"), shared = hex_or_null(c.test, "K");
  Verdict verdict;
  if (!is_ml_kem_768(c, verdict)) return verdict;
  const auto keys = hf1::ml_kem_keys(seed);
  if (keys && public_key && keys->public_key != *public_key) return {};
  const auto opened = hf1::ml_kem_decapsulate(seed, ciphertext);
  if (!c.is_valid()) return {!opened, {}};
  return {opened && opened == shared, {}};
}

Verdict run_ml_kem_expanded_decaps(const WycheproofCase& c) {
  const Bytes private_key = c.test.at("dk").hex(), ciphertext = c.test.at("c").hex();
  const auto public_key = hex_or_null(c.test, "ek"), shared = hex_or_null(c.test, "K");
  Verdict verdict;
  if (!is_ml_kem_768(c, verdict)) return verdict;
  const auto opened = hf1::ml_kem_decapsulate_expanded(private_key, ciphertext);
  if (!c.is_valid()) return {!opened, {}};
  // FIPS 203: dk = dk_PKE (1152 bytes) || ek || H(ek) || z
  if (!opened || opened != shared) return {};
  return {!public_key || std::ranges::equal(ByteView(private_key).subspan(1152, 1184), *public_key), {}};
}

Verdict run_ml_dsa_sign(const WycheproofCase& c) {
  const auto message = hex_or_null(c.test, "msg"), mu = hex_or_null(c.test, "mu");
  const Bytes context = hex_or_null(c.test, "ctx").value_or(Bytes());
  const Bytes entropy = hex_or_null(c.test, "rnd").value_or(Bytes(32));  // FIPS 204's deterministic variant: zeros
  const Bytes wanted = c.test.at("sig").hex();
  const auto public_key = hex_or_null(c.group, "publicKey");
  const auto seed = hex_or_null(c.group, "privateSeed");
  const auto expanded = hex_or_null(c.group, "privateKey");
  const auto encoded = hex_or_null(c.group, "privateKeyPkcs8");
  Verdict verdict;
  if (!is_ml_dsa_65(c, verdict)) return verdict;
  if (!seed && expanded) return foreign("ML-DSA-65 private keys without their seed");
  if (!seed || (!message && !mu)) return {};
  if (encoded && !wraps(c.group, "privateKeyPkcs8", *seed)) return {};
  if (public_key && hf1::ml_dsa_public(*seed) != *public_key) return {};
  const auto of_message = message ? hf1::ml_dsa_sign(*seed, context, *message, entropy) : std::nullopt;
  const auto of_mu = mu ? hf1::ml_dsa_sign_mu(*seed, *mu, entropy) : std::nullopt;
  if (!c.is_valid()) return {!of_message && !of_mu, {}};
  return {(!message || of_message == wanted) && (!mu || of_mu == wanted), {}};
}

Verdict run_ml_dsa_verify(const WycheproofCase& c) {
  const Bytes message = c.test.at("msg").hex(), signature = c.test.at("sig").hex();
  const Bytes context = hex_or_null(c.test, "ctx").value_or(Bytes());
  const Bytes public_key = c.group.at("publicKey").hex();
  const bool encoded_agrees = wraps(c.group, "publicKeyDer", public_key);
  Verdict verdict;
  if (!is_ml_dsa_65(c, verdict)) return verdict;
  return {encoded_agrees && hf1::ml_dsa_verify(public_key, context, message, signature) == c.is_valid(), {}};
}

}  // namespace holdfast::vectors
