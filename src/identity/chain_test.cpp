#include <gmock/gmock.h>

#include <functional>
#include <set>

#include "identity/test_account.h"

namespace holdfast::identity {

namespace {

using testing::for_each_flipped_byte;
using testing::TestAccount;
using testing::TestDevice;

constexpr bool refuses_forgery(Code code) {
  return code == Code::Malformed || code == Code::Tampered || code == Code::NotAuthorized || code == Code::TooOld;
}

Result<ChainState> begin_encoded(ByteView bytes) {
  HF_TRY(const Link link, decode<Link>(bytes, "a link"));
  return begin_chain(link);
}

TEST(Chain, AnAccountBeginsWithWhatItsFirstLinkSays) {
  const TestAccount alice(1);
  const ChainState& chain = alice.chain;
  EXPECT_EQ(chain.account, alice.made.account);
  EXPECT_EQ(chain.account.bytes, crypto::hash_of(alice.made.link_0.body).bytes);
  EXPECT_EQ(chain.n, 0u);
  EXPECT_EQ(chain.head, link_hash(alice.made.link_0.body));
  ASSERT_EQ(chain.devices.size(), 1u);
  EXPECT_EQ(chain.devices[0], alice.keys.public_keys);
  ASSERT_NE(chain.device(alice.seeds.id), nullptr);
  EXPECT_EQ(chain.device(DeviceId{}), nullptr);
  EXPECT_EQ(chain.policy.origin, "holdfast.example/log");
  EXPECT_EQ(chain.floor, version_floor);
}

TEST(Chain, TheLogsFirstEntryHoldsTheLinkAtTheFirstPlace) {
  const TestAccount alice(1);
  const api::Entry entry = first_entry(alice.made);
  EXPECT_EQ(entry.group, group_of(alice.made.account));
  EXPECT_EQ(entry.kind, api::EntryKind::link);
  EXPECT_EQ(entry.seq, api::first_seq);
  EXPECT_TRUE(entry.prev.is_zero());
  const auto content = decode<AccountEntry>(entry.blob, "an entry");
  ASSERT_TRUE(content);
  EXPECT_EQ(link_hash(std::get<Link>(content->content).body), alice.chain.head);
  EXPECT_LE(entry.blob.size(), api::entry_blob_bytes_max);
}

// Promise: nobody changes an account's first link. Method: one bit of every byte of its encoding, signatures and boxes
// too.
TEST(Chain, EveryFlippedByteOfTheFirstLinkIsRefused) {
  const TestAccount alice(2);
  const Bytes whole = encode(alice.made.link_0);
  ASSERT_TRUE(begin_encoded(whole));
  for_each_flipped_byte(whole, [](std::size_t at, const Bytes& flipped) {
    const auto chain = begin_encoded(flipped);
    ASSERT_FALSE(chain) << "byte " << at;
    EXPECT_TRUE(refuses_forgery(chain.error().code)) << "byte " << at << ": " << name_of(chain.error().code);
  });
}

TEST(Chain, ACutOrLengthenedLinkIsMalformed) {
  const TestAccount alice(2);
  Bytes whole = encode(alice.made.link_0);
  for (std::size_t size = 0; size < whole.size(); size += 97)
    EXPECT_EQ(begin_encoded(ByteView(whole).first(size)).error().code, Code::Malformed);
  whole.push_back(0);
  EXPECT_EQ(begin_encoded(whole).error().code, Code::Malformed);
}

TEST(Chain, HalfOfAHybridSignatureIsNoSignature) {
  const TestAccount alice(3), mallory(4);
  for (const bool classical : {true, false}) {
    Link link = alice.made.link_0;
    crypto::HybridSignature& signature = link.signatures[0].signature;
    const crypto::HybridSignature other = mallory.made.link_0.signatures[0].signature;
    if (classical) {
      signature.ed25519 = other.ed25519;
    } else {
      signature.mldsa65 = other.mldsa65;
    }
    EXPECT_EQ(begin_chain(link).error().code, Code::NotAuthorized);
  }
}

TEST(Chain, AnotherAccountsLinkIsRefusedWhereOneIsExpected) {
  const TestAccount alice(5), mallory(6);
  EXPECT_TRUE(begin_chain(alice.made.link_0, alice.made.account));
  EXPECT_EQ(begin_chain(mallory.made.link_0, alice.made.account).error().code, Code::Tampered);
}

struct SignContext {  // as docs/formats/identity.md has it
  AccountId account;
  std::uint64_t n = 0;
  HOLDFAST_WIRE(account, n)
};

// A link whose author re-signs it correctly: what is wrong with it is what it says.
Link resigned(const TestAccount& account, const std::function<void(Link&)>& change) {
  Link link = account.made.link_0;
  change(link);
  crypto::TestRandom random(99);
  const Bytes context = encode(SignContext{link.body.account, link.body.n});
  link.signatures = {{account.seeds.id,
                      account.keys.identity.sign("Holdfast 1 link signature", context, link_hash(link.body), random)}};
  return link;
}

TEST(Chain, AWellSignedLinkIsRefusedWhenItCanBeginNoChain) {
  const TestAccount alice(7);
  ASSERT_TRUE(begin_chain(resigned(alice, [](Link&) {})));
  const std::vector<std::pair<Code, std::function<void(Link&)>>> wrong = {
      {Code::Malformed, [](Link& link) { link.body.n = 1; }},
      {Code::Malformed, [](Link& link) { link.body.account.bytes[0] = 1; }},
      {Code::Malformed, [](Link& link) { link.body.prev.bytes[31] = 1; }},
      {Code::Malformed, [](Link& link) { link.body.pending_until_ns = 1; }},
      {Code::Malformed, [](Link& link) { link.body.circle.reset(); }},
      {Code::Malformed, [](Link& link) { link.body.circle.reset(), link.boxes.clear(); }},
      {Code::Malformed, [](Link& link) { link.body.circle->e = 1; }},
      {Code::Malformed, [](Link& link) { link.body.last_anchor.emplace(); }},
      {Code::Malformed, [](Link& link) { link.body.floor = 0; }},
      {Code::TooOld, [](Link& link) { link.body.floor = version_floor + 1; }},
      {Code::Tampered, [](Link& link) { link.sealed.push_back(0); }},
      {Code::Tampered, [](Link& link) { link.boxes.push_back(0); }},
      {Code::Malformed,  // not padded
       [](Link& link) {
         link.sealed.push_back(0);
         link.body.sealed = crypto::sha256(link.sealed);
       }},
  };
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    const auto chain = begin_chain(resigned(alice, wrong[i].second));
    ASSERT_FALSE(chain) << "case " << i;
    EXPECT_EQ(chain.error().code, wrong[i].first) << "case " << i << ": " << chain.error().sentence;
  }
}

TEST(Chain, AFirstLinkIsSignedOnceAndByItsOwnDevice) {
  const TestAccount alice(8), mallory(9);
  Link unsigned_link = alice.made.link_0;
  unsigned_link.signatures.clear();
  EXPECT_EQ(begin_chain(unsigned_link).error().code, Code::NotAuthorized);
  Link twice = alice.made.link_0;
  twice.signatures.push_back(twice.signatures[0]);
  EXPECT_EQ(begin_chain(twice).error().code, Code::NotAuthorized);
  Link foreign = alice.made.link_0;
  foreign.signatures = mallory.made.link_0.signatures;
  EXPECT_EQ(begin_chain(foreign).error().code, Code::NotAuthorized);
}

TEST(Chain, NamesAreInThePrivatePartAndTheirCommitmentOnly) {
  const TestAccount alice(10, "alice.smith");
  const Bytes whole = encode(alice.made.link_0);
  EXPECT_THAT(as_text(whole), ::testing::Not(::testing::HasSubstr("alice.smith")));
  EXPECT_THAT(as_text(whole), ::testing::Not(::testing::HasSubstr("laptop")));

  const auto opened = open_link_private(alice.made.link_0, alice.made.circle[0], {});
  ASSERT_TRUE(opened);
  EXPECT_EQ(opened->user_name, "alice.smith");
  EXPECT_EQ(opened->device_name, "laptop");
  EXPECT_TRUE(name_matches(alice.chain.name_commitment, opened->user_name, opened->name_salt));
  EXPECT_FALSE(name_matches(alice.chain.name_commitment, "alice", opened->name_salt));
  EXPECT_FALSE(name_matches(alice.chain.name_commitment, opened->user_name, Nonce32{}));
}

// Promise: the size of an entry tells nothing of the names in it, but in steps of 1 KiB (M2).
TEST(Chain, AnEntryIsPaddedSoThatNamesOfAnyLengthLookAlike) {
  std::set<std::size_t> sizes;
  for (const std::size_t length : {1, 2, 7, 13, 40, 63, 64}) {
    const TestAccount alice(13, std::string(length, 'a'));
    sizes.insert(first_entry(alice.made).blob.size());
    EXPECT_EQ(*sizes.begin() % 1024, 0u);
    EXPECT_TRUE(is_zero(open_link_private(alice.made.link_0, alice.made.circle[0], {}).value().padding));
  }
  EXPECT_EQ(sizes.size(), 1u);
}

TEST(Chain, ThePrivatePartOpensOnlyForItsCircleAndItsLink) {
  const TestAccount alice(11), mallory(12);
  EXPECT_EQ(open_link_private(alice.made.link_0, mallory.made.circle[0], {}).error().code, Code::Tampered);
  EXPECT_EQ(open_link_private(alice.made.link_0, alice.made.circle[0], {alice.made.account, 0}).error().code,
            Code::Tampered);
  Link moved = alice.made.link_0;
  moved.body.nonce.bytes[0] ^= 1;
  EXPECT_EQ(open_link_private(moved, alice.made.circle[0], {}).error().code, Code::Tampered);
}

TEST(Chain, AUserNameIsLowerCaseAsciiOfAtMost64) {
  for (const std::string_view good : {"a", "alice", "a.b_c-9", "0"}) EXPECT_TRUE(check_user_name(good)) << good;
  EXPECT_TRUE(check_user_name(std::string(64, 'x')));
  using namespace std::string_view_literals;
  for (const std::string_view bad : {""sv, "Alice"sv, "al ice"sv, "ali\0ce"sv, "\xc3\xa4"sv, "a/b"sv})
    EXPECT_EQ(check_user_name(bad).error().code, Code::InvalidArgument) << printable(bad);
  EXPECT_FALSE(check_user_name(std::string(65, 'x')));
}

TEST(Device, SeedsArePackedInOneWayAndGiveTheSameKeysAgain) {
  const TestDevice device(13);
  const crypto::SecretBytes packed = device.seeds.pack();
  EXPECT_EQ(packed.view().size(), 16u + 64 + 4 * 32);
  const auto again = DeviceSeeds::unpack(packed.view());
  ASSERT_TRUE(again);
  EXPECT_EQ(DeviceKeys(*again).public_keys, device.keys.public_keys);
  EXPECT_EQ(DeviceSeeds::unpack(packed.view().first(207)).error().code, Code::Malformed);
}

TEST(Device, EachPurposeHasItsOwnKey) {
  const TestDevice device(14);
  const DevicePublic& keys = device.keys.public_keys;
  const std::set<crypto::Ed25519Public> distinct{keys.identity.ed25519, keys.commit, keys.mls, keys.capability};
  EXPECT_EQ(distinct.size(), 4u);
}

}  // namespace

}  // namespace holdfast::identity
