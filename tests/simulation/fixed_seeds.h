// For tests that ask whether something can happen at all: with seeds that change from commit to commit, what is rare
// would now and then not be met. What must always hold runs under sim_seeds.
#pragma once

#include <cstdint>
#include <numeric>
#include <vector>

namespace holdfast::sim {

inline std::vector<std::uint64_t> fixed_seeds(std::size_t n) {
  std::vector<std::uint64_t> seeds(n);
  std::iota(seeds.begin(), seeds.end(), std::uint64_t{1});
  return seeds;
}

}  // namespace holdfast::sim
