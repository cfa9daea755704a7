#include <sys/random.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/system.h"

namespace holdfast {

namespace {

class SystemRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override {
    while (!out.empty()) {
      const ssize_t count = getrandom(out.data(), out.size(), 0);
      if (count > 0) {
        out = out.subspan(static_cast<std::size_t>(count));
      } else if (errno != EINTR) {
        // Keys from anything weaker would be worse than no program.
        std::fputs("holdfast: the system gives no random bytes (getrandom)\n", stderr);
        std::abort();
      }
    }
  }
};

}  // namespace

std::unique_ptr<Random> system_random() { return std::make_unique<SystemRandom>(); }

}  // namespace holdfast
