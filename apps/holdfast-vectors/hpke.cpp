#include <array>
#include <cstdio>

#include "crypto/vector_support.h"
#include "kinds.h"

namespace holdfast::vectors {

namespace hf1 = crypto::vectors;
using crypto::XWingCiphertext, crypto::XWingKey, crypto::XWingPublic, crypto::XWingSeed;

namespace {

std::string code_point(std::uint64_t id) {
  std::array<char, 24> out{};
  std::snprintf(out.data(), out.size(), "0x%04llx", static_cast<unsigned long long>(id));
  return out.data();
}

struct KemCase {
  Bytes seed, public_key, eseed, ciphertext, shared;
};

// Both directions give exactly what the vector says.
bool kem_holds(const KemCase& c) {
  if (c.seed.size() != XWingSeed::size || c.public_key.size() != XWingPublic::size || c.eseed.size() != 64 ||
      c.ciphertext.size() != XWingCiphertext::size || c.shared.size() != 32) {
    return false;
  }
  const XWingKey key(XWingSeed::copy_of(c.seed));
  const auto made = hf1::xwing_encapsulate(XWingPublic::from(c.public_key), c.eseed);
  const auto opened = key.decapsulate(XWingCiphertext::from(c.ciphertext));
  const auto wanted = crypto::KemShared::copy_of(c.shared);
  return to_bytes(key.public_key().view()) == c.public_key && made &&
         to_bytes(made->ciphertext.view()) == c.ciphertext && made->secret == wanted && opened && *opened == wanted;
}

struct Suite {
  std::uint64_t mode, kem, kdf, aead;

  [[nodiscard]] Bytes id() const {
    Writer out;
    out.raw(as_bytes("HPKE"));
    for (const std::uint64_t part : {kem, kdf, aead}) out.big_endian(part, 2);
    return std::move(out).take();
  }
  // Why HF1 does not have this KEM, or this key schedule; empty: it does.
  [[nodiscard]] std::string foreign_kem() const {
    if (mode != 0) return "HPKE mode " + std::to_string(mode);
    return kem == 0x647a ? "" : "KEM " + code_point(kem);
  }
  [[nodiscard]] std::string foreign_schedule() const {
    if (!foreign_kem().empty()) return foreign_kem();
    if (kdf != 1) return "KDF " + code_point(kdf);
    return aead == 2 || aead == 3 ? "" : "AEAD " + code_point(aead);
  }
};

struct Encryption {
  Bytes aad, ciphertext, nonce, plaintext;
};
struct Export {
  Bytes context, value;
  std::uint64_t size;
};
struct HpkeCase {
  Suite suite;
  Bytes suite_id, info, key_input;
  KemCase kem;
  Bytes key, base_nonce, exporter_secret;
  std::vector<Encryption> encryptions;
  std::vector<Export> exports;
};

HpkeCase read_case(const Node& node) {
  HpkeCase out{.suite = {node.at("mode").number(), node.at("kem_id").number(), node.at("kdf_id").number(),
                         node.at("aead_id").number()},
               .suite_id = node.has("suite_id") ? node.at("suite_id").hex() : Bytes(),
               .info = node.at("info").hex(),
               .key_input = node.at("ikmR").hex(),
               .kem = {node.at("skRm").hex(), node.at("pkRm").hex(), node.at("ikmE").hex(), node.at("enc").hex(),
                       node.at("shared_secret").hex()},
               .key = node.at("key").hex(),
               .base_nonce = node.at("base_nonce").hex(),
               .exporter_secret = node.at("exporter_secret").hex(),
               .encryptions = {},
               .exports = {}};
  if (out.suite_id.empty()) out.suite_id = out.suite.id();
  // RFC 9180 shows these too: other modes', other KEMs' and intermediate values. Foreign suites alone have them.
  if (!out.suite.foreign_kem().empty()) {
    for (const char* name :
         {"ikmS", "skSm", "pkSm", "skEm", "pkEm", "psk", "psk_id", "key_schedule_context", "secret"}) {
      if (const auto value = node.find(name)) (void)value->hex();
    }
  }
  for (const Node& one : node.at("encryptions").elements()) {
    out.encryptions.push_back({one.at("aad").hex(), one.at("ct").hex(), one.at("nonce").hex(), one.at("pt").hex()});
  }
  for (const Node& one : node.at("exports").elements()) {
    out.exports.push_back({one.at("exporter_context").hex(), one.at("exported_value").hex(), one.at("L").number()});
  }
  return out;
}

// The key schedule, each encryption and each export are a case of their own.
void run_schedule(const HpkeCase& c, const std::string& name, Report& report) {
  if (c.kem.shared.size() != 32) {
    report.check(false, name + " shared_secret");
    return;
  }
  const hf1::Hpke context(static_cast<std::uint16_t>(c.suite.aead), c.kem.shared, c.info);
  report.check(
      context.key() == c.key && context.nonce(0) == c.base_nonce && context.exporter_secret() == c.exporter_secret,
      name + " key schedule");
  for (std::size_t i = 0; i < c.encryptions.size(); ++i) {
    const Encryption& one = c.encryptions[i];
    report.check(context.nonce(i) == one.nonce && context.seal(i, one.aad, one.plaintext) == one.ciphertext &&
                     context.open(i, one.aad, one.ciphertext) == one.plaintext,
                 name + " encryption " + std::to_string(i));
  }
  for (std::size_t i = 0; i < c.exports.size(); ++i) {
    const Export& one = c.exports[i];
    report.check(one.size <= 8160 && context.exported(one.context, one.size) == one.value,
                 name + " export " + std::to_string(i));
  }
}

void run_hpke_case(const HpkeCase& c, const std::string& name, Report& report) {
  if (c.suite_id != c.suite.id()) report.problems.push_back(name + " has a suite_id that is not of its suite");
  if (const std::string reason = c.suite.foreign_kem(); reason.empty()) {
    report.check(hf1::hpke_derive_seed(c.key_input) == c.kem.seed && kem_holds(c.kem), name + " KEM");
  } else {
    ++report.foreign[reason];
  }
  if (const std::string reason = c.suite.foreign_schedule(); reason.empty()) {
    run_schedule(c, name, report);
  } else {
    report.foreign[reason] += 1 + c.encryptions.size() + c.exports.size();
  }
}

}  // namespace

void run_hpke(Document& file, Report& report) {
  std::size_t position = 0;
  for (const Node& node : file.root().elements()) {
    run_hpke_case(read_case(node), "vector " + std::to_string(position++), report);
  }
}

void run_xwing(Document& file, Report& report) {
  std::size_t position = 0;
  for (const Node& node : file.root().elements()) {
    const Bytes seed = node.at("seed").hex(), private_key = node.at("sk").hex();
    const KemCase c{seed, node.at("pk").hex(), node.at("eseed").hex(), node.at("ct").hex(), node.at("ss").hex()};
    report.check(seed == private_key && kem_holds(c), "vector " + std::to_string(position++));
  }
}

}  // namespace holdfast::vectors
