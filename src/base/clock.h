// The first door: time.
#pragma once

#include <cstdint>

namespace holdfast {

inline constexpr std::int64_t second_ns = 1'000'000'000;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::int64_t now_ns() = 0;        // wall clock, nanoseconds since 1970; may jump
  virtual std::int64_t monotonic_ns() = 0;  // never goes back; for deadlines and rates
  virtual void sleep_ns(std::int64_t duration) = 0;
};

}  // namespace holdfast
