#include "crypto/box.h"

#include "crypto/aead.h"

namespace holdfast::crypto {

namespace {

struct SaltInput {
  Label<"Holdfast 1 salt"> label;
  Nonce32 random;
  Hash context;
  Hash content;  // of a box its plaintext, of a pack its directory
  HOLDFAST_WIRE(label, random, context, content)
};

template <LabelText label_>
struct KeyInput {
  Label<label_> label;
  Bytes context;
  Hash salt;
  HOLDFAST_WIRE(label, context, salt)
};

constexpr AeadNonce box_nonce{};  // each box has a key of its own

AeadNonce pack_nonce(std::uint32_t number) {
  AeadNonce out{};
  for (std::size_t i = 0; i < 4; ++i) out[8 + i] = static_cast<std::uint8_t>(number >> (24 - 8 * i));
  return out;
}

Hash hedged_salt(const Hmac& mac, ByteView context, ByteView content, Random& random) {
  return mac.of(encode(SaltInput{{}, random.make<Nonce32>(), sha256(context), sha256(content)}));
}

}  // namespace

Bytes seal_box_raw(ByteView key, const Context& context, ByteView plaintext, Random& random) {
  const Bytes where = encode(context);
  const auto mac = KeyRoom::keyed<Hmac>(key);
  const Hash salt = hedged_salt(mac, where, plaintext, random);
  const Hash commitment = mac.of(encode(KeyInput<"Holdfast 1 box commitment">{{}, where, salt}));
  Hash box_key = mac.of(encode(KeyInput<"Holdfast 1 box key">{{}, where, salt}));
  Bytes box;
  box.reserve(box_overhead + plaintext.size());
  append(box, salt.view());
  append(box, commitment.view());
  box.resize(box_overhead + plaintext.size());
  aead_seal(openssl().aes_256_gcm, box_key.view(), box_nonce, {}, plaintext, std::span(box).subspan(64));
  wipe(box_key.bytes);
  return box;
}

Result<Bytes> open_box_raw(ByteView key, const Context& context, ByteView box) {
  const auto refused = [&] {
    return fail(Code::Tampered, "a sealed box does not open: another key, another place, or changed bytes",
                context.label);
  };
  if (box.size() < box_overhead) return refused();
  const Bytes where = encode(context);
  const auto mac = KeyRoom::keyed<Hmac>(key);
  const Hash salt = Hash::from(box.first(32));
  const Hash commitment = mac.of(encode(KeyInput<"Holdfast 1 box commitment">{{}, where, salt}));
  if (!equal_constant_time(commitment.view(), box.subspan(32, 32))) return refused();
  Hash box_key = mac.of(encode(KeyInput<"Holdfast 1 box key">{{}, where, salt}));
  Bytes plaintext(box.size() - box_overhead);
  const bool opened = aead_open(openssl().aes_256_gcm, box_key.view(), box_nonce, {}, box.subspan(64), plaintext);
  wipe(box_key.bytes);
  if (!opened) return refused();
  return plaintext;
}

Hash make_pack_salt(const PackKey& key, ByteView where, ByteView content, Random& random) {
  return hedged_salt(Hmac(key), where, content, random);
}

struct PackSealingKeyTag;

struct PackCipher::State {
  Secret<PackSealingKeyTag> key;
  Hash commitment;
};

PackCipher::PackCipher(const PackKey& key, ByteView where, const Hash& salt) {
  const Hmac mac(key);
  const Bytes place = to_bytes(where);
  Hash sealing = mac.of(encode(KeyInput<"Holdfast 1 pack key">{{}, place, salt}));
  state_.reset(new State{Secret<PackSealingKeyTag>::copy_of(sealing.view()),
                         mac.of(encode(KeyInput<"Holdfast 1 pack commitment">{{}, place, salt}))});
  wipe(sealing.bytes);
}
PackCipher::~PackCipher() = default;
PackCipher::PackCipher(PackCipher&&) noexcept = default;
PackCipher& PackCipher::operator=(PackCipher&&) noexcept = default;

const Hash& PackCipher::commitment() const { return state_->commitment; }

void PackCipher::seal(std::uint32_t number, ByteView header, ByteView plaintext, std::span<std::uint8_t> out) const {
  const AeadNonce nonce = pack_nonce(number);
  aead_seal(openssl().aes_256_gcm, KeyRoom::bytes(state_->key), nonce, {header, nonce}, plaintext, out);
}

Status PackCipher::open(std::uint32_t number, ByteView header, ByteView sealed, std::span<std::uint8_t> out) const {
  const AeadNonce nonce = pack_nonce(number);
  if (!aead_open(openssl().aes_256_gcm, KeyRoom::bytes(state_->key), nonce, {header, nonce}, sealed, out)) {
    return fail(Code::Tampered, "a block of a pack does not open: its bytes were changed",
                "block " + std::to_string(number));
  }
  return {};
}

}  // namespace holdfast::crypto
