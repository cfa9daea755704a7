#include "agent/control.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/system_test_directory.h"

namespace holdfast::agent {
namespace {

class Words final : public Output {
 public:
  bool out(std::string_view bytes) override {
    said += bytes;
    return true;
  }
  bool error(std::string_view bytes) override {
    complained += bytes;
    return true;
  }
  std::string said, complained;
};

TEST(Control, ACommandRunsAtTheOwnerAndItsWordsComeBack) {
  const TestDirectory home;
  const auto server = ControlServer::start(home / "", [](const ForwardedCommand& command, Output& output) {
    output.out("done: " + command.arguments.at(0));
    output.error("in " + command.directory);
    return 3;
  });
  ASSERT_TRUE(server);
  Words words;
  const auto code = run_at_owner(home / "", {{"snapshots"}, "/somewhere", false, false, 80}, words);
  ASSERT_TRUE(code);
  EXPECT_EQ(*code, 3);
  EXPECT_EQ(words.said, "done: snapshots");
  EXPECT_EQ(words.complained, "in /somewhere");
}

TEST(Control, TheSocketIsForItsUserAloneWhateverTheUmask) {
  const TestDirectory home;
  const mode_t before = ::umask(0);
  const auto server = ControlServer::start(home / "", [](const ForwardedCommand&, Output&) { return 0; });
  ::umask(before);
  ASSERT_TRUE(server);
  struct stat socket{};
  ASSERT_EQ(::lstat((home / "control").c_str(), &socket), 0);
  EXPECT_TRUE(S_ISSOCK(socket.st_mode));
  EXPECT_EQ(socket.st_mode & 07777u, 0600u);
}

TEST(Control, WithoutAnOwnerItIsBusy) {
  const TestDirectory home;
  Words words;
  const auto code = run_at_owner(home / "", {{"snapshots"}, "/", false, false, 80}, words);
  ASSERT_FALSE(code);
  EXPECT_EQ(code.error().code, Code::Busy);
}

}  // namespace
}  // namespace holdfast::agent
