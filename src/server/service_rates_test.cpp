#include "server/service_rates.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

struct SteppedClock final : Clock {
  std::int64_t time_ns = second_ns;
  std::int64_t now_ns() override { return time_ns; }
  std::int64_t monotonic_ns() override { return time_ns; }
  void sleep_ns(std::int64_t duration) override { time_ns += duration; }
};

TEST(RateLimiter, RefillsWithTimeUpToItsBurst) {
  SteppedClock clock;
  RateLimiter limiter(clock, {.burst = 2, .per_second = 0.5});
  EXPECT_TRUE(limiter.allow("a"));
  EXPECT_TRUE(limiter.would_allow("a"));
  EXPECT_TRUE(limiter.allow("a"));
  EXPECT_FALSE(limiter.would_allow("a"));
  EXPECT_FALSE(limiter.allow("a"));
  clock.time_ns += 2 * second_ns;
  EXPECT_TRUE(limiter.allow("a"));
  EXPECT_FALSE(limiter.allow("a"));
  clock.time_ns += 3600 * second_ns;
  EXPECT_TRUE(limiter.allow("a") && limiter.allow("a"));
  EXPECT_FALSE(limiter.allow("a"));
}

// Promise: however many addresses somebody has, memory is bounded, and who was refused stays refused.
TEST(RateLimiter, RemembersTheEmptiestAmongVeryManyAddresses) {
  SteppedClock clock;
  RateLimiter limiter(clock, {.burst = 10, .per_second = 0.001});
  while (limiter.allow("greedy")) {
  }
  for (int i = 0; i < 150'000; ++i) EXPECT_TRUE(limiter.allow("host" + std::to_string(i)));
  EXPECT_FALSE(limiter.allow("greedy"));
  EXPECT_LE(limiter.addresses(), 65'536u);
}

}  // namespace
}  // namespace holdfast::server
