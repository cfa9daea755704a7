#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::Right;

TEST(Info, NamesThePolicyAndTheGrace) {
  TestWorld world;
  const auto info = world.call(api::Info{});
  ASSERT_TRUE(info);
  EXPECT_EQ(info->version, api::version);
  EXPECT_EQ(info->policy, "quorum none\n");
  EXPECT_EQ(info->grace_seconds, 14u * 86'400);
  EXPECT_EQ(info->time_ns, world.clock.now_ns());
}

TEST(SignUp, MakesAnAccountOnceHoweverOftenItIsRepeated) {
  TestWorld world;
  const TestGroup account = world.fresh_group();
  const api::CreateAccount call{{}, account.last_link, account.caps()};
  ASSERT_TRUE(world.call(call));
  const auto contents = world.own_rows.contents();
  ASSERT_TRUE(world.call(call));
  EXPECT_EQ(world.own_rows.contents(), contents);
  const auto head = world.call(api::Head{world.ticket(account, Right::read)});
  ASSERT_TRUE(head);
  EXPECT_EQ(head->last_link, account.last_link);
  EXPECT_EQ(head->head_seq, api::first_seq);
}

TEST(SignUp, RefusesAnotherBeginningOfTheSameAccount) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  TestGroup thief = world.fresh_group("other");
  thief.last_link.group = account.id;
  EXPECT_REFUSED(world, Code::AlreadyExists, world.call(api::CreateAccount{{}, thief.last_link, thief.caps()}));
}

TEST(SignUp, RefusesWhatIsNoFirstEntry) {
  TestWorld world;
  const TestGroup account = world.fresh_group();
  const auto refused = [&](auto change, Code code = Code::Malformed) {
    api::CreateAccount call{{}, account.last_link, account.caps()};
    change(call);
    EXPECT_REFUSED(world, code, world.call(call));
  };
  refused([](auto& call) { call.first.seq = 0; });
  refused([](auto& call) { call.first.seq = 2; });
  refused([](auto& call) { call.first.kind = api::EntryKind::note; });
  refused([](auto& call) { call.first.prev.bytes[0] = 1; });
  refused([](auto& call) { call.first.fence = 1; });
  refused([](auto& call) { call.first.note_id.bytes[0] = 1; });
  refused([](auto& call) { call.first.blob.resize(api::entry_blob_bytes_max + 1); }, Code::TooLarge);
  refused([](auto& call) { call.caps.read.clear(); });
  refused([](auto& call) { call.caps.write.clear(); });
  refused([](auto& call) { call.caps.admin.push_back(call.caps.admin[0]); });
  refused([](auto& call) { call.caps.admin.resize(api::caps_keys_max + 1); }, Code::TooLarge);
}

TEST(SignUp, IsLimitedPerAddress) {
  TestWorld world(ServiceOptions{.sign_ups = {.burst = 2, .per_second = 0.1}});
  const auto attempt = [&](std::string_view peer) {
    const TestGroup account = world.fresh_group();
    return world.call(api::CreateAccount{{}, account.last_link, account.caps()}, peer);
  };
  EXPECT_TRUE(attempt("192.0.2.7"));
  EXPECT_TRUE(attempt("192.0.2.7"));
  EXPECT_REFUSED(world, Code::RateLimited, attempt("192.0.2.7"));
  EXPECT_TRUE(attempt("192.0.2.8"));
  world.clock.pass(10);
  EXPECT_TRUE(attempt("192.0.2.7"));
}

TEST(NewGroup, CountsAgainstItsCreator) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const auto before = world.usage(account);
  TestGroup space = world.fresh_group();
  const std::string boxes = "sealed boxes";
  const auto id = world.random.make<ObjectId>();
  api::CreateGroup call{
      world.ticket(account, Right::write), space.last_link, space.caps(), {{id, to_bytes(as_bytes(boxes))}}};
  ASSERT_TRUE(world.call(call));
  const auto after = world.usage(account);
  EXPECT_EQ(after.objects, 1u);
  EXPECT_EQ(after.bytes_used, before.bytes_used + encode(space.last_link).size() + boxes.size() + upload_charge_bytes);
  EXPECT_EQ(world.state(space, id), api::ObjectState::live);
  const auto got = world.call(api::Get{world.ticket(space, Right::read), id, 0, 0});
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(got->bytes), boxes);

  const auto contents = world.own_rows.contents();
  ASSERT_TRUE(world.call(call)) << "repeated";
  EXPECT_EQ(world.own_rows.contents(), contents);
  EXPECT_EQ(world.own_objects.contents().size(), 1u);
}

