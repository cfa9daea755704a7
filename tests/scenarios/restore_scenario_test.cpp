// Restoring with rights that are not the owner's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "session/spaces.h"
#include "tests/scenarios/backup_world.h"

namespace holdfast::sim {
namespace {

constexpr std::uint32_t set_id = 06755;

std::uint32_t mode_at(Files& hand, const Path& path) {
  const auto stat = hand.stat(path);
  EXPECT_TRUE(stat);
  return stat ? stat->mode & 07777u : 0;
}

// Promise: who restores without setting owners owns what is made, so files of others lose the bits that would lend that
// owner's rights to everybody; one's own keep them.
TEST(RestoreScenario, SetIdBitsOfOthersAreLeftOut) {
  World world;
  const auto server = std::make_shared<BackupServer>(world.fault().seed);
  world.serve(server);
  Device& laptop = world.device("laptop");
  ASSERT_TRUE(laptop.hand().make_directories(tree_of_user));
  auto writer = laptop.hand().tree_writer(tree_of_user);
  ASSERT_TRUE(writer);
  ASSERT_TRUE(
      (*writer)->make_file({"tool", {as_bytes("#!/bin/sh")}, {.mode = set_id, .owner = std::pair(7u, 8u)}, false}));
  ASSERT_EQ(mode_at(laptop.hand(), tree_of_user + "/tool"), set_id);
  ASSERT_TRUE(laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); }));
  ASSERT_TRUE(laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));

  const auto restored_by = [&](const Path& target, std::uint32_t uid, std::uint32_t gid) {
    backup::RestoreOptions options;
    options.target = target;
    options.restorer = std::pair(uid, gid);
    return laptop.run("restore", [&](Doors& doors) { return restore(doors, "latest", options); });
  };
  const auto by_another = restored_by("/home/user/another", 1, 8), by_owner = restored_by("/home/user/owner", 7, 8);
  ASSERT_TRUE(by_another && by_owner);
  EXPECT_EQ(mode_at(laptop.hand(), "/home/user/another/documents/tool"), 0755u);
  EXPECT_THAT(by_another->warnings, testing::Contains(testing::HasSubstr("tool")));
  EXPECT_EQ(mode_at(laptop.hand(), "/home/user/owner/documents/tool"), set_id);
  EXPECT_TRUE(by_owner->warnings.empty());
}

}  // namespace
}  // namespace holdfast::sim
