#include <set>

#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::Append;
using api::ObjectState;
using api::Right;

struct SpaceWorld : TestWorld {
  using TestWorld::TestWorld;
  TestGroup account = sign_up();
  TestGroup space = make_space(account);

  Append::Behind behind(const Append& append) {
    const auto reply = call(append);
    EXPECT_TRUE(reply);
    if (!reply || !std::holds_alternative<Append::Behind>(reply->outcome)) {
      ADD_FAILURE() << "not behind";
      return {};
    }
    return std::get<Append::Behind>(reply->outcome);
  }
};

TEST(Append, LinksFollowOneAnother) {
  SpaceWorld world;
  EXPECT_EQ(world.append(world.space, world.link(world.space, "two")), 2u);
  EXPECT_EQ(world.append(world.space, world.link(world.space, "three")), 3u);
  const auto read = world.call(api::Read{world.ticket(world.space, Right::read), 0});
  ASSERT_TRUE(read);
  ASSERT_EQ(read->entries.size(), 3u);
  EXPECT_EQ(read->head_seq, 3u);
  EXPECT_EQ(read->entries[2], world.space.last_link);
}

TEST(Append, ALinkIsRepeatedByItsHash) {
  SpaceWorld world;
  const Append append = world.link(world.space, "two");
  ASSERT_EQ(world.append(world.space, append), 2u);
  ASSERT_EQ(world.append(world.space, world.link(world.space, "three")), 3u);
  const auto contents = world.own_rows.contents();
  EXPECT_EQ(world.append(world.space, append), 2u);
  EXPECT_EQ(world.own_rows.contents(), contents);
}

TEST(Append, TheLoserOfARaceGetsTheWinner) {
  SpaceWorld world;
  const Append winner = world.link(world.space, "winner"), loser = world.link(world.space, "loser");
  ASSERT_TRUE(world.append(world.space, winner));
  const auto contents = world.own_rows.contents();
  const auto behind = world.behind(loser);
  EXPECT_EQ(world.own_rows.contents(), contents);
  EXPECT_EQ(behind.head_seq, 2u);
  EXPECT_EQ(behind.last_link, world.space.last());
  ASSERT_EQ(behind.since.size(), 1u);
  EXPECT_EQ(behind.since[0], winner.entry);
}

TEST(Append, WhatTheLoserMissedIsBounded) {
  SpaceWorld world;
  const Append loser = world.link(world.space, "loser");
  const std::string big(api::entry_blob_bytes_max, 'x');
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(world.append(world.space, world.link(world.space, big)));
  const auto behind = world.behind(loser);
  EXPECT_EQ(behind.head_seq, 4u);
  ASSERT_EQ(behind.since.size(), 1u);
  EXPECT_EQ(behind.since[0].seq, 2u);
}

TEST(Append, ANoteGetsTheNextPlaceAndLeavesTheLastLink) {
  SpaceWorld world;
  EXPECT_EQ(world.append(world.space, world.note(world.space, "hello")), 2u);
  EXPECT_EQ(world.append(world.space, world.note(world.space, "hello again")), 3u);
  const auto head = world.call(api::Head{world.ticket(world.space, Right::read)});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->head_seq, 3u);
  EXPECT_EQ(head->last_link, world.space.last_link);
  EXPECT_EQ(world.append(world.space, world.link(world.space, "link over notes")), 4u);
}

TEST(Append, ANoteIsRepeatedByItsIdForADay) {
  SpaceWorld world;
  const Append note = world.note(world.space, "once");
  ASSERT_EQ(world.append(world.space, note), 2u);
  ASSERT_TRUE(world.append(world.space, world.link(world.space, "a link between")));
  const auto contents = world.own_rows.contents();
  EXPECT_EQ(world.append(world.space, note), 2u);
  EXPECT_EQ(world.own_rows.contents(), contents);

  world.clock.pass(24 * 3600);
  Append late = note;
  late.tickets = {world.ticket(world.space, Right::write)};
  late.entry.fence = world.space.last_link.seq;
  EXPECT_EQ(world.append(world.space, late), 4u);
  EXPECT_EQ(world.append(world.space, late), 4u);
}

