// The real process: what a person sees who starts, stops and kills it.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "api/calls.h"
#include "api/server_link.h"
#include "base/system.h"
#include "net/client.h"
#include "server/test_directory.h"

namespace holdfast {
namespace {

using testing::HasSubstr;

constexpr int patience_ms = 60'000;

class Process {
 public:
  explicit Process(const std::vector<std::string>& arguments) {
    int out[2], err[2];
    EXPECT_EQ(::pipe2(out, O_CLOEXEC), 0);
    EXPECT_EQ(::pipe2(err, O_CLOEXEC), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, out[1], STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions, err[1], STDERR_FILENO);
    const char* bin = std::getenv("HOLDFAST_BIN");
    const std::string program = std::string(bin ? bin : "bin") + "/holdfastd";
    std::vector<std::string> all{program};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> argv;
    for (std::string& argument : all) argv.push_back(argument.data());
    argv.push_back(nullptr);
    EXPECT_EQ(::posix_spawn(&pid_, program.c_str(), &actions, nullptr, argv.data(), environ), 0) << program;
    posix_spawn_file_actions_destroy(&actions);
    ::close(out[1]);
    ::close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(out_);
    ::close(err_);
  }

  std::string first_line() { return read_until(out_, true); }
  std::string rest_of_output() { return read_until(out_, false); }
  std::string errors() { return read_until(err_, false); }
  void send(int signal) const { ::kill(pid_, signal); }
  int exit_code() {
    int status = 0;
    EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  static std::string read_until(int from, bool newline) {
    std::string text;
    for (char c = 0;;) {
      pollfd ready{from, POLLIN, 0};
      if (::poll(&ready, 1, patience_ms) <= 0 || ::read(from, &c, 1) != 1) return text;
      if (newline && c == '\n') return text;
      text += c;
    }
  }

  pid_t pid_ = 0;
  int out_ = -1, err_ = -1;
};

struct Place {
  server::TestDirectory directory;
  [[nodiscard]] std::vector<std::string> serve() const {
    return {"serve", "--data", directory / "data", "--listen", "127.0.0.1:0"};
  }
};

int health_of(const api::ServerLink& link) {
  net::HttpClient client({.host = link.host, .port = link.port, .server_key_hash = link.server_key});
  client.submit({.method = net::Method::get, .path = "/healthz", .head = {}, .bulk = nullptr});
  const auto [ticket, answer] = client.next();
  return answer ? answer->status : 0;
}

TEST(Holdfastd, PrintsItsLinkServesAndStopsCleanly) {
  const Place place;
  for (const int signal : {SIGTERM, SIGINT}) {
    Process process(place.serve());
    const auto link = api::parse_server_link(process.first_line());
    ASSERT_TRUE(link);
    EXPECT_EQ(health_of(*link), 200);
    process.send(signal);
    EXPECT_EQ(process.exit_code(), 0);
    EXPECT_EQ(process.rest_of_output(), "");
    EXPECT_THAT(process.errors(), HasSubstr("\"event\":\"stopped\""));
  }
}

TEST(Holdfastd, KeepsItsIdentityOverKill9) {
  const Place place;
  std::optional<api::ServerLink> before;
  for (int i = 0; i < 3; ++i) {
    Process process(place.serve());
    const auto link = api::parse_server_link(process.first_line());
    ASSERT_TRUE(link);
    EXPECT_EQ(health_of(*link), 200);
    if (before) {
      EXPECT_EQ(link->server_key, before->server_key);
      EXPECT_EQ(link->policy, before->policy);
    }
    before = *link;
    process.send(SIGKILL);
    EXPECT_EQ(process.exit_code(), -SIGKILL);
  }
}

TEST(Holdfastd, ASecondOneOnTheSameDataSaysWhyItDoesNotStart) {
  const Place place;
  Process first(place.serve());
  const auto link = api::parse_server_link(first.first_line());
  ASSERT_TRUE(link);
  Process second(place.serve());
  EXPECT_EQ(second.exit_code(), 1);
  EXPECT_EQ(second.rest_of_output(), "");
  const std::string said = second.errors();
  EXPECT_THAT(said, HasSubstr("holdfastd: another server has this data directory open"));
  EXPECT_THAT(said, HasSubstr("next"));
  EXPECT_EQ(health_of(*link), 200);
}

TEST(Holdfastd, ExplainsItselfAndItsMistakes) {
  Process version({"--version"});
  EXPECT_EQ(version.exit_code(), 0);
  EXPECT_THAT(version.rest_of_output(), testing::MatchesRegex("holdfastd [0-9.]+\n"));
  Process help({"serve", "--help"});
  EXPECT_EQ(help.exit_code(), 0);
  EXPECT_THAT(help.rest_of_output(), HasSubstr("--public-address"));
  for (const std::vector<std::string>& wrong : std::vector<std::vector<std::string>>{
           {}, {"serve"}, {"serve", "--data"}, {"run"}, {"serve", "--data", "/x", "--grace-days", "0"}}) {
    Process process(wrong);
    EXPECT_EQ(process.exit_code(), 2);
    EXPECT_THAT(process.errors(), testing::MatchesRegex("holdfastd: .+\n  next    holdfastd .+\n"));
  }
  Process near({"serve", "--dat", "/x"});
  EXPECT_EQ(near.exit_code(), 2);
  EXPECT_THAT(near.errors(), HasSubstr("holdfastd serve --data"));
  const Place place;
  ASSERT_TRUE(system_files(1)->make_directories(place.directory / "data"));
  ASSERT_TRUE(system_files(1)->open(place.directory / "data/somebody's", OpenMode::create_new));
  Process foreign(place.serve());
  EXPECT_EQ(foreign.exit_code(), 1);
  EXPECT_THAT(foreign.errors(), HasSubstr("no Holdfast server's"));
  EXPECT_THAT(system_files(1)->list(place.directory / "data").value(), testing::SizeIs(1))
      << "nothing is written there";
  Process nonsense({"serve", "--data", place.directory / "new", "--listen", "nowhere"});
  EXPECT_EQ(nonsense.exit_code(), 2);
  EXPECT_THAT(nonsense.errors(), HasSubstr("is not what --listen takes"));
}

}  // namespace
}  // namespace holdfast