TEST(NewGroup, NeedsTheRightToWriteOfAnAccount) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const TestGroup space = world.make_space(account);
  TestGroup other = world.fresh_group();
  EXPECT_REFUSED(world, Code::NotAuthorized,
                 world.call(api::CreateGroup{world.ticket(account, Right::read), other.last_link, other.caps(), {}}));
  EXPECT_REFUSED(world, Code::NotAuthorized,
                 world.call(api::CreateGroup{world.ticket(space, Right::write), other.last_link, other.caps(), {}}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::CreateGroup{{}, other.last_link, other.caps(), {}}));
}

TEST(NewGroup, CantTakeAnIdThatIsTaken) {
  TestWorld world;
  const TestGroup alice = world.sign_up(), mallory = world.sign_up();
  const TestGroup space = world.make_space(alice);
  const auto ticket = world.ticket(mallory, Right::write);
  EXPECT_REFUSED(world, Code::AlreadyExists, world.call(api::CreateGroup{ticket, space.last_link, space.caps(), {}}));
  EXPECT_REFUSED(world, Code::AlreadyExists, world.call(api::CreateGroup{ticket, alice.last_link, alice.caps(), {}}));
  EXPECT_REFUSED(world, Code::AlreadyExists,
                 world.call(api::CreateGroup{ticket, mallory.last_link, mallory.caps(), {}}));
}

TEST(NewGroup, StopsAtTheLimits) {
  TestWorld world(ServiceOptions{.bytes_max = 4000, .groups_max = 2});
  const TestGroup account = world.sign_up();
  const auto ticket = world.ticket(account, Right::write);
  TestGroup big = world.fresh_group();
  const auto id = world.random.make<ObjectId>();
  EXPECT_REFUSED(world, Code::QuotaExceeded,
                 world.call(api::CreateGroup{ticket, big.last_link, big.caps(), {{id, Bytes(4000)}}}));
  EXPECT_REFUSED(
      world, Code::TooLarge,
      world.call(api::CreateGroup{ticket, big.last_link, big.caps(), {{id, Bytes(api::attached_bytes_max + 1)}}}));
  EXPECT_REFUSED(world, Code::Malformed,
                 world.call(api::CreateGroup{ticket, big.last_link, big.caps(), {{id, {1}}, {id, {1}}}}));
  world.make_space(account);
  world.make_space(account);
  EXPECT_REFUSED(world, Code::QuotaExceeded, world.call(api::CreateGroup{ticket, big.last_link, big.caps(), {}}));
}

TEST(Usage, IsForReadersOfTheAccountOnly) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const TestGroup space = world.make_space(account);
  EXPECT_EQ(code_of(world.call(api::Usage{world.ticket(account, Right::write)})), Code::NotAuthorized);
  EXPECT_EQ(code_of(world.call(api::Usage{world.ticket(space, Right::read)})), Code::NotAuthorized);
}

TEST(Tickets, OpenWithEachKeyForItsRightOnly) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  for (const Right right : {Right::read, Right::write, Right::maintain, Right::admin}) {
    EXPECT_TRUE(world.call(world.proof(account, right)));
    for (const Right other : {Right::read, Right::write, Right::maintain, Right::admin}) {
      if (other == right) continue;
      api::OpenTicket open = world.proof(account, right);
      open.right = other;
      open.signature =
          account.key(right).sign(capability_label, capability_context(world.server_key, account.id, other),
                                  crypto::sha256(open.challenge.bytes));
      EXPECT_REFUSED(world, Code::NotAuthorized, world.call(open));
    }
  }
}

