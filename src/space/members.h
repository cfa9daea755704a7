// Who is in a space, and how its keys reach them (DECISIONS B2, B6, B7, D17, D18). The bytes: docs/formats/members.md.
#pragma once

#include "identity/chain.h"
#include "space/keys.h"

namespace holdfast::space {

enum class Role : std::uint8_t { owner = 1, admin, writer, reader };
constexpr bool wire_valid(Role role) { return role >= Role::owner && role <= Role::reader; }

// Names a member's slot in the key boxes; who does not have it can't tell whose a slot is.
struct SlotKeyTag;
using SlotKey = crypto::Secret<SlotKeyTag>;

// space_id = SHA-256 of its encoding.
struct Creation {
  Label<"Holdfast 1 space"> label;
  AccountId owner;
  Nonce32 nonce;
  Hash root_commitment;  // HMAC(derive(space_root, "root commitment"), {"Holdfast 1 space root"<V>, nonce<V>})
  HOLDFAST_WIRE(label, owner, nonce, root_commitment)
};
[[nodiscard]] SpaceId space_id_of(const Creation& creation);
[[nodiscard]] Hash root_commitment(const SpaceRoot& root, const Nonce32& nonce);

struct Member {
  AccountId account;
  Role role = Role::reader;
  Nonce32 slot_key;     // a SlotKey; stands only under F_e
  std::uint64_t n = 0;  // chain link that vouches for the key
  Hash link;
  std::uint32_t circle_epoch = 0;
  crypto::XWingPublic circle_key;
  HOLDFAST_WIRE(account, role, slot_key, n, link, circle_epoch, circle_key)
};
struct MemberTable {
  std::vector<Member> members;  // sorted by account
  HOLDFAST_WIRE(members)
};
struct PaddedMembers {  // as long as if every slot were a member's, so that its size tells no more than their number
  MemberTable table;
  Bytes padding;  // zeros
  HOLDFAST_WIRE(table, padding)
};

// What a member's slot holds, HPKE-sealed to the account circle's KEM key; a reader's is filled up with 32 zero bytes,
// so that slots don't show roles.
struct EpochBox {
  std::array<std::uint8_t, 32> epoch_secret{}, space_root{}, read{};  // read: seed of the read capability
  std::optional<std::array<std::uint8_t, 32>> write;                  // for writers and above
  HOLDFAST_WIRE(epoch_secret, space_root, read, write)
};
struct RoleBox {  // for admins and the owner, in slots of their own
  std::array<std::uint8_t, 32> maintain{}, admin{};
  HOLDFAST_WIRE(maintain, admin)
};
struct SlotInfo {  // HPKE info
  Label<"Holdfast 1 space slot"> label;
  bool role_box = false;
  SpaceId space;
  std::uint32_t epoch = 0;
  AccountId account;
  std::uint64_t n = 0;
  Hash link;
  Hash recipient;  // SHA-256 of the circle's KEM key
  HOLDFAST_WIRE(label, role_box, space, epoch, account, n, link, recipient)
};
struct Slot {
  std::array<std::uint8_t, 8>
      slot{};  // first 8 bytes of HMAC(slot_key, {"Holdfast 1 slot" | "Holdfast 1 role slot"<V>, epoch u32})
  Bytes sealed;
  HOLDFAST_WIRE(slot, sealed)
};
// One object, published with the commit that makes the epoch. Slots are sorted, their count padded with dummies to a
// power of two (above 128: to a multiple of 64); all of one size. A writer, who makes an epoch by a rekey, has no role
// keys to seal: there are no role slots then, and the newest stay where they are (RoleSlots, D18).
struct SpaceBoxes {
  Label<"Holdfast 1 space boxes"> label;
  std::uint32_t epoch = 0;
  std::vector<Slot> slots, role_slots;
  Bytes members;  // box under MembersKey, label "Holdfast 1 members", where = EpochWhere: PaddedMembers
  Bytes history;  // box under HistoryKey, label "Holdfast 1 history", where = EpochWhere: F_0 || ... || F_{e-1}
  HOLDFAST_WIRE(label, epoch, slots, role_slots, members, history)
};

// Which object has the newest role slots.
struct RoleSlots {
  std::uint32_t epoch = 0;
  ObjectId boxes_object;
  Hash boxes;  // SHA-256 of the object
  HOLDFAST_WIRE(epoch, boxes_object, boxes)
  friend bool operator==(const RoleSlots&, const RoleSlots&) = default;
};

// In the signed commit that makes an epoch (B2): the opener recomputes all of it.
struct EpochChange {
  std::uint32_t epoch = 0;
  ObjectId boxes_object;
  Hash boxes;       // SHA-256 of the object
  Hash commitment;  // HMAC(derive(F_e, "epoch commitment"), {"Holdfast 1 epoch"<V>, EpochWhere<V>})
  Hash members;     // SHA-256 of the encoding of MemberTable
  RoleSlots roles;  // this object's own, if it has any
  HOLDFAST_WIRE(epoch, boxes_object, boxes, commitment, members, roles)
};

// The capability seeds of a space that a member holds, and what they open.
struct CapabilitySeeds {
  std::optional<crypto::Ed25519Seed> read, write, maintain, admin;
  [[nodiscard]] api::Caps caps() const;  // REQUIRES: all four
};

// Everything secret that a member holds of a space.
struct SpaceSecrets {
  SpaceId space;
  std::uint32_t epoch = 0;
  SpaceRoot root;
  std::vector<EpochSecret> epochs;  // F_0 .. F_epoch
  CapabilitySeeds capabilities;
  Role role = Role::reader;
  MemberTable members;
};

struct NewEpoch {
  EpochChange change;
  SpaceBoxes boxes;
  Bytes boxes_object;  // its encoding
};
struct EpochPlan {
  const SpaceId& space;
  std::uint32_t epoch = 0;
  const SpaceRoot& root;
  const EpochSecret& secret;
  std::span<const EpochSecret> earlier;  // F_0 .. F_{epoch-1}
  const CapabilitySeeds& capabilities;
  const MemberTable& members;
  std::optional<RoleSlots> roles;  // the newest so far
};
// Seals an epoch to its members; role slots too, if `capabilities` has what they hold. InvalidArgument: neither that
// nor earlier role slots.
[[nodiscard]] Result<NewEpoch> make_epoch(const EpochPlan& plan, Random& random);
// A link of the reader's own chain that made a circle, and that circle's key.
struct CircleLink {
  std::uint64_t n = 0;
  Hash link;
  const crypto::XWingKey& circle_key;
};
// A slot was sealed under the newest link that its sealer knew: all are tried, newest first.
struct SlotReader {
  AccountId account;
  const SlotKey& slot_key;
  std::vector<CircleLink> links;
};
// Opens one's slot, history and member table; verifies them against `change` when it is given (a reader who does not
// have the commit yet verifies later, by verify_epoch). NotAuthorized: no slot. Tampered.
[[nodiscard]] Result<SpaceSecrets> open_epoch(const SpaceId& space, ByteView boxes_object, const SlotReader& reader,
                                              const EpochChange* change);
[[nodiscard]] Status verify_epoch(const SpaceSecrets& secrets, ByteView boxes_object, const EpochChange& change);
// Takes the role keys from an older epoch's object, for who has a role and found none in the newest. Tampered: it is
// not the object that `roles` names. NotAuthorized: no slot.
[[nodiscard]] Status take_roles(SpaceSecrets& secrets, ByteView boxes_object, const SlotReader& reader,
                                const RoleSlots& roles);

}  // namespace holdfast::space
