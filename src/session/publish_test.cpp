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
  EXPECT_EQ(merge_start(Sizes{large, 1000}, large), 2u);
  EXPECT_EQ(merge_start(Sizes{large, 1000}, 1000), 1u);
}

}  // namespace
}  // namespace holdfast::session
