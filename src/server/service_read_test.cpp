#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::Right;

struct LogWorld : TestWorld {
  TestGroup account = sign_up();
  TestGroup space = make_space(account);
};

TEST(Read, GoesThroughALongLogInBoundedSteps) {
  LogWorld world;
  const std::string blob(100 * 1024, 'x');
  for (int i = 0; i < 9; ++i) ASSERT_TRUE(world.append(world.space, world.link(world.space, blob)));
  const auto ticket = world.ticket(world.space, Right::read);
  std::vector<std::uint64_t> seen;
  for (std::uint64_t from = 1; from <= 10;) {
    const auto read = world.call(api::Read{ticket, from});
    ASSERT_TRUE(read);
    EXPECT_EQ(read->head_seq, 10u);
    ASSERT_FALSE(read->entries.empty());
    EXPECT_LE(world.last_answer.size(), api::read_bytes_max + 1024);
    for (const api::Entry& entry : read->entries) seen.push_back(entry.seq);
    from = seen.back() + 1;
  }
  EXPECT_EQ(seen, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}));
  EXPECT_TRUE(world.call(api::Read{ticket, 11})->entries.empty());
  EXPECT_TRUE(world.call(api::Read{ticket, ~std::uint64_t{0}})->entries.empty());
}

TEST(Read, NeedsTheRightToRead) {
  LogWorld world;
  const auto ticket = world.ticket(world.space, Right::write);
  EXPECT_EQ(code_of(world.call(api::Read{ticket, 0})), Code::NotAuthorized);
  EXPECT_EQ(code_of(world.call(api::Head{ticket})), Code::NotAuthorized);
  EXPECT_EQ(code_of(world.call(api::Watch{{{ticket, 0}}, 1})), Code::NotAuthorized);
}

TEST(Watch, AnswersAtOnceWhenALogHasMoved) {
  LogWorld world;
  TestGroup second = world.make_space(world.account);
  ASSERT_TRUE(world.append(second, world.link(second, "news")));
  const auto reply =
      world.call(api::Watch{{{world.ticket(world.space, Right::read), 1}, {world.ticket(second, Right::read), 1}}, 55});
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->index, 1);
  EXPECT_EQ(reply->head_seq, 2u);
  ASSERT_EQ(reply->entries.size(), 1u);
  EXPECT_EQ(reply->entries[0], second.last_link);
}

TEST(Watch, WaitsAndIsAnsweredByTheNextEntry) {
  LogWorld world;
  TestGroup second = world.make_space(world.account);
  const api::Watch watch{{{world.ticket(world.space, Right::read), 1}, {world.ticket(second, Right::read), 1}}, 30};
  EXPECT_TRUE(world.answer(api::Watch::name, encode(watch)).empty());
  ASSERT_TRUE(world.watching);
  EXPECT_EQ(world.watching->deadline_ns, world.clock.monotonic_ns() + 30 * second_ns);
  EXPECT_FALSE(world.service->look(*world.watching));
  const auto cursor = *world.own_rows.now();
  ASSERT_TRUE(world.append(second, world.note(second, "news")));
  const auto changed = *world.own_rows.changed(cursor, 0);
  EXPECT_EQ(changed.keys, std::vector<Key>{group_key(second.id)});
  EXPECT_FALSE(world.service->look_at(*world.watching, 0));
  const auto answer = world.service->look_at(*world.watching, 1);
  ASSERT_TRUE(answer);
  EXPECT_EQ(world.service->look(*world.watching), answer);
  const auto reply = TestWorld::read<api::Watch>(*answer);
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->index, 1);
  ASSERT_EQ(reply->entries.size(), 1u);
  EXPECT_EQ(as_text(reply->entries[0].blob), "news");
}

TEST(Watch, AtItsEndSaysThatNothingMoved) {
  const auto reply = TestWorld::read<api::Watch>(Service::nothing_moved());
  ASSERT_TRUE(reply);
  EXPECT_TRUE(reply->entries.empty());
}

TEST(Watch, IsAtMost55Seconds) {
  LogWorld world;
  (void)world.answer(api::Watch::name, encode(api::Watch{{{world.ticket(world.space, Right::read), 1}}, 60'000}));
  ASSERT_TRUE(world.watching);
  EXPECT_EQ(world.watching->deadline_ns, world.clock.monotonic_ns() + 55 * second_ns);
}

TEST(Watch, EndsWhenTheKeyIsSwitched) {
  LogWorld world;
  (void)world.answer(api::Watch::name, encode(api::Watch{{{world.ticket(world.space, Right::read), 1}}, 30}));
  ASSERT_TRUE(world.watching);
  api::Append swap = world.link(world.space, "rekey");
  swap.caps = world.space.caps();
  swap.caps->read = world.fresh_group().caps().read;
  ASSERT_TRUE(world.append(world.space, swap));
  const auto answer = world.service->look(*world.watching);
  ASSERT_TRUE(answer);
  EXPECT_EQ(code_of(TestWorld::read<api::Watch>(*answer)), Code::NotAuthorized);
}

// D12: the server is never told which account's device has which spaces.
TEST(Watch, RefusesAccountsTogetherWithSpaces) {
  LogWorld world;
  const auto account = world.ticket(world.account, Right::read), space = world.ticket(world.space, Right::read);
  EXPECT_EQ(code_of(world.call(api::Watch{{{account, 1}, {space, 1}}, 1})), Code::Malformed);
  EXPECT_EQ(code_of(world.call(api::Watch{{{space, 0}, {account, 0}}, 1})), Code::Malformed);
}

TEST(Watch, HasBetweenOneAnd512Logs) {
  LogWorld world;
  EXPECT_EQ(code_of(world.call(api::Watch{{}, 1})), Code::Malformed);
  std::vector<api::WatchedLog> logs;
  for (int i = 0; i < 512; ++i) logs.push_back({world.ticket(world.make_space(world.account), Right::read), 0});
  EXPECT_TRUE(world.call(api::Watch{logs, 1}));
  logs.push_back({world.ticket(world.space, Right::read), 0});
  EXPECT_EQ(code_of(world.call(api::Watch{logs, 1})), Code::TooLarge);
}

TEST(Watch, NamesEachLogOnce) {
  LogWorld world;
  const auto ticket = world.ticket(world.space, Right::read);
  world.clock.pass(1);
  const auto another = world.ticket(world.space, Right::read);
  ASSERT_NE(ticket, another);
  EXPECT_TRUE(world.call(api::Watch{{{ticket, 0}}, 1}));
  EXPECT_EQ(code_of(world.call(api::Watch{{{ticket, 0}, {ticket, 0}}, 1})), Code::Malformed);
  EXPECT_EQ(code_of(world.call(api::Watch{{{ticket, 0}, {another, 1}}, 1})), Code::Malformed);
}

}  // namespace
}  // namespace holdfast::server
