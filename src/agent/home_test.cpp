#include "agent/home.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/system.h"
#include "base/system_test_directory.h"

namespace holdfast::agent {
namespace {

TEST(Home, ThatOthersCanWriteToIsRefused) {
  const TestDirectory directory;
  const auto files = system_files(1);
  for (const mode_t mode : {0700, 0750, 0755, 0711}) {
    ASSERT_EQ(::chmod(directory.path().c_str(), mode), 0);
    EXPECT_TRUE(check_home(*files, directory.path())) << mode;
  }
  for (const mode_t mode : {0720, 0702, 0770, 0777, 01777}) {
    ASSERT_EQ(::chmod(directory.path().c_str(), mode), 0);
    const auto checked = check_home(*files, directory.path());
    ASSERT_FALSE(checked) << mode;
    EXPECT_EQ(checked.error().code, Code::NotAuthorized);
  }
}

// What counts is the directory that a link leads to.
TEST(Home, IsLookedAtThroughALink) {
  const TestDirectory directory;
  const auto files = system_files(1);
  const Path home = directory / "home", link = directory / "link";
  ASSERT_EQ(::mkdir(home.c_str(), 0700), 0);
  ASSERT_EQ(::symlink(home.c_str(), link.c_str()), 0);
  EXPECT_TRUE(check_home(*files, link));
  ASSERT_EQ(::chmod(home.c_str(), 0777), 0);
  EXPECT_FALSE(check_home(*files, link));
}

TEST(Home, OfAnotherUserIsRefused) {
  EXPECT_TRUE(holds_for_another_process(true, [] {
    const auto checked = check_home(*system_files(1), "/");
    return !checked && checked.error().code == Code::NotAuthorized;
  }));
}

}  // namespace
}  // namespace holdfast::agent
