#include "space/members.h"

#include <gtest/gtest.h>

#include <map>

#include "identity/test_account.h"

namespace holdfast::space {

namespace {

using identity::testing::for_each_flipped_byte;
using identity::testing::TestAccount;

// Four people in a space, one of each role.
SlotKey key_of(const Member& member) { return SlotKey::copy_of(member.slot_key.view()); }

struct World {
  TestAccount alice{1, "alice"}, adam{2, "adam"}, wanda{3, "wanda"}, rita{4, "rita"}, mallory{5, "mallory"};
  crypto::TestRandom random{6};
  SpaceId space;
  SpaceRoot root = SpaceRoot::random(random);
  CapabilitySeeds capabilities{crypto::Ed25519Seed::random(random), crypto::Ed25519Seed::random(random),
                               crypto::Ed25519Seed::random(random), crypto::Ed25519Seed::random(random)};
  MemberTable table;
  std::vector<EpochSecret> secrets;

  World() {
    space.bytes.fill(9);
    add(alice, Role::owner);
    add(adam, Role::admin);
    add(wanda, Role::writer);
    add(rita, Role::reader);
  }
  void add(const TestAccount& account, Role role) {
    const identity::ChainState& chain = account.chain;
    table.members.push_back(
        {chain.account, role, random.make<Nonce32>(), chain.n, chain.head, chain.circle.e, chain.circle.public_key});
    std::ranges::sort(table.members, {}, &Member::account);
  }
  [[nodiscard]] const Member& member(const TestAccount& account) const {
    return *std::ranges::find(table.members, account.chain.account, &Member::account);
  }
  NewEpoch next_epoch() {
    const auto epoch = static_cast<std::uint32_t>(secrets.size());
    std::vector<EpochSecret> earlier;
    for (const EpochSecret& secret : secrets) earlier.push_back(secret.clone());
    secrets.push_back(EpochSecret::random(random));
    return make_epoch({space, epoch, root, secrets.back(), earlier, capabilities, table, {}}, random).value();
  }
  [[nodiscard]] Result<SpaceSecrets> open(const TestAccount& account, ByteView boxes, const EpochChange* change) const {
    const crypto::XWingKey key = account.circle_kem_key();
    const auto own = std::ranges::find(table.members, account.chain.account, &Member::account);
    const SlotKey slot_key = key_of(own == table.members.end() ? Member{} : *own);
    return open_epoch(space, boxes, {account.chain.account, slot_key, {{account.chain.n, account.chain.head, key}}},
                      change);
  }
};

bool equal(const std::optional<crypto::Ed25519Seed>& a, const std::optional<crypto::Ed25519Seed>& b) {
  return a.has_value() == b.has_value() && (!a || *a == *b);
}

TEST(Members, EachRoleGetsItsKeysAndNoOthers) {
  World world;
  const NewEpoch epoch = world.next_epoch();
  const std::vector<std::tuple<const TestAccount*, Role>> members{{&world.alice, Role::owner},
                                                                  {&world.adam, Role::admin},
                                                                  {&world.wanda, Role::writer},
                                                                  {&world.rita, Role::reader}};
  for (const auto& [account, role] : members) {
    const auto opened = world.open(*account, epoch.boxes_object, &epoch.change);
    ASSERT_TRUE(opened) << opened.error().sentence;
    EXPECT_EQ(opened->role, role);
    EXPECT_EQ(opened->epoch, 0u);
    EXPECT_TRUE(opened->root == world.root);
    ASSERT_EQ(opened->epochs.size(), 1u);
    EXPECT_TRUE(opened->epochs[0] == world.secrets[0]);
    const CapabilitySeeds& held = opened->capabilities;
    EXPECT_TRUE(equal(held.read, world.capabilities.read));
    EXPECT_EQ(held.write.has_value(), role != Role::reader);
    EXPECT_EQ(held.maintain.has_value(), role <= Role::admin);
    EXPECT_EQ(held.admin.has_value(), role <= Role::admin);
    EXPECT_TRUE(!held.write || equal(held.write, world.capabilities.write));
    EXPECT_TRUE(!held.maintain || equal(held.maintain, world.capabilities.maintain));
    EXPECT_TRUE(!held.admin || equal(held.admin, world.capabilities.admin));
    EXPECT_EQ(encode(opened->members), encode(world.table));
  }
}

TEST(Members, WhoHasNoSlotIsNotAuthorized) {
  World world;
  const NewEpoch epoch = world.next_epoch();
  EXPECT_EQ(world.open(world.mallory, epoch.boxes_object, &epoch.change).error().code, Code::NotAuthorized);

  // Knowing a member's slot key is not being that member.
  const crypto::XWingKey key = world.mallory.circle_kem_key();
  const Member& alice = world.member(world.alice);
  const SlotKey slot_key = key_of(alice);
  const SlotReader thief{alice.account, slot_key, {{alice.n, alice.link, key}}};
  EXPECT_EQ(open_epoch(world.space, epoch.boxes_object, thief, &epoch.change).error().code, Code::Tampered);
}

TEST(Members, ASlotOpensOnlyUnderTheLinkThatItWasSealedFor) {
  World world;
  const NewEpoch epoch = world.next_epoch();
  const crypto::XWingKey key = world.alice.circle_kem_key();
  const Member& alice = world.member(world.alice);
  EXPECT_TRUE(open_epoch(world.space, epoch.boxes_object, {alice.account, key_of(alice), {{alice.n, alice.link, key}}},
                         nullptr));
  EXPECT_FALSE(open_epoch(world.space, epoch.boxes_object,
                          {alice.account, key_of(alice), {{alice.n + 1, alice.link, key}}}, nullptr));
  EXPECT_FALSE(
      open_epoch(world.space, epoch.boxes_object, {alice.account, key_of(alice), {{alice.n, Hash{}, key}}}, nullptr));
  SpaceId other = world.space;
  other.bytes[0] ^= 1;
  EXPECT_FALSE(
      open_epoch(other, epoch.boxes_object, {alice.account, key_of(alice), {{alice.n, alice.link, key}}}, nullptr));
}

// Promise: an account whose chain has gone on since opens what was sealed before.
TEST(Members, ASlotOpensUnderAnyOfTheReadersLinks) {
  World world;
  const NewEpoch epoch = world.next_epoch();
  const Member& alice = world.member(world.alice);
  const crypto::XWingKey key = world.alice.circle_kem_key(), newer = world.mallory.circle_kem_key();
  const CircleLink old_link{alice.n, alice.link, key}, new_link{alice.n + 1, Hash{}, newer};
  EXPECT_TRUE(
      open_epoch(world.space, epoch.boxes_object, {alice.account, key_of(alice), {new_link, old_link}}, &epoch.change));
  EXPECT_EQ(open_epoch(world.space, epoch.boxes_object, {alice.account, key_of(alice), {new_link}}, &epoch.change)
                .error()
                .code,
            Code::Tampered);
}

TEST(Members, WhoeverOpensTheNewestEpochHasAllBeforeIt) {
  World world;
  std::vector<NewEpoch> epochs;
  for (int i = 0; i < 4; ++i) epochs.push_back(world.next_epoch());
  for (std::size_t e = 0; e < epochs.size(); ++e) {
    const auto opened = world.open(world.rita, epochs[e].boxes_object, &epochs[e].change);
    ASSERT_TRUE(opened) << opened.error().sentence;
    ASSERT_EQ(opened->epochs.size(), e + 1);
    for (std::size_t earlier = 0; earlier <= e; ++earlier)
      EXPECT_TRUE(opened->epochs[earlier] == world.secrets[earlier]);
  }
  // An epoch's number and commitment hold its own boxes only.
  EXPECT_EQ(world.open(world.rita, epochs[1].boxes_object, &epochs[2].change).error().code, Code::Tampered);
}

TEST(Members, ARemovedMemberDoesNotOpenTheNextEpoch) {
  World world;
  const NewEpoch before = world.next_epoch();
  const SlotKey slot_key = key_of(world.member(world.wanda));
  std::erase_if(world.table.members, [&](const Member& member) { return member.account == world.wanda.chain.account; });
  const NewEpoch after = world.next_epoch();
  const crypto::XWingKey key = world.wanda.circle_kem_key();
  const SlotReader wanda{world.wanda.chain.account, slot_key, {{world.wanda.chain.n, world.wanda.chain.head, key}}};
  EXPECT_TRUE(open_epoch(world.space, before.boxes_object, wanda, &before.change));
  EXPECT_EQ(open_epoch(world.space, after.boxes_object, wanda, &after.change).error().code, Code::NotAuthorized);
}

// Promise: the boxes show the server neither who is a member nor who may do what (B7).
TEST(Members, SlotsAreOfOneSizeAndTheirNumberIsAPowerOfTwo) {
  World world;
  world.add(world.mallory, Role::reader);
  const NewEpoch epoch = world.next_epoch();
  EXPECT_EQ(epoch.boxes.slots.size(), 8u);       // five members
  EXPECT_EQ(epoch.boxes.role_slots.size(), 2u);  // two of them with roles
  for (const auto* slots : {&epoch.boxes.slots, &epoch.boxes.role_slots}) {
    for (const Slot& slot : *slots) EXPECT_EQ(slot.sealed.size(), slots->front().sealed.size());
    EXPECT_TRUE(std::ranges::is_sorted(*slots, {}, &Slot::slot));
  }
  // No member's slot has the same name in the next epoch.
  const NewEpoch next = world.next_epoch();
  for (const Slot& slot : next.boxes.slots) EXPECT_EQ(std::ranges::count(epoch.boxes.slots, slot.slot, &Slot::slot), 0);
}

TEST(Members, AbovePowersOfTwoTheNumberOfSlotsGrowsBy64) {
  World world;
  const NewEpoch few = world.next_epoch();
  EXPECT_EQ(few.boxes.slots.size(), 4u);
  Member reader = world.member(world.rita);
  while (world.table.members.size() < 129) {
    reader.account = world.random.make<AccountId>();
    world.table.members.push_back(reader);
  }
  std::ranges::sort(world.table.members, {}, &Member::account);
  EXPECT_EQ(world.next_epoch().boxes.slots.size(), 192u);
}

// Promise: an epoch's object tells the server no more than the number of slots (B7). Method: every number of members.
TEST(Members, TheObjectIsAsLongAsIfEverySlotWereAMembers) {
  World world;
  const Member reader = world.member(world.rita);
  std::map<std::size_t, std::size_t> bytes_of;  // by slots
  for (int more = 0; more < 30; ++more) {
    const NewEpoch epoch = world.next_epoch();
    world.secrets.clear();
    const auto [known, fresh] = bytes_of.emplace(epoch.boxes.slots.size(), epoch.boxes_object.size());
    EXPECT_EQ(known->second, epoch.boxes_object.size()) << world.table.members.size() << " members";
    EXPECT_TRUE(world.open(world.wanda, epoch.boxes_object, &epoch.change));
    world.table.members.push_back(reader);
    world.table.members.back().account = world.random.make<AccountId>();
    std::ranges::sort(world.table.members, {}, &Member::account);
  }
  EXPECT_EQ(bytes_of.size(), 5u);  // 4, 8, 16, 32 and 64 slots
}

TEST(Members, ATableThatIsNotPaddedAsItMustBeIsMalformed) {
  World world;
  world.add(world.mallory, Role::reader);
  NewEpoch epoch = world.next_epoch();
  const EpochKeys keys(world.secrets.back(), world.space, 0);
  const crypto::Context context{"Holdfast 1 members", encode(EpochWhere{world.space, 0})};
  const Bytes plain = crypto::open_box(keys.members, context, epoch.boxes.members).value();
  const auto outcome_of = [&](const Bytes& table) {
    epoch.boxes.members = crypto::seal_box(keys.members, context, table, world.random);
    const auto opened = world.open(world.alice, encode(epoch.boxes), nullptr);
    return opened ? std::optional<Code>() : opened.error().code;
  };
  EXPECT_EQ(outcome_of(plain), std::nullopt);
  Bytes not_zero = plain;
  not_zero.back() = 1;
  EXPECT_EQ(outcome_of(not_zero), Code::Malformed);
  EXPECT_EQ(outcome_of(encode(PaddedMembers{world.table, {}})), Code::Malformed);
}

// With the signed commit at hand, nothing of the object can be changed; without it, what is opened must still be whole.
TEST(Members, EveryFlippedByteOfTheBoxesIsRefused) {
  World world;
  (void)world.next_epoch();
  const NewEpoch epoch = world.next_epoch();
  std::size_t opened = 0;
  for_each_flipped_byte(epoch.boxes_object, [&](std::size_t at, const Bytes& flipped) {
    const auto with = world.open(world.alice, flipped, &epoch.change);
    ASSERT_FALSE(with) << "byte " << at;
    EXPECT_EQ(with.error().code, Code::Tampered) << "byte " << at;
    if (at % 5 != 0) return;  // each costs a decapsulation
    const auto without = world.open(world.alice, flipped, nullptr);
    if (!without) {
      const Code code = without.error().code;
      EXPECT_TRUE(code == Code::Malformed || code == Code::Tampered || code == Code::NotAuthorized) << "byte " << at;
      return;
    }
    ++opened;  // the byte was another member's
    EXPECT_TRUE(without->root == world.root);
    EXPECT_EQ(verify_epoch(*without, flipped, epoch.change).error().code, Code::Tampered);
  });
  EXPECT_GT(opened, 500u);
}

TEST(Members, WhatTheCommitSaysOfAnEpochIsHeldAgainstWhatOpens) {
  World world;
  const NewEpoch epoch = world.next_epoch();
  const auto opened = world.open(world.alice, epoch.boxes_object, nullptr).value();
  ASSERT_TRUE(verify_epoch(opened, epoch.boxes_object, epoch.change));
  std::vector<EpochChange> wrong(7, epoch.change);
  wrong[0].epoch = 1;
  wrong[1].boxes.bytes[0] ^= 1;
  wrong[2].commitment.bytes[0] ^= 1;
  wrong[3].members.bytes[0] ^= 1;
  wrong[4].roles.epoch = 1;
  wrong[5].roles.boxes_object.bytes[0] ^= 1;
  wrong[6].roles.boxes.bytes[0] ^= 1;
  for (const EpochChange& change : wrong)
    EXPECT_EQ(verify_epoch(opened, epoch.boxes_object, change).error().code, Code::Tampered);
}

TEST(Members, ATableHasOneOwnerAndAscendingAccounts) {
  World world;
  const auto refused = [&] {
    return make_epoch(
               {world.space, 0, world.root, EpochSecret::random(world.random), {}, world.capabilities, world.table, {}},
               world.random)
               .error()
               .code == Code::Malformed;
  };
  const MemberTable good = world.table;
  std::swap(world.table.members[0], world.table.members[1]);
  EXPECT_TRUE(refused());
  world.table = good;
  world.table.members.push_back(world.table.members.back());
  EXPECT_TRUE(refused());
  world.table = good;
  std::ranges::find(world.table.members, Role::owner, &Member::role)->role = Role::admin;
  EXPECT_TRUE(refused());
  world.table = good;
  world.table.members.front().role = world.table.members.back().role = Role::owner;
  EXPECT_TRUE(refused());
  world.table.members.clear();
  EXPECT_TRUE(refused());
}

// Promise: who has a role finds its keys after a writer's rekey, in the object that the signed commits carry on (D18).
TEST(Members, AWritersRekeyCarriesOnWhereTheRoleSlotsAre) {
  World world;
  const NewEpoch first = world.next_epoch();
  EXPECT_EQ(first.change.roles, (RoleSlots{0, first.change.boxes_object, first.change.boxes}));
  CapabilitySeeds of_writer{world.capabilities.read->clone(), world.capabilities.write->clone(), std::nullopt,
                            std::nullopt};
  const auto secret = EpochSecret::random(world.random);
  const auto rekey = [&](std::optional<RoleSlots> roles) {
    return make_epoch({world.space, 1, world.root, secret, world.secrets, of_writer, world.table, roles}, world.random);
  };
  EXPECT_EQ(rekey({}).error().code, Code::InvalidArgument);
  EXPECT_EQ(rekey(RoleSlots{1, {}, {}}).error().code, Code::InvalidArgument);
  const NewEpoch epoch = rekey(first.change.roles).value();
  EXPECT_TRUE(epoch.boxes.role_slots.empty());
  EXPECT_EQ(epoch.change.roles, first.change.roles);
  auto opened = world.open(world.adam, epoch.boxes_object, &epoch.change);
  ASSERT_TRUE(opened);
  EXPECT_TRUE(opened->capabilities.write.has_value());
  EXPECT_FALSE(opened->capabilities.admin.has_value());

  const auto take = [&](const TestAccount& account, ByteView object) {
    const crypto::XWingKey key = account.circle_kem_key();
    const Member& self = world.member(account);
    auto status =
        take_roles(*opened, object, {self.account, key_of(self), {{self.n, self.link, key}}}, epoch.change.roles);
    return status ? std::optional<Code>() : status.error().code;
  };
  Bytes other = first.boxes_object;
  other.back() ^= 1;
  EXPECT_EQ(take(world.adam, other), Code::Tampered);
  EXPECT_EQ(take(world.wanda, first.boxes_object), Code::NotAuthorized);
  EXPECT_FALSE(opened->capabilities.admin.has_value());
  EXPECT_EQ(take(world.adam, first.boxes_object), std::nullopt);
  EXPECT_TRUE(equal(opened->capabilities.admin, world.capabilities.admin));
  EXPECT_TRUE(equal(opened->capabilities.maintain, world.capabilities.maintain));
}

TEST(Members, ASpacesIdVouchesForItsOwnerNonceAndRoot) {
  World world;
  const Nonce32 nonce = world.random.make<Nonce32>();
  const Creation creation{{}, world.alice.chain.account, nonce, root_commitment(world.root, nonce)};
  const SpaceId id = space_id_of(creation);
  EXPECT_EQ(id, space_id_of(creation));
  Creation other = creation;
  other.owner = world.mallory.chain.account;
  EXPECT_NE(space_id_of(other), id);
  other = creation;
  other.nonce.bytes[0] ^= 1;
  EXPECT_NE(space_id_of(other), id);
  other = creation;
  other.root_commitment = root_commitment(SpaceRoot::random(world.random), nonce);
  EXPECT_NE(space_id_of(other), id);
  EXPECT_NE(root_commitment(world.root, nonce), root_commitment(world.root, Nonce32{}));
}

}  // namespace

}  // namespace holdfast::space
