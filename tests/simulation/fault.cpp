#include "tests/simulation/fault.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>

#include "tests/simulation/prng.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t fixed_base = 4711;

std::optional<std::uint64_t> number_from_environment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr) return std::nullopt;
  std::uint64_t value = 0;
  const char* end = text + std::strlen(text);
  const auto [rest, error] = std::from_chars(text, end, value);
  if (error != std::errc{} || rest != end) return std::nullopt;
  return value;
}

}  // namespace

std::string Fault::replay_command() const {
  const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
  std::string command = "scripts/sim ";
  if (test != nullptr) command += std::string(test->test_suite_name()) + "." + test->name();
  command += " --seed " + std::to_string(seed);
  if (step != 0) command += " --step " + std::to_string(step);
  return command;
}

std::ostream& operator<<(std::ostream& out, const Fault& fault) {
  out << "seed " << fault.seed;
  if (fault.step != 0) {
    out << ", " << (fault.crash == Crash::kill ? "kill" : "power cut") << " instead of step " << fault.step;
  }
  if (fault.again != 0) out << ", again " << fault.again << " steps later";
  return out;
}

std::vector<std::uint64_t> sim_seeds(std::size_t n) {
  if (const auto only = number_from_environment("HOLDFAST_SIM_SEED")) return {*only};
  const char* base = std::getenv("HOLDFAST_SIM_BASE");
  const std::uint64_t first = base != nullptr && *base != '\0' ? mix(hash_text(base)) >> 24 : fixed_base;
  std::vector<std::uint64_t> seeds(n * number_from_environment("HOLDFAST_SIM_TIMES").value_or(1));
  for (std::size_t i = 0; i < seeds.size(); ++i) seeds[i] = first + i;
  return seeds;
}

std::optional<std::uint64_t> replayed_step() { return number_from_environment("HOLDFAST_SIM_STEP"); }

bool replaying() { return number_from_environment("HOLDFAST_SIM_SEED").has_value(); }

std::vector<Fault> calm_faults(const std::vector<std::uint64_t>& seeds, const Chances& chances) {
  std::vector<Fault> faults;
  for (const std::uint64_t seed : seeds) faults.push_back({.seed = seed, .chances = chances});
  return faults;
}

std::vector<Fault> faults_of_seed(const PlanInput& plan, std::uint64_t seed) {
  std::vector<std::uint64_t> steps;
  if (const auto only = replayed_step()) {
    steps = {*only};
  } else {
    World world(Fault{.seed = seed, .chances = plan.chances});
    plan.run(world);
    for (std::uint64_t step = 1; step <= world.steps() + 1; ++step) steps.push_back(step);
    Prng choice(mix(seed, 0x73746570));
    while (steps.size() > plan.steps_max) {  // never the first, never the last: they are cases of their own
      if (steps.size() <= 2) break;
      steps.erase(steps.begin() + 1 + static_cast<std::ptrdiff_t>(choice.below(steps.size() - 2)));
    }
  }
  std::vector<Fault> faults;
  for (const std::uint64_t step : steps) {
    const std::uint64_t again = plan.again_max == 0 ? 0 : 1 + mix(seed, step) % plan.again_max;
    faults.push_back({.seed = seed, .step = step, .again = again, .crash = plan.crash, .chances = plan.chances});
  }
  return faults;
}

}  // namespace holdfast::sim
