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

TEST(RateAddress, IsAHostOrASubscribersNetwork) {
  EXPECT_EQ(rate_address("192.0.2.7:4711"), "192.0.2.7");
  EXPECT_EQ(rate_address("[::ffff:192.0.2.7]:4711"), "192.0.2.7");
  EXPECT_EQ(rate_address("[2001:db8:1:2:3:4:5:6]:1"), rate_address("[2001:db8:1:2::9]:2"));
  EXPECT_NE(rate_address("[2001:db8:1:2::9]:1"), rate_address("[2001:db8:1:3::9]:1"));
  EXPECT_EQ(rate_address("[2001:db8::7]:1"), rate_address("[2001:db8:0:0:5::]:1"));
  EXPECT_NE(rate_address("[::1]:1"), rate_address("[2001:db8::1]:1"));
  for (const char* odd : {"", ":", "[", "[]", "[:", "[::", "sim"}) (void)rate_address(odd);
}

TEST(RateLimiter, RefillsWithTimeUpToItsBurst) {
  SteppedClock clock;
  RateLimiter limiter(clock, {.burst = 2, .per_second = 0.5});
  EXPECT_TRUE(limiter.allow("a:1"));
  EXPECT_TRUE(limiter.would_allow("a:1"));
  EXPECT_TRUE(limiter.allow("a:1"));
  EXPECT_FALSE(limiter.would_allow("a:1"));
  EXPECT_FALSE(limiter.allow("a:1"));
  clock.time_ns += 2 * second_ns;
  EXPECT_TRUE(limiter.allow("a:2"));
  EXPECT_FALSE(limiter.allow("a:2"));
  clock.time_ns += 3600 * second_ns;
  EXPECT_TRUE(limiter.allow("a:1") && limiter.allow("a:1"));
  EXPECT_FALSE(limiter.allow("a:1"));
}

// Promise: however many addresses somebody has, memory is bounded, and who was refused stays refused.
TEST(RateLimiter, RemembersTheEmptiestAmongVeryManyAddresses) {
  SteppedClock clock;
  RateLimiter limiter(clock, {.burst = 10, .per_second = 0.001});
  while (limiter.allow("greedy:1")) {
  }
  for (int i = 0; i < 150'000; ++i) EXPECT_TRUE(limiter.allow("host" + std::to_string(i) + ":1"));
  EXPECT_FALSE(limiter.allow("greedy:1"));
  EXPECT_LE(limiter.addresses(), 65'536u);
}

}  // namespace
}  // namespace holdfast::server
