// The doors that are small: Clock, Random and Workers of one process.
#pragma once

#include <deque>

#include "base/clock.h"
#include "base/random.h"
#include "base/workers.h"
#include "tests/simulation/scheduler.h"

namespace holdfast::sim {

// The wall clock of one device: virtual time, and how far the device is off.
struct WallClock {
  std::int64_t offset_ns = 1'767'225'600 * second_ns;  // the world begins on 2026-01-01
};

class SimClock final : public Clock {
 public:
  SimClock(Scheduler& scheduler, Process& process, WallClock& wall, const Chances& chances, Prng& dice)
      : scheduler_(scheduler), process_(process), wall_(wall), chances_(chances), dice_(dice) {}
  std::int64_t now_ns() override;
  std::int64_t monotonic_ns() override;
  void sleep_ns(std::int64_t duration) override { scheduler_.sleep(process_, duration); }

 private:
  std::int64_t pass();

  Scheduler& scheduler_;
  Process& process_;
  WallClock& wall_;
  Chances chances_;
  Prng& dice_;
  std::int64_t after_death_ns_ = 0;
};

class SimRandom final : public Random {
 public:
  explicit SimRandom(std::uint64_t seed) : dice_(seed) {}
  void fill(std::span<std::uint8_t> out) override { dice_.fill(out); }

 private:
  Prng dice_;
};

// Runs each job by itself: now or when its answer is asked for, and answers in any order. A job that touches what it
// does not own meets what a pool would make of it, in a debugger's reach.
class SimWorkers final : public Workers {
 public:
  SimWorkers(Scheduler& scheduler, std::uint64_t seed) : scheduler_(scheduler), dice_(seed) {}
  std::unique_ptr<WorkQueue> queue() override;
  [[nodiscard]] unsigned count() const override { return 4; }

 private:
  Scheduler& scheduler_;
  Prng dice_;
};

}  // namespace holdfast::sim