TEST(Append, ANoteWithAnOldFenceIsBehind) {
  SpaceWorld world;
  Append note = world.note(world.space, "late");
  ASSERT_TRUE(world.append(world.space, world.link(world.space, "a new epoch")));
  const auto contents = world.own_rows.contents();
  const auto behind = world.behind(note);
  EXPECT_EQ(world.own_rows.contents(), contents);
  ASSERT_EQ(behind.since.size(), 1u);
  note.entry.fence = 99;  // the server came back from an older backup
  EXPECT_TRUE(world.behind(note).since.empty());
}

TEST(Append, ALinkWithoutItsPlaceIsRefusedOrBehind) {
  SpaceWorld world;
  const auto refused = [&](auto change, Code code = Code::Malformed) {
    Append append = world.link(world.space, "two");
    change(append);
    EXPECT_REFUSED(world, code, world.call(append));
  };
  refused([](Append& append) { append.entry.prev.bytes[0] ^= 1; });
  refused([](Append& append) { append.entry.fence = 1; });
  refused([](Append& append) { append.entry.note_id.bytes[0] = 1; });
  refused([](Append& append) { append.entry.seq = 1; });
  refused([](Append& append) { append.entry.seq = 0; });
  refused([](Append& append) { append.entry.blob.resize(api::entry_blob_bytes_max + 1); }, Code::TooLarge);
  refused([](Append& append) { append.tickets.clear(); });
  refused([](Append& append) { append.tickets.assign(5, append.tickets[0]); });
  const auto behind = [&](auto change) {
    Append append = world.link(world.space, "two");
    change(append);
    const auto contents = world.own_rows.contents();
    world.behind(append);
    EXPECT_EQ(world.own_rows.contents(), contents);
  };
  behind([](Append& append) { append.entry.seq = 3; });
  behind([](Append& append) { append.entry.seq = ~std::uint64_t{0}; });
  behind([](Append& append) { append.expect.seq = 0; });
  behind([](Append& append) { append.expect.seq = ~std::uint64_t{0}; });
  behind([](Append& append) { append.expect.hash = append.entry.prev = Hash{}; });
}

TEST(Append, ANoteMovesNoStateOfTheGroup) {
  SpaceWorld world;
  const auto id = world.live_object(world.space, "bytes");
  const auto refused = [&](auto change) {
    Append append = world.note(world.space, "note");
    append.tickets.push_back(world.ticket(world.space, Right::maintain));
    change(append);
    EXPECT_REFUSED(world, Code::Malformed, world.call(append));
  };
  refused([&](Append& append) { append.caps = world.space.caps(); });
  refused([&](Append& append) { append.retire = {id}; });
  refused([&](Append& append) { append.unretire = {id}; });
  refused([](Append& append) { append.entry.note_id = {}; });
  refused([](Append& append) { append.entry.seq = 2; });
  refused([](Append& append) { append.entry.prev.bytes[0] = 1; });
}

TEST(Append, NeedsTheRightToWriteThere) {
  SpaceWorld world;
  const auto id = world.live_object(world.space, "bytes");
  const TestGroup other = world.make_space(world.account);
  const auto refused = [&](Append append) { EXPECT_REFUSED(world, Code::NotAuthorized, world.call(append)); };
  refused(world.link(world.space, "reader", {Right::read}));
  refused(world.link(world.space, "maintainer", {Right::maintain}));
  Append append = world.link(world.space, "ticket of another group");
  append.tickets = {world.ticket(other, Right::write)};
  refused(append);
  append.tickets.push_back(world.ticket(world.space, Right::write));
  refused(append);
  append = world.link(world.space, "writer retires");
  append.retire = {id};
  refused(append);
  append = world.link(world.space, "admin retires", {Right::admin});
  append.retire = {id};
  refused(append);
  append = world.link(world.space, "writer brings back");
  append.unretire = {id};
  refused(append);
  EXPECT_TRUE(world.append(world.space, world.link(world.space, "admin writes", {Right::admin})));
}

