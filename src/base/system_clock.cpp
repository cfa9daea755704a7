#include <cerrno>
#include <ctime>

#include "base/system.h"

namespace holdfast {

namespace {

std::int64_t read_clock(clockid_t id) {
  timespec now{};
  clock_gettime(id, &now);
  return std::int64_t{now.tv_sec} * second_ns + now.tv_nsec;
}

class SystemClock final : public Clock {
 public:
  std::int64_t now_ns() override { return read_clock(CLOCK_REALTIME); }
  std::int64_t monotonic_ns() override { return read_clock(CLOCK_MONOTONIC); }
  void sleep_ns(std::int64_t duration) override {
    if (duration <= 0) return;
    timespec left{.tv_sec = duration / second_ns, .tv_nsec = duration % second_ns};
    while (clock_nanosleep(CLOCK_MONOTONIC, 0, &left, &left) == EINTR) {
    }
  }
};

}  // namespace

std::unique_ptr<Clock> system_clock() { return std::make_unique<SystemClock>(); }

}  // namespace holdfast