TEST(Tickets, AreRefusedToProofsForAnythingElse) {
  TestWorld world;
  const TestGroup account = world.sign_up(), other = world.sign_up();
  const auto refused = [&](auto change) {
    api::OpenTicket open = world.proof(account, Right::read);
    change(open);
    EXPECT_REFUSED(world, Code::NotAuthorized, world.call(open));
  };
  const auto sign = [&](api::OpenTicket& open, const Hash& server, const GroupId& group, Right right) {
    open.signature =
        account.key(Right::read)
            .sign(capability_label, capability_context(server, group, right), crypto::sha256(open.challenge.bytes));
  };
  refused([](auto& open) { open.signature.bytes[0] ^= 1; });
  refused([&](auto& open) { open.group = other.id; });
  refused([&](auto& open) {  // a group that is not there
    open.group = world.random.make<GroupId>();
    sign(open, world.server_key, open.group, Right::read);
  });
  refused([&](auto& open) { sign(open, Hash{}, account.id, Right::read); });  // made for another server
  refused([&](auto& open) { sign(open, world.server_key, account.id, Right::write); });
  refused([](auto& open) { open.challenge.bytes[0] ^= 1; });
  refused([](auto& open) { open.challenge.bytes.clear(); });
  refused([](auto& open) { open.challenge.bytes = Bytes(40, 7); });
}

TEST(Tickets, ChallengesLiveAMinute) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const api::OpenTicket open = world.proof(account, Right::read);
  world.clock.pass(60);
  EXPECT_TRUE(world.call(open));
  world.clock.pass(1);
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(open));
  world.clock.wall_ns -= 62 * second_ns;  // the clock was set back
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(open));
}

TEST(Tickets, LiveTenMinutes) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const auto ticket = world.ticket(account, Right::read);
  world.clock.pass(600);
  EXPECT_TRUE(world.call(api::Head{ticket}));
  world.clock.pass(1);
  EXPECT_EQ(code_of(world.call(api::Head{ticket})), Code::NotAuthorized);
}

TEST(Tickets, AreGoodAtEveryProcessOfTheServer) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const auto ticket = world.ticket(account, Right::read);
  TestWorld second(world.own_rows, world.own_objects);
  EXPECT_TRUE(second.call(api::Head{ticket}));
  TestWorld another_server({}, 8);
  ASSERT_TRUE(another_server.call(api::CreateAccount{{}, account.last_link, account.caps()}));
  EXPECT_EQ(code_of(another_server.call(api::Head{ticket})), Code::NotAuthorized);
}

TEST(Tickets, AnyChangedBitEndsThem) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  const auto ticket = world.ticket(account, Right::read);
  for (std::size_t i = 0; i < ticket.bytes.size() * 8; ++i) {
    auto forged = ticket;
    forged.bytes[i / 8] ^= static_cast<std::uint8_t>(1u << (i % 8));
    EXPECT_EQ(code_of(world.call(api::Head{forged})), Code::NotAuthorized) << i;
  }
}

TEST(Tickets, FailedProofsAreLimitedPerAddress) {
  TestWorld world(ServiceOptions{.failed_proofs = {.burst = 3, .per_second = 1}});
  const TestGroup account = world.sign_up();
  api::OpenTicket good = world.proof(account, Right::read), bad = good;
  bad.signature.bytes[0] ^= 1;
  for (int i = 0; i < 3; ++i) EXPECT_EQ(code_of(world.call(bad)), Code::NotAuthorized);
  EXPECT_EQ(code_of(world.call(bad)), Code::RateLimited);
  EXPECT_EQ(code_of(world.call(good)), Code::RateLimited);
  EXPECT_TRUE(world.call(good, "192.0.2.8")) << "somebody else's failures are not ours";
  world.clock.pass(1);
  EXPECT_TRUE(world.call(good));
  EXPECT_TRUE(world.call(good)) << "proofs that hold cost nothing";
}

}  // namespace
}  // namespace holdfast::server