TEST(Append, TicketsThatAreTooOldAreRefused) {
  SpaceWorld world;
  const Append append = world.link(world.space, "two");
  world.clock.pass(601);
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(append));
}

TEST(Caps, AreSetByAdminsAndPartlyByWriters) {
  SpaceWorld world;
  const TestGroup fresh = world.fresh_group();
  const auto with = [&](std::initializer_list<Right> rights, auto change) {
    Append append = world.link(world.space, "caps", rights);
    append.caps = world.space.caps();
    change(*append.caps);
    return append;
  };
  const auto maintain = [&](api::Caps& caps) { caps.maintain = fresh.caps().maintain; };
  const auto admin = [&](api::Caps& caps) { caps.admin = fresh.caps().admin; };
  const auto read_write = [&](api::Caps& caps) {
    caps.read = fresh.caps().read;
    caps.write = fresh.caps().write;
  };
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(with({Right::write}, maintain)));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(with({Right::write}, admin)));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(with({Right::write, Right::maintain}, admin)));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(with({Right::maintain}, read_write)));
  EXPECT_REFUSED(world, Code::Malformed, world.call(with({Right::admin}, [](api::Caps& caps) { caps.read.clear(); })));
  EXPECT_TRUE(world.append(world.space, with({Right::write}, read_write)));
  const auto set = [&](std::initializer_list<Right> rights) {
    for (const Right right : rights)
      world.space.keys[static_cast<std::size_t>(right) - 1] =
          crypto::Ed25519Key(crypto::Ed25519Seed::random(world.random));
  };
  // Everything at once, by the admin alone: what a hostile writer did to the keys is mended so (B3).
  const auto old_admin = world.ticket(world.space, Right::admin);
  set({Right::read, Right::write, Right::maintain, Right::admin});
  Append mend;
  mend.tickets = {old_admin};
  mend.expect = world.space.last();
  mend.entry = world.space.next_link("mended");
  mend.caps = world.space.caps();
  EXPECT_TRUE(world.append(world.space, mend));
  EXPECT_TRUE(world.append(world.space, world.link(world.space, "with the new keys")));
}

TEST(Caps, ASwapEndsTheTicketsOfTheOldKeysAtOnce) {
  SpaceWorld world;
  TestGroup& space = world.space;
  const auto read = world.ticket(space, Right::read), write = world.ticket(space, Right::write);
  const UploadId upload = world.begin(space);
  const Append note = world.note(space, "from the removed one");
  Append swap = world.link(space, "rekey");
  const TestGroup fresh = world.fresh_group();
  swap.caps = space.caps();
  swap.caps->read = fresh.caps().read;
  swap.caps->write = fresh.caps().write;
  api::Put put = world.put_of(space, upload, world.random.make<ObjectId>(), as_bytes("late"));
  ASSERT_TRUE(world.append(space, swap));

  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Head{read}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Read{read, 0}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Stat{read, {}}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Watch{{{read, 0}}, 0}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Begin{write, 0}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(put));
  Append again;
  again.tickets = {write};
  again.expect = space.last();
  again.entry = space.next_link("from the removed one");
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(again));
  Append late_note = note;
  late_note.entry.fence = space.last_link.seq;
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(late_note));
  EXPECT_EQ(world.append(space, swap), 2u) << "who swapped the keys and lost the answer learns of it";
}

