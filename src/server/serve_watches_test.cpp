#include "server/serve_watches.h"

#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::Right;

struct WatchWorld : TestWorld {
  explicit WatchWorld(WatchLimits limits) : watches(own_rows, *service, clock, log, limits) {}

  Watching watching_of(std::initializer_list<const TestGroup*> groups) {
    api::Watch watch{{}, 55};
    for (const TestGroup* group : groups) watch.logs.push_back({ticket(*group, Right::read), group->head_seq});
    EXPECT_TRUE(answer(api::Watch::name, encode(watch)).empty());
    return *watching;
  }
  // Whether it waits; if so, until end() is called.
  bool wait(std::initializer_list<const TestGroup*> groups, const std::string& peer) {
    auto handled = watches.wait(watching_of(groups), peer);
    if (auto* waits = std::get_if<net::Wait>(&handled)) {
      waiting.push_back(std::move(*waits));
      return true;
    }
    const auto refused = TestWorld::read<api::Watch>(std::get<net::HttpReply>(handled).head);
    EXPECT_EQ(code_of(refused), Code::RateLimited);
    return false;
  }
  void end(std::size_t which) {
    waiting.at(which).when_over();
    waiting.erase(waiting.begin() + static_cast<std::ptrdiff_t>(which));
  }

  Watches watches;
  std::vector<net::Wait> waiting;
  TestGroup account = sign_up();
  TestGroup a = make_space(account), b = make_space(account), c = make_space(account);
};

TEST(Watches, APeerHasSoManyLogsAndNoMore) {
  WatchWorld world({.logs_of_a_peer_max = 5});
  EXPECT_TRUE(world.wait({&world.a, &world.b, &world.c}, "one"));
  EXPECT_FALSE(world.wait({&world.a, &world.b, &world.c}, "one"));
  EXPECT_TRUE(world.wait({&world.a, &world.b}, "one"));
  EXPECT_FALSE(world.wait({&world.c}, "one"));
  EXPECT_TRUE(world.wait({&world.a, &world.b, &world.c}, "another"));
  EXPECT_EQ(world.watches.interests(), 8u) << "who was refused is not remembered";
  world.end(0);
  EXPECT_TRUE(world.wait({&world.a, &world.c}, "one"));
}

TEST(Watches, APeerHasSoManyWaitersAndNoMore) {
  WatchWorld world({.waiters_of_a_peer_max = 2});
  EXPECT_TRUE(world.wait({&world.a}, "one"));
  EXPECT_TRUE(world.wait({&world.b}, "one"));
  EXPECT_FALSE(world.wait({&world.c}, "one"));
  EXPECT_TRUE(world.wait({&world.c}, "another"));
  world.end(0);
  EXPECT_TRUE(world.wait({&world.c}, "one"));
}

TEST(Watches, AGroupHasSoManyWaitersAndNoMore) {
  WatchWorld world({.waiters_of_a_group_max = 2});
  EXPECT_TRUE(world.wait({&world.a, &world.b}, "one"));
  EXPECT_TRUE(world.wait({&world.a}, "two"));
  EXPECT_FALSE(world.wait({&world.a}, "three"));
  EXPECT_FALSE(world.wait({&world.b, &world.a}, "three"));
  EXPECT_TRUE(world.wait({&world.b}, "three"));
  world.end(1);
  EXPECT_TRUE(world.wait({&world.a}, "three"));
}

TEST(Watches, ThatAreOverLeaveNothingBehind) {
  WatchWorld world({});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(world.wait({&world.a, &world.b}, i % 2 == 0 ? "one" : "two"));
  EXPECT_EQ(world.watches.interests(), 20u);
  while (!world.waiting.empty()) world.end(world.waiting.size() / 2);
  EXPECT_EQ(world.watches.count(), 0u);
  EXPECT_EQ(world.watches.interests(), 0u);
}

}  // namespace
}  // namespace holdfast::server
