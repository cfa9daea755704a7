#include "session/publish.h"

#include <gtest/gtest.h>

namespace holdfast::session {
namespace {

using Sizes = std::vector<std::uint64_t>;

TEST(Publish, SmallSegmentsAreMergedAndLargeOnesWaitForPrune) {
  EXPECT_EQ(merge_start(Sizes{}, 100), 0u);
  EXPECT_EQ(merge_start(Sizes{1000, 300}, 100), 2u);
  EXPECT_EQ(merge_start(Sizes{1000, 300}, 200), 1u);
  EXPECT_EQ(merge_start(Sizes{1000, 300}, 400), 0u);
  constexpr std::uint64_t large = 3'000'000;  // records: more than 64 MiB
  EXPECT_EQ(merge_start(Sizes{large}, large), 1u);
  EXPECT_EQ(merge_start(Sizes{large, 1000}, large), 1u);
  EXPECT_EQ(merge_start(Sizes{large, 1000}, 1000), 1u);
  EXPECT_EQ(merge_start(Sizes{large, large, 1000, 400}, 100), 4u);
}

// Promise: however many uploads there were, a look-up asks few segments.
// Method: 10 million chunks in uploads of one size; in each merge no more is moved than the limit allows.
TEST(Publish, ManyUploadsLeaveFewSegments) {
  for (const std::uint64_t added : {10'000u, 50'000u, 1'000'000u}) {
    Sizes sizes;
    std::uint64_t moved = 0;
    for (std::uint64_t made = 0; made < 10'000'000; made += added) {
      std::uint64_t merged = added;
      const std::size_t from = merge_start(sizes, added);
      for (std::size_t i = from; i < sizes.size(); ++i) merged += sizes[i];
      moved += merged;
      sizes.resize(from);
      sizes.push_back(merged);
    }
    EXPECT_LE(sizes.size(), 16u) << added;
    EXPECT_LE(moved, 120'000'000u) << added;  // each record a few times
  }
}

}  // namespace
}  // namespace holdfast::session