TEST(Publish, MakesAllObjectsOfAnUploadLiveAtOnce) {
  SpaceWorld world;
  const UploadId upload = world.begin(world.space), other = world.begin(world.space);
  std::vector<ObjectId> ids;
  for (int i = 0; i < 3; ++i) {
    ids.push_back(world.random.make<ObjectId>());
    ASSERT_TRUE(world.call(world.put_of(world.space, i < 2 ? upload : other, ids.back(), as_bytes("bytes"))));
    EXPECT_EQ(world.state(world.space, ids.back()), ObjectState::unknown) << "staged objects are nobody's";
  }
  Append append = world.link(world.space, "commit");
  append.publish = {upload};
  ASSERT_TRUE(world.append(world.space, append));
  EXPECT_EQ(world.state(world.space, ids[0]), ObjectState::live);
  EXPECT_EQ(world.state(world.space, ids[1]), ObjectState::live);
  EXPECT_EQ(world.state(world.space, ids[2]), ObjectState::unknown);
}

TEST(Publish, OfAnUploadThatIsNotOpenPublishesNothing) {
  SpaceWorld world;
  const UploadId open = world.begin(world.space);
  const auto id = world.random.make<ObjectId>();
  ASSERT_TRUE(world.call(world.put_of(world.space, open, id, as_bytes("bytes"))));
  const TestGroup other = world.make_space(world.account);
  const UploadId foreign = world.begin(other), invented = world.random.make<UploadId>();
  const UploadId published = world.begin(world.space);
  Append first = world.link(world.space, "publishes");
  first.publish = {published};
  ASSERT_TRUE(world.append(world.space, first));
  for (const UploadId& gone : {foreign, invented, published}) {
    Append append = world.link(world.space, "publishes again");
    append.publish = {open, gone};
    const auto contents = world.own_rows.contents();
    const auto reply = world.call(append);
    ASSERT_TRUE(reply);
    ASSERT_TRUE(std::holds_alternative<Append::UploadGone>(reply->outcome));
    EXPECT_EQ(std::get<Append::UploadGone>(reply->outcome).upload, gone);
    EXPECT_EQ(world.own_rows.contents(), contents);
  }
  EXPECT_EQ(world.state(world.space, id), ObjectState::unknown);
}

TEST(Retire, KeepsTheObjectReadableAndCountedUntilItIsBroughtBack) {
  SpaceWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  const auto used = world.usage(world.account).objects;
  Append retire = world.link(world.space, "prune", {Right::write, Right::maintain});
  retire.retire = {id};
  ASSERT_TRUE(world.append(world.space, retire));
  EXPECT_EQ(world.state(world.space, id), ObjectState::retired);
  const auto got = world.call(api::Get{world.ticket(world.space, Right::read), id, 0, 0});
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(got->bytes), "bytes");
  EXPECT_EQ(world.usage(world.account).objects, used);

  Append back = world.link(world.space, "unretire", {Right::admin});
  back.unretire = {id};
  ASSERT_TRUE(world.append(world.space, back));
  EXPECT_EQ(world.state(world.space, id), ObjectState::live);
}

TEST(Retire, OfWhatIsNotThereChangesNothing) {
  SpaceWorld world;
  const ObjectId live = world.live_object(world.space, "bytes"), invented = world.random.make<ObjectId>();
  TestGroup other = world.make_space(world.account);
  const ObjectId foreign = world.live_object(other, "foreign");
  const UploadId upload = world.begin(world.space);
  const auto staged = world.random.make<ObjectId>();
  ASSERT_TRUE(world.call(world.put_of(world.space, upload, staged, as_bytes("staged"))));
  for (const ObjectId& id : {invented, foreign, staged}) {
    Append append = world.link(world.space, "prune", {Right::write, Right::maintain});
    append.retire = {live, id};
    EXPECT_REFUSED(world, Code::Missing, world.call(append));
    append.retire = {live};
    append.unretire = {id};
    EXPECT_REFUSED(world, Code::Missing, world.call(append));
  }
  Append twice = world.link(world.space, "prune", {Right::write, Right::maintain});
  twice.retire = {live, live};
  EXPECT_REFUSED(world, Code::Malformed, world.call(twice));
  twice.retire = {live};
  twice.unretire = {live};
  EXPECT_REFUSED(world, Code::Malformed, world.call(twice));
  Append own = world.link(world.space, "publishes and retires", {Right::write, Right::maintain});
  own.publish = {upload};
  own.retire = {staged};
  EXPECT_REFUSED(world, Code::Missing, world.call(own));
}

