#include "net/body_memory.h"

#include <gtest/gtest.h>

namespace holdfast::net {
namespace {

const auto never = [] { FAIL() << "called without having waited"; };

TEST(BodyBudget, OneBodyMayGoBeyondTheLimitAndTheOthersWaitInOrder) {
  BodyBudget budget(100);
  std::string turns;
  const auto turn_of = [&turns](char who) { return [&turns, who] { turns += who; }; };
  BodyBudget::Share a(budget), b(budget), c(budget);
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
  BodyBudget budget(100);
  BodyBudget::Share a(budget);
  EXPECT_TRUE(a.grow(150, never));
  {
    BodyBudget::Share b(budget);
    EXPECT_FALSE(b.grow(10, never));
  }
  a.release();
  EXPECT_EQ(budget.used(), 0u);
}

// Promise: half-received bodies never wait for one another for ever. Method: many grow in turns, whatever the order.
TEST(BodyBudget, NeverComesToAStandstill) {
  constexpr std::size_t body = 100, step = 10;
  BodyBudget budget(150);
  struct Body {
    explicit Body(BodyBudget& budget) : share(budget) {}
    BodyBudget::Share share;
    std::size_t size = 0;
    bool waits = false, done = false;
  };
  std::deque<Body> bodies;
  for (int i = 0; i < 10; ++i) bodies.emplace_back(budget);
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
      EXPECT_LE(budget.used(), 150 + body);
    }
  }
  EXPECT_EQ(done, bodies.size());
  EXPECT_EQ(budget.used(), 0u);
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
