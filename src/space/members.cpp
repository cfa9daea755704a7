#include "space/members.h"

#include <algorithm>

namespace holdfast::space {

namespace {

constexpr std::size_t members_max = 1024;
constexpr std::uint32_t epochs_max = 100'000;

struct SlotHmacTag;
struct RootCommitmentTag;
struct EpochCommitmentTag;

using Seed = std::array<std::uint8_t, 32>;

// An array of secret bytes on its way into a box, wiped with its owner.
template <class Wire>
struct WipedOnExit {
  Wire value;
  ~WipedOnExit() { crypto::wipe({reinterpret_cast<std::uint8_t*>(&value), sizeof value}); }
};

Seed raw(const auto& secret) {
  Seed out;
  const crypto::SecretBytes bytes = secret.export_secret();
  std::copy_n(bytes.view().begin(), out.size(), out.begin());
  return out;
}

std::array<std::uint8_t, 8> slot_name(const SlotKey& slot_key, bool role_box, std::uint32_t epoch) {
  const crypto::Context context{role_box ? "Holdfast 1 role slot" : "Holdfast 1 slot", encode(epoch)};
  const Hash mac = crypto::Hmac(slot_key).of(encode(context));
  std::array<std::uint8_t, 8> out{};
  std::copy_n(mac.bytes.begin(), out.size(), out.begin());
  return out;
}

Bytes slot_info(const SpaceId& space, std::uint32_t epoch, bool role_box, const AccountId& account, std::uint64_t n,
                const Hash& link, const crypto::XWingPublic& key) {
  return encode(SlotInfo{{}, role_box, space, epoch, account, n, link, crypto::sha256(key.view())});
}

Hash epoch_commitment(const EpochSecret& secret, const SpaceId& space, std::uint32_t epoch) {
  const crypto::Context context{"Holdfast 1 epoch", encode(EpochWhere{space, epoch})};
  return crypto::Hmac(crypto::derive<EpochCommitmentTag>(secret, "epoch commitment")).of(encode(context));
}

crypto::Context box_context(std::string_view label, const SpaceId& space, std::uint32_t epoch) {
  return {std::string(label), encode(EpochWhere{space, epoch})};
}

// Slots of nobody, so that their number tells only a power of two (B7).
std::size_t padded_count(std::size_t count) {
  if (count > 128) return (count + 63) / 64 * 64;
  std::size_t padded = 1;
  while (padded < count) padded *= 2;
  return padded;
}

// What a member table takes when all of so many slots are members'.
std::size_t padded_table_bytes(std::size_t slots) {
  static const std::size_t member_bytes = encode(Member{}).size();
  Writer length;
  length.length(slots * member_bytes);
  return length.size() + slots * member_bytes + 8;  // room for the padding's own size
}

void pad_and_sort(std::vector<Slot>& slots, Random& random) {
  const std::size_t size = slots.front().sealed.size();
  while (slots.size() < padded_count(slots.size())) {
    Slot dummy;
    random.fill(dummy.slot);
    dummy.sealed.resize(size);
    random.fill(dummy.sealed);
    slots.push_back(std::move(dummy));
  }
  std::ranges::sort(slots, {}, &Slot::slot);
}

bool holds_roles(Role role) { return role == Role::owner || role == Role::admin; }

// A reader's box is as long as a writer's, so that slots don't show roles.
constexpr std::size_t epoch_box_bytes = 4 * 32 + 1;

Result<Bytes> seal_slot(const Member& member, const SpaceId& space, std::uint32_t epoch, bool role_box, Bytes plain,
                        Random& random) {
  if (!role_box) plain.resize(epoch_box_bytes, 0);
  const crypto::SecretBytes wiped(std::move(plain));
  const Bytes info = slot_info(space, epoch, role_box, member.account, member.n, member.link, member.circle_key);
  return crypto::hpke_seal(member.circle_key, info, wiped.view(), random);
}

Result<crypto::SecretBytes> open_slot(const std::vector<Slot>& slots, const SpaceId& space, std::uint32_t epoch,
                                      bool role_box, const SlotReader& reader) {
  const auto slot = std::ranges::find(slots, slot_name(reader.slot_key, role_box, epoch), &Slot::slot);
  if (slot == slots.end())
    return fail(Code::NotAuthorized, "the space is not sealed to this account", space.short_hex());
  for (const CircleLink& link : reader.links) {
    const Bytes info =
        slot_info(space, epoch, role_box, reader.account, link.n, link.link, link.circle_key.public_key());
    auto opened = crypto::hpke_open(link.circle_key, info, slot->sealed);
    if (opened) return opened;
  }
  return fail(Code::Tampered, "the space's slot of this account does not open", space.short_hex());
}

Result<EpochBox> decode_epoch_box(ByteView plain) {
  if (plain.size() != epoch_box_bytes) return fail(Code::Tampered, "a space's slot has the wrong size");
  const bool writer = plain[3 * 32] == 1;
  const ByteView used = writer ? plain : plain.first(3 * 32 + 1);
  if (!std::ranges::all_of(plain.subspan(used.size()), [](std::uint8_t byte) { return byte == 0; }))
    return fail(Code::Malformed, "a space's slot is not in the form that it must have");
  return decode<EpochBox>(used, "a space's slot");
}

Result<std::vector<EpochSecret>> open_history(const EpochKeys& keys, const SpaceId& space, ByteView box) {
  HF_TRY(const auto plain,
         crypto::open_box_secret(keys.history, box_context("Holdfast 1 history", space, keys.epoch), box));
  if (plain.view().size() != std::size_t{keys.epoch} * EpochSecret::size)
    return fail(Code::Tampered, "the space's history box holds the wrong number of epochs");
  std::vector<EpochSecret> out;
  out.reserve(keys.epoch);
  for (std::size_t e = 0; e < keys.epoch; ++e)
    out.push_back(EpochSecret::copy_of(plain.view().subspan(e * EpochSecret::size, EpochSecret::size)));
  return out;
}

Hash hash_of_table(const MemberTable& members) {
  const crypto::SecretBytes table(encode(members));
  return crypto::sha256(table.view());
}

Status take_role_slot(SpaceSecrets& secrets, const SpaceBoxes& boxes, const SlotReader& reader) {
  HF_TRY(const auto plain, open_slot(boxes.role_slots, secrets.space, boxes.epoch, true, reader));
  HF_TRY(auto decoded, decode<RoleBox>(plain.view(), "a space's role slot"));
  const WipedOnExit<RoleBox> role{decoded};
  crypto::wipe({reinterpret_cast<std::uint8_t*>(&decoded), sizeof decoded});
  secrets.capabilities.maintain = crypto::Ed25519Seed::copy_of(role.value.maintain);
  secrets.capabilities.admin = crypto::Ed25519Seed::copy_of(role.value.admin);
  return {};
}

Status check_table(const MemberTable& table) {
  const auto& members = table.members;
  const auto not_ascending = [](const Member& a, const Member& b) { return !(a.account < b.account); };
  if (members.empty() || members.size() > members_max ||
      std::ranges::adjacent_find(members, not_ascending) != members.end() ||
      std::ranges::count(members, Role::owner, &Member::role) != 1)
    return fail(Code::Malformed, "the space's member table is not in the form that it must have");
  return {};
}

}  // namespace

SpaceId space_id_of(const Creation& creation) { return {crypto::hash_of(creation).bytes}; }

Hash root_commitment(const SpaceRoot& root, const Nonce32& nonce) {
  const crypto::Context context{"Holdfast 1 space root", encode(nonce)};
  return crypto::Hmac(crypto::derive<RootCommitmentTag>(root, "root commitment")).of(encode(context));
}

api::Caps CapabilitySeeds::caps() const {
  const auto key = [](const std::optional<crypto::Ed25519Seed>& seed) {
    return std::vector{crypto::Ed25519Key(*seed).public_key()};
  };
  return {key(read), key(write), key(maintain), key(admin)};
}

Result<NewEpoch> make_epoch(const EpochPlan& plan, Random& random) {
  const auto& [space, epoch, root, secret, earlier, capabilities, members, older_roles] = plan;
  HF_OK(check_table(members));
  NewEpoch out;
  out.boxes.epoch = epoch;
  const bool roles = capabilities.maintain && capabilities.admin;
  if (!roles && (!older_roles || older_roles->epoch >= epoch))
    return fail(Code::InvalidArgument, "an epoch without role slots must name those of an earlier one");
  for (const Member& member : members.members) {
    WipedOnExit<EpochBox> box{{raw(secret), raw(root), raw(*capabilities.read), std::nullopt}};
    if (member.role != Role::reader) box.value.write = raw(*capabilities.write);
    HF_TRY(Bytes sealed, seal_slot(member, space, epoch, false, encode(box.value), random));
    const SlotKey slot_key = SlotKey::copy_of(member.slot_key.view());
    out.boxes.slots.push_back({slot_name(slot_key, false, epoch), std::move(sealed)});
    if (roles && holds_roles(member.role)) {
      const WipedOnExit<RoleBox> role{{raw(*capabilities.maintain), raw(*capabilities.admin)}};
      HF_TRY(Bytes sealed_role, seal_slot(member, space, epoch, true, encode(role.value), random));
      out.boxes.role_slots.push_back({slot_name(slot_key, true, epoch), std::move(sealed_role)});
    }
  }
  pad_and_sort(out.boxes.slots, random);
  if (roles) pad_and_sort(out.boxes.role_slots, random);

  const EpochKeys keys(secret, space, epoch);
  PaddedMembers padded{members, {}};
  padded.padding.resize(padding_for(encode(padded).size() - 1, padded_table_bytes(out.boxes.slots.size()),
                                    [](std::size_t plain) { return plain; }));
  const crypto::SecretBytes table(encode(padded));
  out.boxes.members =
      crypto::seal_box(keys.members, box_context("Holdfast 1 members", space, epoch), table.view(), random);
  Bytes history;
  history.reserve(earlier.size() * EpochSecret::size);
  for (const EpochSecret& old : earlier) append(history, old.export_secret().view());
  const crypto::SecretBytes wiped(std::move(history));
  out.boxes.history =
      crypto::seal_box(keys.history, box_context("Holdfast 1 history", space, epoch), wiped.view(), random);

  out.boxes_object = encode(out.boxes);
  const auto object = random.make<ObjectId>();
  const Hash hash = crypto::sha256(out.boxes_object);
  out.change = {epoch,
                object,
                hash,
                epoch_commitment(secret, space, epoch),
                hash_of_table(members),
                roles ? RoleSlots{epoch, object, hash} : *older_roles};
  return out;
}

Result<SpaceSecrets> open_epoch(const SpaceId& space, ByteView boxes_object, const SlotReader& reader,
                                const EpochChange* change) {
  if (change != nullptr && crypto::sha256(boxes_object) != change->boxes)
    return fail(Code::Tampered, "the space's key boxes are not those that its log names", space.short_hex());
  HF_TRY(const SpaceBoxes boxes, decode<SpaceBoxes>(boxes_object, "the space's key boxes"));
  if (boxes.epoch > epochs_max || boxes.slots.size() > members_max)
    return fail(Code::Malformed, "the space's key boxes name an impossible epoch or too many members",
                space.short_hex());

  HF_TRY(const auto plain, open_slot(boxes.slots, space, boxes.epoch, false, reader));
  HF_TRY(auto decoded, decode_epoch_box(plain.view()));
  const WipedOnExit<EpochBox> box{decoded};
  crypto::wipe({reinterpret_cast<std::uint8_t*>(&decoded), sizeof decoded});

  auto secret = EpochSecret::copy_of(box.value.epoch_secret);
  const EpochKeys keys(secret, space, boxes.epoch);
  HF_TRY(auto epochs, open_history(keys, space, boxes.history));
  epochs.push_back(std::move(secret));
  HF_TRY(const auto table_bytes,
         crypto::open_box_secret(keys.members, box_context("Holdfast 1 members", space, boxes.epoch), boxes.members));
  HF_TRY(PaddedMembers padded, decode<PaddedMembers>(table_bytes.view(), "the space's member table"));
  if (!is_zero(padded.padding) || table_bytes.view().size() != padded_table_bytes(boxes.slots.size()))
    return fail(Code::Malformed, "the space's member table is not padded as it must be");
  MemberTable& table = padded.table;
  HF_OK(check_table(table));

  const auto self = std::ranges::find(table.members, reader.account, &Member::account);
  if (self == table.members.end())
    return fail(Code::NotAuthorized, "this account is not a member of the space", space.short_hex());

  SpaceSecrets out{space,      boxes.epoch,     SpaceRoot::copy_of(box.value.space_root), std::move(epochs), {},
                   self->role, std::move(table)};
  out.capabilities.read = crypto::Ed25519Seed::copy_of(box.value.read);
  if (box.value.write) out.capabilities.write = crypto::Ed25519Seed::copy_of(*box.value.write);
  if (holds_roles(out.role) && !boxes.role_slots.empty()) HF_OK(take_role_slot(out, boxes, reader));
  if (change != nullptr) HF_OK(verify_epoch(out, boxes_object, *change));
  return out;
}

Status verify_epoch(const SpaceSecrets& secrets, ByteView boxes_object, const EpochChange& change) {
  HF_TRY(const SpaceBoxes boxes, decode<SpaceBoxes>(boxes_object, "the space's key boxes"));
  const bool roles = boxes.role_slots.empty()
                         ? change.roles.epoch < change.epoch
                         : change.roles == RoleSlots{change.epoch, change.boxes_object, change.boxes};
  if (change.epoch != secrets.epoch || crypto::sha256(boxes_object) != change.boxes || !roles ||
      epoch_commitment(secrets.epochs.back(), secrets.space, secrets.epoch) != change.commitment ||
      hash_of_table(secrets.members) != change.members)
    return fail(Code::Tampered, "the space's key boxes are not those that its log commits to",
                secrets.space.short_hex());
  return {};
}

Status take_roles(SpaceSecrets& secrets, ByteView boxes_object, const SlotReader& reader, const RoleSlots& roles) {
  if (crypto::sha256(boxes_object) != roles.boxes)
    return fail(Code::Tampered, "the space's role slots are not those that its log names", secrets.space.short_hex());
  HF_TRY(const SpaceBoxes boxes, decode<SpaceBoxes>(boxes_object, "the space's key boxes"));
  if (boxes.epoch != roles.epoch)
    return fail(Code::Tampered, "the space's role slots are not of the epoch that its log names",
                secrets.space.short_hex());
  return take_role_slot(secrets, boxes, reader);
}

}  // namespace holdfast::space
