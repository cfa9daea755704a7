// Restoring with rights that are not the owner's, and files that are larger than what is planned at once.
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

// Promise: a file of more chunks than are planned at once comes back bit for bit, and so do its neighbours.
TEST(RestoreScenario, ALargeFileComesBackInSeveralWindows) {
  World world;
  const auto server = std::make_shared<BackupServer>(world.fault().seed);
  world.serve(server);
  Device& laptop = world.device("laptop");
  ASSERT_TRUE(laptop.hand().make_directories(tree_of_user));
  auto writer = laptop.hand().tree_writer(tree_of_user);
  ASSERT_TRUE(writer);
  Prng dice(world.fault().seed);
  std::map<std::string, Bytes> contents;
  for (const auto& [name, size] : {std::pair("before", 1000), {"huge", 7'000'000}, {"last", 5'000'000}, {"z", 10}}) {
    Bytes& content = contents[name];
    content.resize(static_cast<std::size_t>(size));
    for (std::uint8_t& byte : content) byte = static_cast<std::uint8_t>(dice.below(256));
  }
  Bytes& huge = contents["huge"];
  std::copy_n(huge.begin(), 3'000'000, huge.begin() + 3'500'000);  // chunks that stand in two windows
  for (const auto& [name, content] : contents)
    ASSERT_TRUE((*writer)->make_file({name, {content}, {.mode = 0640, .mtime_ns = 5 * second_ns}, false}));
  ASSERT_TRUE(laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); }));
  ASSERT_TRUE(laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));

  backup::RestoreOptions options;
  options.target = "/home/user/again";
  options.verify = true;
  options.window_pieces_max = 3;
  const auto restored = laptop.run("restore", [&](Doors& doors) { return restore(doors, "latest", options); });
  ASSERT_TRUE(restored) << restored.error().sentence;
  EXPECT_EQ(restored->problems_count, 0u);
  EXPECT_EQ(restored->stats.files, contents.size());
  EXPECT_EQ(restored->files_verified, contents.size());
  EXPECT_EQ(look(laptop.hand(), "/home/user/again/documents"), look(laptop.hand(), tree_of_user));
  EXPECT_REACHED("restore: a large file in several windows");
}

}  // namespace
}  // namespace holdfast::sim
