#include "crypto/box.h"
#include "crypto/vector_support.h"
#include "kinds.h"

namespace holdfast::vectors {

namespace {

// Gives the bytes that a vector prescribes, then zeros.
class GivenRandom final : public Random {
 public:
  explicit GivenRandom(Bytes bytes) : bytes_(std::move(bytes)) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) byte = at_ < bytes_.size() ? bytes_[at_++] : 0;
  }

 private:
  Bytes bytes_;
  std::size_t at_ = 0;
};

using crypto::PackKey;

std::optional<PackKey> key_of(const Node& node) {
  const Bytes bytes = node.at("key").hex();
  if (bytes.size() != PackKey::size) return std::nullopt;
  return PackKey::copy_of(bytes);
}

bool box_holds(const Node& node) {
  const auto key = key_of(node);
  const crypto::Context context{node.at("label").text(), node.at("where").hex()};
  const Bytes plaintext = node.at("plaintext").hex(), box = node.at("box").hex();
  GivenRandom random(node.at("random").hex());
  if (!key) return false;
  const auto opened = crypto::open_box(*key, context, box);
  return crypto::seal_box(*key, context, plaintext, random) == box && opened && *opened == plaintext;
}

bool pack_holds(const Node& node) {
  const auto key = key_of(node);
  const Bytes where = node.at("where").hex(), directory = node.at("directory").hex(), header = node.at("header").hex();
  const Bytes salt = node.at("salt").hex(), commitment = node.at("commitment").hex();
  const Bytes plaintext = node.at("plaintext").hex(), sealed = node.at("sealed").hex();
  const auto number = static_cast<std::uint32_t>(node.at("number").number());
  GivenRandom random(node.at("random").hex());
  if (!key || sealed.size() != plaintext.size() + crypto::tag_size) return false;
  const Hash made_salt = crypto::make_pack_salt(*key, where, directory, random);
  const crypto::PackCipher cipher(*key, where, made_salt);
  Bytes made(sealed.size()), opened(plaintext.size());
  cipher.seal(number, header, plaintext, made);
  return to_bytes(made_salt.view()) == salt && to_bytes(cipher.commitment().view()) == commitment && made == sealed &&
         cipher.open(number, header, sealed, opened) && opened == plaintext;
}

bool derivation_holds(const Node& node) {
  const auto key = key_of(node);
  const std::string purpose = node.at("purpose").text();
  const Bytes where = node.at("where").hex(), derived = node.at("derived").hex();
  if (!key || derived.size() != PackKey::size) return false;
  return crypto::derive<crypto::PackKeyTag>(*key, purpose, where) == PackKey::copy_of(derived);
}

bool message_holds(const Node& node) {
  const std::string label = node.at("label").text();
  const Bytes public_key = node.at("public_key").hex(), context = node.at("context").hex(),
              body = node.at("body").hex();
  const crypto::SignedMessage message{label, crypto::sha256(public_key), context, crypto::sha256(body)};
  return encode(message) == node.at("message").hex();
}

bool hpke_holds(const Node& node) {
  const Bytes seed = node.at("seed").hex(), info = node.at("info").hex(), plaintext = node.at("plaintext").hex();
  const Bytes sealed = node.at("sealed").hex();
  GivenRandom random(node.at("random").hex());
  if (seed.size() != crypto::XWingSeed::size) return false;
  const crypto::XWingKey key(crypto::XWingSeed::copy_of(seed));
  const auto made = crypto::hpke_seal(key.public_key(), info, plaintext, random);
  const auto opened = crypto::hpke_open(key, info, sealed);
  return made && *made == sealed && opened && to_bytes(opened->view()) == plaintext;
}

}  // namespace

void run_own(Document& file, Report& report) {
  const std::string kind = file.root().at("holdfast").text();
  bool (*holds)(const Node&) = nullptr;
  if (kind == "box") holds = box_holds;
  if (kind == "pack") holds = pack_holds;
  if (kind == "derivation") holds = derivation_holds;
  if (kind == "signed message") holds = message_holds;
  if (kind == "hpke seal") holds = hpke_holds;
  if (holds == nullptr) {
    report.unknown = true;
    return;
  }
  std::size_t position = 0;
  for (const Node& node : file.root().at("cases").elements())
    report.check(holds(node), "case " + std::to_string(position++));
}

}  // namespace holdfast::vectors
