#include "space/commit.h"

#include <gtest/gtest.h>

#include "identity/test_account.h"

namespace holdfast::space {

namespace {

using identity::testing::for_each_flipped_byte;
using identity::testing::TestAccount;

// Alice's space, after its genesis.
struct World {
  TestAccount alice{1, "alice"}, mallory{2, "mallory"};
  crypto::TestRandom random{3};
  NewSpace space =
      make_space(random_space_seed(random), {alice.chain, alice.keys}, 1, 1'700'000'000'000'000'000, random).value();
  EpochKeys keys{space.secrets.epochs[0], space.secrets.space, 0};

  [[nodiscard]] CommitBody body(CommitKind kind = CommitKind::content) const {
    CommitBody out;
    out.space = space.secrets.space;
    out.seq = 2;
    out.prev = api::entry_hash(space.genesis);
    out.kind = kind;
    out.time_ns = 1'700'000'001'000'000'000;
    out.author = {alice.chain.account, alice.seeds.id, alice.chain.n, alice.chain.head, 2};
    out.record = identity::no_record();
    return out;
  }
  api::Entry seal(const CommitBody& body) {
    return seal_commit(body, keys, space.boxes_id, alice.keys, random).value();
  }
  [[nodiscard]] Result<CommitPlain> open(const api::Entry& entry) const {
    HF_TRY(const auto sealed, decode<SealedCommit>(entry.blob, "a commit"));
    return open_commit(entry, sealed, keys);
  }
  [[nodiscard]] Authority authority() const { return {space.secrets.members, alice.chain, 0}; }
  [[nodiscard]] Status verify(const CommitPlain& plain) const { return verify_commit(plain, authority()); }
};

TEST(Commit, WhatIsSealedOpensAndIsVerified) {
  World world;
  for (const CommitKind kind :
       {CommitKind::content, CommitKind::snapshot, CommitKind::membership, CommitKind::rekey, CommitKind::prune}) {
    CommitBody body = world.body(kind);
    body.inlined.push_back({ChunkKind::node, {1, 2, 3}});
    body.retire.push_back(world.random.make<ObjectId>());
    const api::Entry entry = world.seal(body);
    EXPECT_EQ(entry.group, group_of(body.space));
    EXPECT_EQ(entry.seq, body.seq);
    EXPECT_EQ(entry.prev, body.prev);
    const auto opened = world.open(entry);
    ASSERT_TRUE(opened) << opened.error().sentence;
    EXPECT_EQ(encode(opened->body), encode(body));
    EXPECT_EQ(std::holds_alternative<crypto::HybridSignature>(opened->signature), kind != CommitKind::content);
    EXPECT_TRUE(world.verify(*opened));
  }
}

// Promise: the server sees a commit's size in whole KiB only.
TEST(Commit, EveryBlobIsAMultipleOfOneKiB) {
  World world;
  CommitBody body = world.body();
  for (std::size_t size = 0; size <= 5000; ++size) {
    body.inlined = {{ChunkKind::data, Bytes(size, 7)}};
    const api::Entry entry = world.seal(body);
    ASSERT_EQ(entry.blob.size() % 1024, 0u) << size;
    ASSERT_LT(entry.blob.size(), size + 3 * 1024) << size;
    if (size % 250 == 0) {
      ASSERT_TRUE(world.open(entry)) << size;
    }
  }
}

TEST(Commit, PaddingFitsWhereSizesOfSizesChange) {
  World world;
  CommitBody body = world.body();
  for (const std::size_t around : {std::size_t{64}, std::size_t{16384}}) {  // RFC 9420: one, two and four bytes of size
    for (std::size_t size = around - 60; size < around + 1100; size += 7) {
      body.inlined = {{ChunkKind::data, Bytes(size, 7)}};
      const api::Entry entry = world.seal(body);
      ASSERT_EQ(entry.blob.size() % 1024, 0u) << size;
      ASSERT_TRUE(world.open(entry)) << size;
    }
  }
}

// Attack A20: two seals of one body, or two bodies at one place, share no key.
TEST(Commit, TwoSealsOfOneBodyHaveDifferentSaltsAndNoBytesInCommon) {
  World world;
  const CommitBody body = world.body();
  const auto first = decode<SealedCommit>(world.seal(body).blob, "a commit").value();
  const auto second = decode<SealedCommit>(world.seal(body).blob, "a commit").value();
  EXPECT_NE(Bytes(first.sealed.begin(), first.sealed.begin() + 32),
            Bytes(second.sealed.begin(), second.sealed.begin() + 32));

  // Even when the random numbers repeat, as in a copied virtual machine, other content gives another salt.
  crypto::StuckRandom stuck;
  CommitBody other = body;
  other.author.counter = 3;
  const auto a =
      decode<SealedCommit>(seal_commit(body, world.keys, world.space.boxes_id, world.alice.keys, stuck)->blob, "")
          .value();
  const auto b =
      decode<SealedCommit>(seal_commit(other, world.keys, world.space.boxes_id, world.alice.keys, stuck)->blob, "")
          .value();
  EXPECT_NE(Bytes(a.sealed.begin(), a.sealed.begin() + 32), Bytes(b.sealed.begin(), b.sealed.begin() + 32));
}

TEST(Commit, EveryFlippedByteOfTheBlobIsRefused) {
  World world;
  api::Entry entry = world.seal(world.body());
  for_each_flipped_byte(entry.blob, [&](std::size_t at, const Bytes& flipped) {
    api::Entry changed = entry;
    changed.blob = flipped;
    const auto opened = world.open(changed);
    ASSERT_FALSE(opened) << "byte " << at;
    EXPECT_TRUE(opened.error().code == Code::Tampered || opened.error().code == Code::Malformed) << "byte " << at;
  });
}

TEST(Commit, ACommitOpensOnlyInItsPlaceInTheLog) {
  World world;
  const api::Entry entry = world.seal(world.body());
  ASSERT_TRUE(world.open(entry));
  std::vector<api::Entry> moved(3, entry);
  ++moved[0].seq;
  moved[1].prev.bytes[5] ^= 1;
  moved[2].group.bytes[5] ^= 1;
  for (const api::Entry& elsewhere : moved) EXPECT_EQ(world.open(elsewhere).error().code, Code::Tampered);

  const auto sealed = decode<SealedCommit>(entry.blob, "a commit").value();
  const EpochKeys next(EpochSecret::random(world.random), world.space.secrets.space, 1);
  EXPECT_EQ(open_commit(entry, sealed, next).error().code, Code::Tampered);
  SealedCommit renumbered = sealed;
  renumbered.epoch = 1;
  const EpochKeys renumbered_keys(world.space.secrets.epochs[0], world.space.secrets.space, 1);
  EXPECT_EQ(open_commit(entry, renumbered, renumbered_keys).error().code, Code::Tampered);
  SealedCommit other_boxes = sealed;
  other_boxes.boxes.bytes[0] ^= 1;
  EXPECT_EQ(open_commit(entry, other_boxes, world.keys).error().code, Code::Tampered);
}

// Whoever holds the epoch's keys can seal what they like; the rest is checked.
struct Forger {
  World& world;
  api::Entry seal(CommitPlain plain, const api::Entry& place) {
    SealedCommit sealed{0, world.space.boxes_id, {}};
    const SpaceId space{place.group.bytes};
    const crypto::Context context{"Holdfast 1 commit box",
                                  encode(CommitWhere{space, place.seq, place.prev, 0, world.space.boxes_id})};
    sealed.sealed = crypto::seal_box(world.keys.commit, context, encode(plain), world.random);
    api::Entry entry = place;
    entry.blob = encode(sealed);
    return entry;
  }
};

TEST(Commit, ABodyThatNamesAnotherPlaceThanItsEntryIsTampered) {
  World world;
  const api::Entry place = world.seal(world.body());
  const CommitPlain plain = world.open(place).value();
  Forger forger{world};
  ASSERT_TRUE(world.open(forger.seal(plain, place)));
  std::vector<CommitPlain> wrong(4, plain);
  ++wrong[0].body.seq;
  wrong[1].body.prev.bytes[0] ^= 1;
  wrong[2].body.space.bytes[0] ^= 1;
  ++wrong[3].body.epoch;
  for (const CommitPlain& other : wrong) EXPECT_EQ(world.open(forger.seal(other, place)).error().code, Code::Tampered);
}

TEST(Commit, PaddingIsZerosAndAsLongAsItMustBe) {
  World world;
  const api::Entry place = world.seal(world.body());
  const CommitPlain plain = world.open(place).value();
  ASSERT_FALSE(plain.padding.empty());
  Forger forger{world};
  CommitPlain marked = plain;
  marked.padding.back() = 1;
  EXPECT_EQ(world.open(forger.seal(marked, place)).error().code, Code::Malformed);
  CommitPlain shorter = plain;
  shorter.padding.pop_back();
  EXPECT_EQ(world.open(forger.seal(shorter, place)).error().code, Code::Malformed);
}

TEST(Commit, MoreThan64KiBInlineOr192KiBInAllIsRefused) {
  World world;
  CommitBody body = world.body();
  body.inlined = {{ChunkKind::data, Bytes(inline_bytes_max, 1)}};
  EXPECT_TRUE(world.open(world.seal(body)));
  body.inlined.push_back({ChunkKind::data, {1}});
  EXPECT_EQ(world.open(world.seal(body)).error().code, Code::Malformed);
  body.inlined = {{ChunkKind::data, Bytes(192 * 1024, 1)}};
  EXPECT_EQ(seal_commit(body, world.keys, world.space.boxes_id, world.alice.keys, world.random).error().code,
            Code::TooLarge);
}

CommitPlain opened(World& world, const CommitBody& body) { return world.open(world.seal(body)).value(); }

// Whoever reads it forgets what lies below the floor, one commit after the other.
TEST(Commit, AnInlineFloorAboveItsOwnCommitIsRefused) {
  World world;
  CommitBody body = world.body();
  body.state.inline_floor = body.seq;
  EXPECT_TRUE(world.open(world.seal(body)));
  for (const std::uint64_t floor : {body.seq + 1, ~std::uint64_t{0}}) {
    body.state.inline_floor = floor;
    EXPECT_EQ(world.open(world.seal(body)).error().code, Code::Malformed);
  }
}

TEST(Commit, OnlyTheKindOfSignatureThatTheCommitNeedsCounts) {
  World world;
  CommitPlain content = opened(world, world.body(CommitKind::content));
  const CommitPlain snapshot = opened(world, world.body(CommitKind::snapshot));
  content.signature = snapshot.signature;
  EXPECT_EQ(world.verify(content).error().code, Code::NotAuthorized);

  struct Case {
    CommitKind kind;
    bool checkpoint, needs_hybrid;
  };
  // Signed by hand with the kind of key that the commit does not ask for.
  for (const Case& c : {Case{CommitKind::content, false, false}, Case{CommitKind::content, true, true},
                        Case{CommitKind::snapshot, false, true}, Case{CommitKind::membership, false, true},
                        Case{CommitKind::rekey, false, true}, Case{CommitKind::prune, false, true}}) {
    CommitBody body = world.body(c.kind);
    body.checkpoint = c.checkpoint;
    EXPECT_EQ(body.needs_hybrid(), c.needs_hybrid);
    CommitPlain plain = opened(world, body);
    ASSERT_TRUE(world.verify(plain));
    const Hash hash = crypto::hash_of(body);
    const Bytes context = encode(CommitSignContext{body.space, body.seq, body.author.account, body.author.device});
    if (c.needs_hybrid) {
      plain.signature = world.alice.keys.commit.sign("Holdfast 1 commit signature", context, hash);
    } else {
      plain.signature = world.alice.keys.identity.sign("Holdfast 1 commit signature", context, hash, world.random);
    }
    EXPECT_EQ(world.verify(plain).error().code, Code::NotAuthorized) << static_cast<int>(c.kind);
  }
}

TEST(Commit, EitherHalfOfAHybridSignatureAloneIsRefused) {
  World world;
  const CommitPlain plain = opened(world, world.body(CommitKind::snapshot));
  for (const bool classical : {true, false}) {
    CommitPlain half = plain;
    auto& signature = std::get<crypto::HybridSignature>(half.signature);
    (classical ? signature.ed25519.bytes[3] : signature.mldsa65.bytes[3]) ^= 1;
    EXPECT_EQ(world.verify(half).error().code, Code::NotAuthorized);
  }
}

TEST(Commit, ASignatureHoldsForItsBodyAlone) {
  World world;
  const CommitPlain plain = opened(world, world.body());
  const std::vector<std::function<void(CommitBody&)>> changes = {
      [](CommitBody& body) { body.time_ns += 1; },
      [](CommitBody& body) { body.author.counter += 1; },
      [](CommitBody& body) { body.state.live_root.bytes[0] ^= 1; },
      [](CommitBody& body) { body.retire.emplace_back(); },
      [](CommitBody& body) { body.record.size = 1; },
      [](CommitBody& body) { body.seq += 1; },
      [](CommitBody& body) { body.space.bytes[0] ^= 1; },
  };
  for (const auto& change : changes) {
    CommitPlain other = plain;
    change(other.body);
    EXPECT_EQ(world.verify(other).error().code, Code::NotAuthorized);
  }
}

TEST(Commit, WhoIsNotInTheTableMayNotCommit) {
  World world;
  CommitBody body = world.body();
  body.author = {world.mallory.chain.account, world.mallory.seeds.id, world.mallory.chain.n, world.mallory.chain.head,
                 1};
  const api::Entry entry =
      seal_commit(body, world.keys, world.space.boxes_id, world.mallory.keys, world.random).value();
  const CommitPlain plain = world.open(entry).value();
  EXPECT_EQ(verify_commit(plain, {world.space.secrets.members, world.mallory.chain, 0}).error().code,
            Code::NotAuthorized);
}

TEST(Commit, EachRoleMayMakeItsKindsOfCommitOnly) {
  World world;
  struct Rule {
    CommitKind kind;
    std::vector<Role> allowed;
  };
  const std::vector<Rule> rules = {
      {CommitKind::content, {Role::owner, Role::admin, Role::writer}},
      {CommitKind::snapshot, {Role::owner, Role::admin, Role::writer}},
      {CommitKind::rekey, {Role::owner, Role::admin, Role::writer}},
      {CommitKind::membership, {Role::owner, Role::admin}},
      {CommitKind::prune, {Role::owner, Role::admin}},
      {CommitKind::genesis, {Role::owner}},
  };
  for (const Rule& rule : rules) {
    const CommitPlain plain = opened(world, world.body(rule.kind));
    for (const Role role : {Role::owner, Role::admin, Role::writer, Role::reader}) {
      MemberTable table = world.space.secrets.members;
      table.members[0].role = role;
      const bool allowed = std::ranges::find(rule.allowed, role) != rule.allowed.end();
      const Status status = verify_commit(plain, {table, world.alice.chain, 0});
      EXPECT_EQ(status.has_value(), allowed) << static_cast<int>(rule.kind) << " by role " << static_cast<int>(role);
      if (!status) {
        EXPECT_EQ(status.error().code, Code::NotAuthorized);
      }
    }
  }
}

TEST(Commit, ADeviceThatTheChainDoesNotHaveIsRevoked) {
  World world;
  const CommitPlain plain = opened(world, world.body());
  identity::ChainState without = world.alice.chain;
  without.devices.clear();
  EXPECT_EQ(verify_commit(plain, {world.space.secrets.members, without, 0}).error().code, Code::Revoked);
}

TEST(Commit, AnAuthorWhoKnowsLessOfItsChainThanWasObservedIsRevoked) {
  World world;
  const CommitPlain plain = opened(world, world.body());
  EXPECT_TRUE(verify_commit(plain, {world.space.secrets.members, world.alice.chain, 0}));
  EXPECT_EQ(verify_commit(plain, {world.space.secrets.members, world.alice.chain, 1}).error().code, Code::Revoked);
}

TEST(Commit, AChainThatIsNotTheAuthorsAtItsLinkProvesNothing) {
  World world;
  const CommitPlain plain = opened(world, world.body());
  std::vector<identity::ChainState> wrong(2, world.alice.chain);
  wrong[0].n = 1;
  wrong[1].head.bytes[0] ^= 1;
  wrong.push_back(world.mallory.chain);
  for (const identity::ChainState& chain : wrong)
    EXPECT_EQ(verify_commit(plain, {world.space.secrets.members, chain, 0}).error().code, Code::Tampered);
}

TEST(Genesis, ANewSpaceBeginsWithACommitThatItsIdVouchesFor) {
  World world;
  const auto plain = world.open(world.space.genesis);
  ASSERT_TRUE(plain) << plain.error().sentence;
  EXPECT_EQ(plain->body.seq, api::first_seq);
  EXPECT_TRUE(world.verify(*plain));
  const SpaceSecrets& secrets = world.space.secrets;
  EXPECT_TRUE(verify_genesis(*plain, secrets.space, secrets.root));
  EXPECT_EQ(plain->body.caps, secrets.capabilities.caps());
  EXPECT_EQ(plain->body.new_epoch->boxes, crypto::sha256(world.space.boxes_object));

  const crypto::XWingKey key = world.alice.circle_kem_key();
  const SlotKey slot_key = SlotKey::copy_of(secrets.members.members[0].slot_key.view());
  const SlotReader alice{world.alice.chain.account, slot_key, {{0, world.alice.chain.head, key}}};
  const auto opened = open_epoch(secrets.space, world.space.boxes_object, alice, &*plain->body.new_epoch);
  ASSERT_TRUE(opened) << opened.error().sentence;
  EXPECT_EQ(opened->role, Role::owner);
  EXPECT_TRUE(opened->root == secrets.root);
}

TEST(Genesis, AnotherFirstCommitThanTheIdsIsRefused) {
  World world;
  const CommitPlain plain = world.open(world.space.genesis).value();
  const SpaceSecrets& secrets = world.space.secrets;
  SpaceId other = secrets.space;
  other.bytes[0] ^= 1;
  EXPECT_EQ(verify_genesis(plain, other, secrets.root).error().code, Code::Forked);
  EXPECT_EQ(verify_genesis(plain, secrets.space, SpaceRoot::random(world.random)).error().code, Code::Tampered);
  const std::vector<std::function<void(CommitBody&)>> changes = {
      [](CommitBody& body) { body.kind = CommitKind::content; },
      [](CommitBody& body) { body.seq = 0; },
      [](CommitBody& body) { body.prev.bytes[0] = 1; },
      [](CommitBody& body) { body.epoch = 1; },
      [](CommitBody& body) { body.creation.reset(); },
      [](CommitBody& body) { body.new_epoch.reset(); },
      [](CommitBody& body) { body.new_epoch->epoch = 1; },
      [](CommitBody& body) { body.creation->nonce.bytes[0] ^= 1; },
      [](CommitBody& body) { body.author.account.bytes[0] ^= 1; },
  };
  for (const auto& change : changes) {
    CommitPlain wrong = plain;
    change(wrong.body);
    EXPECT_EQ(verify_genesis(wrong, secrets.space, secrets.root).error().code, Code::Forked);
  }
}

TEST(Genesis, TheHomeSpaceIsFoundAgainFromTheFirstCircleAlone) {
  World world;
  const AccountId account = world.alice.chain.account;
  const SpaceSeed seed = home_space_seed(world.alice.made.circle[0], account),
                  again = home_space_seed(world.alice.made.circle[0], account);
  EXPECT_EQ(space_id_of(seed, account), space_id_of(again, account));
  EXPECT_TRUE(seed.root == again.root);
  EXPECT_TRUE(seed.slot_key == again.slot_key);
  EXPECT_FALSE(seed.slot_key == SlotKey::copy_of(seed.nonce.view()));
  EXPECT_NE(space_id_of(home_space_seed(world.mallory.made.circle[0], account), account), space_id_of(seed, account));
  const NewSpace home = make_space(seed, {world.alice.chain, world.alice.keys}, 1, 0, world.random).value();
  EXPECT_EQ(home.secrets.space, space_id_of(seed, account));
}

}  // namespace

}  // namespace holdfast::space
