#include "net/reply_memory.h"

#include <gtest/gtest.h>

#include <deque>

namespace holdfast::net {
namespace {

constexpr std::size_t bulk = 1024 * 1024;

TEST(ReplyBudget, SmallRepliesAlwaysFindRoomAndLesserOnesBesideBulk) {
  ReplyBudget budget(8 * bulk, 8 * bulk);
  ReplyBudget::Peer peer;
  std::deque<ReplyBudget::Share> shares;
  const auto take = [&](std::size_t bytes) { return shares.emplace_back(budget, peer).take(bytes); };
  for (int i = 0; i < 8; ++i) EXPECT_TRUE(take(bulk));
  EXPECT_FALSE(take(bulk));
  EXPECT_TRUE(take(ReplyBudget::lesser_bytes));
  EXPECT_TRUE(take(ReplyBudget::lesser_bytes));
  EXPECT_FALSE(take(ReplyBudget::lesser_bytes));
  EXPECT_TRUE(take(ReplyBudget::small_bytes));
  EXPECT_EQ(budget.used(), 9 * bulk);
  shares.clear();
  EXPECT_EQ(budget.used(), 0u);
  EXPECT_TRUE(take(bulk));
}

TEST(ReplyBudget, APeerCantTakeWhatIsForOthers) {
  ReplyBudget budget(8 * bulk, 2 * bulk);
  ReplyBudget::Peer greedy, other;
  std::deque<ReplyBudget::Share> shares;
  EXPECT_TRUE(shares.emplace_back(budget, greedy).take(2 * bulk));
  EXPECT_FALSE(shares.emplace_back(budget, greedy).take(bulk));
  EXPECT_TRUE(shares.emplace_back(budget, other).take(bulk));
}

}  // namespace
}  // namespace holdfast::net
