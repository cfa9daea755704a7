#include "crypto/box.h"
#include "tests/formats/world.h"

namespace holdfast::formats {

namespace {

TEST(Formats, Conventions) {
  {
    Example example("conventions.md", "lengths");
    for (const std::size_t length : {0, 63, 64, 16383, 16384}) {
      Writer out;
      out.length(length);
      example.bytes(std::move(out).take(), "a length of " + std::to_string(length));
    }
  }
  Example("conventions.md", "values")
      .value(std::uint32_t{258}, "u32 258")
      .value(std::int64_t{-1}, "i64 -1")
      .value(true, "bool true")
      .value(std::optional<std::uint16_t>(), "optional u16, absent")
      .value(std::optional<std::uint16_t>(7), "optional u16 7")
      .value(std::string("hello"), "string \"hello\"")
      .value(std::vector<std::uint16_t>{1, 2}, "vector of u16: 1, 2")
      .value(std::variant<std::uint8_t, std::string>("hi"), "variant, second alternative: string \"hi\"");
  {
    struct KeyTag;
    const auto key = crypto::Secret<KeyTag>::copy_of(Bytes(32, 0x11));
    crypto::StuckRandom random;  // every byte 07
    const crypto::Context context{"Holdfast 1 example", to_bytes(as_bytes("here"))};
    const Bytes box = crypto::seal_box(key, context, as_bytes("a secret"), random);
    ASSERT_EQ(as_text(crypto::open_box(key, context, box).value()), "a secret");
    Example("conventions.md", "box")
        .bytes(ByteView(box).first(32), "salt")
        .bytes(ByteView(box).subspan(32, 32), "K_com")
        .bytes(ByteView(box).subspan(64, 8), "ciphertext")
        .bytes(ByteView(box).subspan(72), "tag");
    Example("conventions.md", "derive")
        .value(crypto::Context{"Holdfast 1 example", to_bytes(as_bytes("here"))}, "info: {label<V>, where<V>}")
        .bytes(crypto::derive<KeyTag>(key, "example", as_bytes("here")).export_secret().view(),
               "derive(K, \"example\", \"here\")");
  }
  {
    const auto seed = crypto::Ed25519Seed::copy_of(Bytes(32, 0x22));
    const crypto::Ed25519Key key(seed);
    const Hash body = crypto::sha256(as_bytes("a body"));
    Example("conventions.md", "signed_message")
        .fields(crypto::SignedMessage{"Holdfast 1 example", crypto::sha256(key.public_key().view()),
                                      to_bytes(as_bytes("here")), body},
                {"label: \"Holdfast 1 example\"", "signer: SHA-256 of the public key", "context: \"here\"",
                 "body: SHA-256(\"a body\")"});
    Example("conventions.md", "signature")
        .value(key.sign("Holdfast 1 example", as_bytes("here"), body), "Ed25519 over the message above");
  }
}

TEST(Formats, Identity) {
  const ExampleAccount alice;
  const identity::Link& link = alice.made.link_0;
  {
    const crypto::SecretBytes packed = alice.seeds.pack();
    const ByteView bytes = packed.view();
    Example("identity.md", "device_seeds")
        .bytes(bytes.first(16), "id")
        .bytes(bytes.subspan(16, 64), "identity: Ed25519 seed, ML-DSA-65 seed")
        .bytes(bytes.subspan(80, 32), "commit")
        .bytes(bytes.subspan(112, 32), "mls")
        .bytes(bytes.subspan(144, 32), "capability")
        .bytes(bytes.subspan(176, 32), "kem");
  }
  Example("identity.md", "device_public")
      .fields(alice.device.public_keys, {"id", "identity", "commit", "mls", "capability", "kem"});
  Example("identity.md", "link_body")
      .fields(link.body,
              {"label", "account: zero in link 0", "n", "prev", "nonce", "policy: origin, hash", "floor",
               "record: size, root", "time_ns", "pending_until_ns", "change: 1 Genesis: device, name_commitment",
               "circle: present; e, boxes, public_key, commitment", "last_anchor: absent",
               "sealed: SHA-256 of the sealed part"});
  Example("identity.md", "account_id").value(alice.made.account, "account_id = SHA-256(link_body)");
  Example("identity.md", "link")
      .fields(link, {"body: as above", "sealed: a box", "boxes: CircleBoxes", "signatures: one LinkSignature"});
  const auto& secret = alice.made.circle[0];
  Example("identity.md", "circle_secret").bytes(secret.export_secret().view(), "C_0");
  Example("identity.md", "link_private")
      .fields(identity::open_link_private(link, secret, {}).value(),
              {"user_name", "name_salt", "device_name", "platform", "padding"});
  const auto boxes = decode<identity::CircleBoxes>(link.boxes, "boxes").value();
  Example("identity.md", "circle_boxes")
      .fields(boxes, {"e", "slots: one CircleSlot: device, sealed<V>", "history: a box of nothing"});
  Example("identity.md", "circle_slot_info")
      .fields(identity::CircleSlotInfo{{}, {}, 0, alice.seeds.id, crypto::sha256(alice.device.public_keys.kem.view())},
              {"label", "account: zero in epoch 0", "e", "device", "recipient: SHA-256 of its KEM key"});
}

}  // namespace

}  // namespace holdfast::formats