TEST(Retire, TwiceDoesNotMoveTheGrace) {
  SpaceWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  Append retire = world.link(world.space, "prune", {Right::write, Right::maintain});
  retire.retire = {id};
  ASSERT_TRUE(world.append(world.space, retire));
  const auto row = *world.own_rows.get_one(retired_key(world.space.id, id));
  world.clock.pass(3600);
  retire = world.link(world.space, "prune again", {Right::write, Right::maintain});
  retire.retire = {id};
  ASSERT_TRUE(world.append(world.space, retire));
  EXPECT_EQ(*world.own_rows.get_one(retired_key(world.space.id, id)), row);
}

// Promise: the largest append that D21 allows is one batch of the store.
TEST(Append, OfAllThatIsAllowedAtOnceWorks) {
  SpaceWorld world;
  Append append = world.link(world.space, std::string(api::entry_blob_bytes_max, 'x'),
                             {Right::write, Right::maintain, Right::admin});
  std::vector<ObjectId> ids;
  for (std::size_t group = 0; group < 2; ++group) {
    const UploadId upload = world.begin(world.space);
    const auto ticket = world.ticket(world.space, Right::write);
    for (std::size_t i = 0; i < api::append_objects_max; ++i) {
      ids.push_back(world.random.make<ObjectId>());
      ASSERT_TRUE(world.call(api::Put{ticket, upload, ids.back(), crypto::sha256({}), {}}));
    }
    Append first = world.link(world.space, "publish");
    first.publish = {upload};
    ASSERT_TRUE(world.append(world.space, first));
  }
  Append retire = world.link(world.space, "retire", {Right::write, Right::maintain});
  retire.retire.assign(ids.begin(), ids.begin() + api::append_objects_max);
  ASSERT_TRUE(world.append(world.space, retire));
  for (std::size_t i = 0; i < api::append_objects_max; ++i) append.publish.push_back(world.begin(world.space));
  append.expect = world.space.last();
  append.entry = world.space.next_link(std::string(api::entry_blob_bytes_max, 'x'));
  append.unretire = retire.retire;
  append.retire.assign(ids.begin() + api::append_objects_max, ids.end());
  append.caps = world.space.caps();
  for (auto* keys : {&append.caps->read, &append.caps->write, &append.caps->maintain, &append.caps->admin})
    while (keys->size() < api::caps_keys_max) keys->push_back(world.random.make<api::CapabilityPublic>());
  EXPECT_TRUE(world.append(world.space, append));
  append.expect = world.space.last();
  append.entry = world.space.next_link("one more");
  append.publish.push_back(world.begin(world.space));
  EXPECT_REFUSED(world, Code::TooLarge, world.call(append));
}

TEST(Append, EntriesUseQuotaAndHaveHeadroom) {
  SpaceWorld world(ServiceOptions{.bytes_max = 300'000});
  const auto before = world.usage(world.account).bytes_used;
  Append append = world.link(world.space, "two");
  ASSERT_TRUE(world.append(world.space, append));
  EXPECT_EQ(world.usage(world.account).bytes_used, before + encode(append.entry).size());
  const std::string big(api::entry_blob_bytes_max, 'x');
  for (int i = 0; i < 3; ++i)
    ASSERT_TRUE(world.append(world.space, world.link(world.space, big))) << "a full account can prune";
  EXPECT_EQ(code_of(world.call(api::Begin{world.ticket(world.space, Right::write), 0})), Code::QuotaExceeded);
  std::optional<std::uint64_t> seq;
  do {
    seq = world.append(world.space, world.link(world.space, big));
  } while (seq);
  EXPECT_REFUSED(world, Code::QuotaExceeded, world.call(world.link(world.space, big)));
  EXPECT_LE(world.usage(world.account).bytes_used, 300'000u + log_headroom_bytes);
}

}  // namespace
}  // namespace holdfast::server
