#include <gtest/gtest.h>

#include "backup/restore_run.h"

namespace holdfast::backup {
namespace {

// Promise: two names are restored as one file only if all that was saved of them is equal.
TEST(LinkedFile, IsTheSameForTwoNamesAndForNothingElse) {
  space::TreeEntry entry;
  entry.name = "a";
  entry.mode = 0644;
  entry.uid = 1000;
  entry.gid = 100;
  entry.mtime_ns = 77;
  entry.hard_link = space::HardLink{1, 2};
  entry.content = space::FileContent{5, space::OneChunk{}};
  const Bytes first = linked_file(entry);
  const auto with = [&](auto change) {
    space::TreeEntry other = entry;
    change(other);
    return linked_file(other);
  };
  EXPECT_EQ(with([](auto& other) { other.name = "b"; }), first);
  EXPECT_NE(with([](auto& other) { other.hard_link->inode = 3; }), first);
  EXPECT_NE(with([](auto& other) { other.uid = 0; }), first) << "of another owner";
  EXPECT_NE(with([](auto& other) { other.mode = 0600; }), first);
  EXPECT_NE(with([](auto& other) { other.content = space::FileContent{6, space::OneChunk{}}; }), first);
  EXPECT_NE(with([](auto& other) { other.content = space::FifoContent{}; }), first);
}

}  // namespace
}  // namespace holdfast::backup
