#include "tests/simulation/equal_ends.h"

#include <algorithm>

#include "tests/simulation/world.h"

namespace holdfast::sim {

::testing::AssertionResult ends_equal(const Fault& fault, const std::function<void(World&)>& run) {
  struct Once {
    End end;
    std::vector<std::string> lines;
  };
  const auto once = [&] {
    World world(fault);
    world.scheduler().trace().record();
    run(world);
    return Once{world.end(), world.scheduler().trace().lines()};
  };
  const Once first = once(), second = once();
  if (first.end == second.end) return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure() << fault.replay_command() << " ends in two ways";
  const auto [a, b] = std::mismatch(first.lines.begin(), first.lines.end(), second.lines.begin(), second.lines.end());
  const auto text = [](const auto& at, const auto& lines) { return at == lines.end() ? "(the end)" : *at; };
  return failure << "\n  first   " << text(a, first.lines) << "\n  second  " << text(b, second.lines);
}

}  // namespace holdfast::sim
