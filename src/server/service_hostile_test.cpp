// G02, G03: whatever a client sends, it gets an answer, and what it has no right to stays as it is.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::Right;

constexpr std::string_view all_calls[] = {
    api::Info::name,   api::CreateAccount::name, api::CreateGroup::name, api::Usage::name, api::OpenTicket::name,
    api::Append::name, api::Head::name,          api::Read::name,        api::Watch::name, api::Begin::name,
    api::Put::name,    api::Stat::name,          api::Get::name,
};

bool is_an_answer(ByteView answer) { return !answer.empty() && (answer[0] == 1 || answer[0] == 2); }

RC_GTEST_PROP(AnyBytes, AreAnsweredByEveryCall, (const Bytes& body)) {
  TestWorld world;
  const auto before = world.own_rows.contents();
  for (const std::string_view name : all_calls) RC_ASSERT(is_an_answer(world.answer(name, body)));
  RC_ASSERT(world.own_rows.contents() == before);
}

TEST(AnyName, IsAnswered) {
  TestWorld world;
  for (const std::string_view name : {"", "log", "log/append/", "../log/append", "Log/append"}) {
    const auto reply = TestWorld::read<api::Usage>(world.answer(name, {}));
    EXPECT_EQ(code_of(reply), Code::NotFound);
  }
}

// Valid calls of every kind, so that changed ones reach deep.
std::vector<std::pair<std::string_view, Bytes>> valid_calls(TestWorld& world, TestGroup& account, TestGroup& space) {
  const UploadId upload = world.begin(space);
  const ObjectId live = world.live_object(space, "0123456789");
  const auto read = world.ticket(space, Right::read), write = world.ticket(space, Right::write);
  const TestGroup fresh = world.fresh_group();
  api::Append link = world.link(space, "link", {Right::write, Right::maintain, Right::admin});
  link.publish = {upload};
  link.retire = {live};
  link.caps = space.caps();
  static const Bytes bytes(100, 7);
  std::vector<std::pair<std::string_view, Bytes>> calls;
  const auto add = [&](const auto& call) {
    calls.emplace_back(std::remove_cvref_t<decltype(call)>::name, encode(call));
  };
  add(api::Info{});
  add(api::CreateAccount{{}, fresh.last_link, fresh.caps()});
  add(api::CreateGroup{world.ticket(account, Right::write), fresh.last_link, fresh.caps(), {{live, {1, 2, 3}}}});
  add(api::Usage{world.ticket(account, Right::read)});
  add(world.proof(space, Right::admin));
  add(link);
  add(world.note(space, "note"));
  add(api::Head{read});
  add(api::Read{read, 1});
  add(api::Watch{{{read, 0}}, 1});
  add(api::Begin{write, 10});
  add(api::Put{write, upload, live, crypto::sha256(bytes), bytes});
  add(api::Stat{read, {live}});
  add(api::Get{read, live, 0, 4});
  return calls;
}

TEST(ChangedCalls, AreAnsweredWhereverAByteIsFlippedCutOrAdded) {
  TestWorld world(ServiceOptions{.sign_ups = {.burst = 1e9, .per_second = 1e9},
                                 .failed_proofs = {.burst = 1e9, .per_second = 1e9}});
  TestGroup account = world.sign_up(), space = world.make_space(account);
  for (const auto& [name, body] : valid_calls(world, account, space)) {
    for (std::size_t i = 0; i < body.size(); ++i) {
      Bytes changed = body;
      changed.resize(i);
      const auto cut = TestWorld::read<api::Usage>(world.answer(name, changed));
      EXPECT_EQ(code_of(cut), Code::Malformed) << name << " cut at " << i;
      for (const int mask : {0x01, 0x80, 0xff}) {
        changed = body;
        changed[i] = static_cast<std::uint8_t>(changed[i] ^ mask);
        (void)world.answer(name, changed);
      }
    }
    Bytes longer = body;
    longer.push_back(0);
    EXPECT_EQ(code_of(TestWorld::read<api::Usage>(world.answer(name, longer))), Code::Malformed) << name;
  }
}

TEST(LargeCalls, AreRefusedBeforeTheyAreUnpacked) {
  TestWorld world;
  const Bytes huge(2 * 1024 * 1024);
  for (const std::string_view name : all_calls) {
    const auto reply = TestWorld::read<api::Usage>(world.answer(name, huge));
    EXPECT_EQ(code_of(reply), name == api::Put::name ? Code::Malformed : Code::TooLarge) << name;
  }
}

