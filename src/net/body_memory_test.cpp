#include "net/body_memory.h"

#include <gtest/gtest.h>

#include <array>

namespace holdfast::net {
namespace {

const auto never = [] { FAIL() << "called without having waited"; };
constexpr std::size_t no_limit = 1'000'000;

TEST(BodyBudget, OneBodyMayGoBeyondTheLimitAndTheOthersWaitInOrder) {
  BodyBudget budget(100, no_limit);
  BodyBudget::Peer peer;
  std::string turns;
  const auto turn_of = [&turns](char who) { return [&turns, who] { turns += who; }; };
  BodyBudget::Share a(budget, peer), b(budget, peer), c(budget, peer);
  EXPECT_TRUE(a.grow(60, never));
  EXPECT_TRUE(b.grow(60, never));  // beyond, and now the one that may
  EXPECT_TRUE(b.grow(60, never));
  EXPECT_FALSE(a.grow(10, turn_of('a')));
  EXPECT_FALSE(c.grow(10, turn_of('c')));
  EXPECT_EQ(budget.used(), 180u);
  b.release();
  EXPECT_EQ(turns, "ac");
  EXPECT_EQ(budget.used(), 80u);
}

TEST(BodyBudget, AShareThatGoesTakesItsRequestBack) {
  BodyBudget budget(100, no_limit);
  BodyBudget::Peer peer;
  BodyBudget::Share a(budget, peer);
  EXPECT_TRUE(a.grow(150, never));
  {
    BodyBudget::Share b(budget, peer);
    EXPECT_FALSE(b.grow(10, never));
  }
  a.release();
  EXPECT_EQ(budget.used(), 0u);
}

// Promise: a peer that has all it may have keeps no other from growing.
TEST(BodyBudget, APeerBeyondItsLimitWaitsForItselfAlone) {
  BodyBudget budget(1'000, 100);
  std::string turns;
  const auto turn_of = [&turns](char who) { return [&turns, who] { turns += who; }; };
  BodyBudget::Peer greedy, other;
  BodyBudget::Share a(budget, greedy), b(budget, greedy), c(budget, greedy), d(budget, other);
  EXPECT_TRUE(a.grow(90, never));
  EXPECT_TRUE(b.grow(60, never));  // beyond the peer's limit, and the one of it that may
  EXPECT_TRUE(b.grow(60, never));
  EXPECT_FALSE(a.grow(10, turn_of('a')));
  EXPECT_FALSE(c.grow(10, turn_of('c')));
  EXPECT_TRUE(d.grow(90, never));
  EXPECT_EQ(budget.used(), 300u);
  b.release();
  EXPECT_EQ(turns, "ac");
  EXPECT_EQ(budget.used(), 200u);
  for (BodyBudget::Share* share : {&a, &c, &d}) share->release();
  EXPECT_EQ(budget.used(), 0u);
}

// Promise: half-received bodies never wait for one another for ever. Method: many grow in turns, whatever the order,
// under limits for all, for each peer, or both.
TEST(BodyBudget, NeverComesToAStandstill) {
  constexpr std::size_t body = 100, step = 10;
  struct Body {
    Body(BodyBudget& budget, BodyBudget::Peer& peer) : share(budget, peer) {}
    BodyBudget::Share share;
    std::size_t size = 0;
    bool waits = false, done = false;
  };
  const std::vector<std::pair<std::size_t, std::size_t>> limits{
      {150, no_limit}, {150, 100}, {150, 70}, {no_limit, 120}, {0, 0}};
  for (const auto& [limit, peer_limit] : limits) {
    BodyBudget budget(limit, peer_limit);
    std::array<BodyBudget::Peer, 3> peers;
    std::deque<Body> bodies;
    for (std::size_t i = 0; i < 12; ++i) bodies.emplace_back(budget, peers[i % peers.size()]);
    std::size_t done = 0;
    for (int round = 0; round < 1'000 && done < bodies.size(); ++round) {
      for (Body& one : bodies) {
        if (one.waits || one.done) continue;
        if (one.size == body) {
          one.done = true;
          ++done;
          one.share.release();
          continue;
        }
        one.size += step;
        one.waits = true;
        if (one.share.grow(step, [&one] { one.waits = false; })) one.waits = false;
        EXPECT_LE(budget.used(), limit + body);
        EXPECT_LE(budget.used(), peers.size() * (peer_limit + 2 * body));
      }
    }
    EXPECT_EQ(done, bodies.size()) << limit << ", of a peer " << peer_limit;
    EXPECT_EQ(budget.used(), 0u);
  }
}

TEST(BodyPool, GivesLargeBuffersAgain) {
  BodyPool pool(1, 4'000'000);
  Bytes buffer = pool.take(2'000'000);
  EXPECT_GE(buffer.capacity(), 2'000'000u);
  const std::uint8_t* const memory = buffer.data();
  pool.give_back(std::move(buffer));
  pool.give_back(Bytes(3'000'000));  // one is enough
  Bytes again = pool.take(1'500'000);
  EXPECT_EQ(again.data(), memory);
  EXPECT_NE(pool.take(1'500'000).data(), memory);
}

}  // namespace
}  // namespace holdfast::net