// Method: somebody with all rights in one group tries every call with them on another.
TEST(AnotherGroup, CantBeTouchedWithTicketsOfOnesOwn) {
  TestWorld world;
  const TestGroup alice = world.sign_up();
  TestGroup target = world.make_space(alice);
  const ObjectId id = world.live_object(target, "secret");
  const TestGroup mallory = world.sign_up();
  TestGroup own = world.make_space(mallory);
  const auto read = world.ticket(own, Right::read), write = world.ticket(own, Right::write);
  const auto objects_before = world.own_objects.contents();
  EXPECT_EQ(code_of(world.call(api::Get{read, id, 0, 0})), Code::Missing);
  api::Append append;
  for (const Right right : {Right::read, Right::write, Right::maintain, Right::admin})
    append.tickets.push_back(world.ticket(own, right));
  append.expect = target.last();
  append.entry = target.next_link("not mine");
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(append));
  append.expect = own.last();
  append.entry = own.next_link("retires what is not mine");
  append.retire = {id};
  EXPECT_REFUSED(world, Code::Missing, world.call(append));
  // The same object id in one's own group is another object.
  const UploadId upload = world.begin(own);
  EXPECT_TRUE(world.call(world.put_of(own, upload, id, as_bytes("mine"))));
  const auto got = world.call(api::Get{world.ticket(target, Right::read), id, 0, 0});
  ASSERT_TRUE(got);
  EXPECT_EQ(as_text(got->bytes), "secret");
}

TEST(Replay, OfARecordedCallDoesNothingMore) {
  TestWorld world;
  const TestGroup account = world.sign_up();
  TestGroup space = world.make_space(account);
  const UploadId upload = world.begin(space);
  const auto id = world.random.make<ObjectId>();
  const Bytes put = encode(world.put_of(space, upload, id, as_bytes("x")));
  api::Append publishing = world.link(space, "publish");
  publishing.publish = {upload};
  const Bytes append = encode(publishing);
  ASSERT_EQ(world.answer(api::Put::name, put)[0], 1);
  ASSERT_EQ(world.answer(api::Append::name, append)[0], 1);
  const auto contents = world.own_rows.contents();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(world.answer(api::Put::name, put)[0], 1);
    EXPECT_EQ(world.answer(api::Append::name, append)[0], 1);
  }
  EXPECT_EQ(world.own_rows.contents(), contents);
}

// Row A01 as far as the server's log goes.
TEST(TheLog, HasNoBodiesTicketsOrObjectIds) {
  TestWorld world;
  TestGroup account = world.sign_up(), space = world.make_space(account);
  for (const auto& [name, body] : valid_calls(world, account, space)) {
    (void)world.answer(name, body);
    Bytes broken = body;
    if (!broken.empty()) broken.pop_back();
    (void)world.answer(name, broken);
  }
  EXPECT_NE(world.lines.find("\"event\":\"call\""), std::string::npos);
  EXPECT_NE(world.lines.find("\"event\":\"call_refused\""), std::string::npos);
  EXPECT_EQ(world.lines.find("0123456789"), std::string::npos);
  for (const auto& [key, value] : world.own_rows.contents().values) {
    for (std::size_t at = 2; at + 8 <= key.size(); ++at) {
      const std::string hex = to_hex(as_bytes(key).subspan(at, 8));
      EXPECT_EQ(world.lines.find(hex), std::string::npos) << "eight bytes of an id";
    }
  }
}

TEST(ABrokenStore, IsNotDescribedToClients) {
  struct Broken final : MetaStore {
    MapMetaStore inner;
    bool broken = false;
    Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys) override {
      if (broken) return fail(Code::Malformed, "the file /srv/secret/meta.db is damaged", "/srv/secret/meta.db");
      return inner.get(keys);
    }
    Result<Page> scan(const Key& from, const Key& to, const Limit& limit) override {
      return inner.scan(from, to, limit);
    }
    Result<Outcome> commit(const Batch& batch) override { return inner.commit(batch); }
    Result<Cursor> now() override { return inner.now(); }
    Result<Changed> changed(const Cursor& since, std::int64_t wait_ns) override {
      return inner.changed(since, wait_ns);
    }
  } rows;
  MemoryObjectStore objects;
  TestWorld world(rows, objects);
  const TestGroup account = world.sign_up();
  const auto ticket = world.ticket(account, Right::read);
  rows.broken = true;
  const auto reply = world.call(api::Head{ticket});
  EXPECT_EQ(code_of(reply), Code::Unreachable);
  EXPECT_EQ(reply.error().sentence.find("secret"), std::string::npos);
  EXPECT_NE(world.lines.find("/srv/secret/meta.db"), std::string::npos) << "the operator is told";
  EXPECT_FALSE(world.service->healthy());
}

}  // namespace
}  // namespace holdfast::server
