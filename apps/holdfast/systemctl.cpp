#include "systemctl.h"

#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <string_view>

#include "base/bytes.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace holdfast::app {

namespace {

constexpr int answer_ms_max = 60'000;
constexpr std::size_t answer_bytes_max = std::size_t{64} << 10;

struct Answer {
  int code = -1;
  std::string out, error;
};

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0) ends_ = {-1, -1};
  }
  ~Pipe() {
    for (int i = 0; i < 2; ++i) close_end(i);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  [[nodiscard]] int end(int which) const { return ends_[static_cast<std::size_t>(which)]; }
  void close_end(int which) {
    int& fd = ends_[static_cast<std::size_t>(which)];
    if (fd >= 0) ::close(fd);
    fd = -1;
  }

 private:
  std::array<int, 2> ends_{-1, -1};
};

// A login by su, ssh or cron may leave out where the manager's socket is. Times are in UTC, words in English.
std::vector<std::string> environment() {
  std::vector<std::string> out{"TZ=UTC", "LC_ALL=C"};
  bool runtime = false;
  for (char** one = environ; *one != nullptr; ++one) {
    const std::string_view variable = *one;
    runtime = runtime || variable.starts_with("XDG_RUNTIME_DIR=");
    if (!variable.starts_with("TZ=") && !variable.starts_with("LC_ALL=")) out.emplace_back(variable);
  }
  const std::string usual = "/run/user/" + std::to_string(::geteuid());
  struct stat folder{};
  if (!runtime && ::stat(usual.c_str(), &folder) == 0) out.push_back("XDG_RUNTIME_DIR=" + usual);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> out;
  for (auto& word : words) out.push_back(word.data());
  out.push_back(nullptr);
  return out;
}

void read_both(Pipe& out, Pipe& error, Answer& answer, pid_t child) {
  std::array<pollfd, 2> wanted{{{out.end(0), POLLIN, 0}, {error.end(0), POLLIN, 0}}};
  const std::array<std::string*, 2> into{&answer.out, &answer.error};
  while (wanted[0].fd >= 0 || wanted[1].fd >= 0) {
    const int ready = ::poll(wanted.data(), wanted.size(), answer_ms_max);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      ::kill(child, SIGKILL);
      answer.error += "no answer within a minute";
      return;
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      if (wanted[i].fd < 0 || wanted[i].revents == 0) continue;
      std::array<char, 4096> piece{};
      const ssize_t got = ::read(wanted[i].fd, piece.data(), piece.size());
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) wanted[i].fd = -1;
      if (got > 0 && into[i]->size() < answer_bytes_max) into[i]->append(piece.data(), static_cast<std::size_t>(got));
    }
  }
}

// As PATH finds it.
Answer systemctl(std::vector<std::string> words) {
  Answer answer;
  words.insert(words.begin(), {"systemctl", "--user", "--no-pager", "--no-ask-password"});
  Pipe out, error;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.end(1), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, error.end(1), STDERR_FILENO);
  sigset_t usual;
  ::sigemptyset(&usual);
  ::sigaddset(&usual, SIGPIPE);  // ignored here
  ::posix_spawnattr_setsigdefault(&attributes, &usual);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  auto variables = environment();
  pid_t child = -1;
  const int failed =
      ::posix_spawnp(&child, "systemctl", &actions, &attributes, pointers(words).data(), pointers(variables).data());
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) {
    answer.error = std::string("systemctl: ") + std::strerror(failed);
    return answer;
  }
  out.close_end(1);
  error.close_end(1);
  read_both(out, error, answer, child);
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  answer.code = WIFEXITED(state) ? WEXITSTATUS(state) : -1;
  return answer;
}

std::string first_line(const std::string& text) { return printable(text.substr(0, text.find('\n'))); }

Status done(const Answer& answer, const std::string& what) {
  if (answer.code == 0) return {};
  return fail(Code::Internal, what + ": " + first_line(answer.error), "systemctl --user");
}

}  // namespace

Result<unsigned> manager_version() {
  const Answer answer = systemctl({"show", "--property=Version"});
  constexpr std::string_view key = "Version=";
  unsigned version = 0;  // "252.38-1~deb12u1"
  if (answer.code == 0 && answer.out.starts_with(key)) {
    (void)std::from_chars(answer.out.data() + key.size(), answer.out.data() + answer.out.size(), version);
    return version;
  }
  return fail(Code::Unsupported, "no systemd of this user answers, and it is what starts backups on a schedule",
              first_line(answer.error));
}

Status manager_reloads() { return done(systemctl({"daemon-reload"}), "systemd does not read its units anew"); }

Status manager_starts(const std::string& timer) {
  return done(systemctl({"enable", "--now", timer}), "systemd does not take the timer");
}

void manager_stops(const std::string& timer, const std::string& service) {
  (void)systemctl({"disable", "--now", timer});
  (void)systemctl({"reset-failed", timer, service});
}

TimerState timer_state(const std::string& unit) {
  const Answer answer = systemctl({"show", unit + ".timer", "--property=ActiveState,NextElapseUSecRealtime"});
  TimerState out;
  out.answered = answer.code == 0;
  out.active = answer.out.contains("ActiveState=active\n");
  constexpr std::string_view key = "NextElapseUSecRealtime=";
  if (const auto at = answer.out.find(key); at != std::string::npos) {
    std::tm time{};  // "Sat 2026-11-28 16:23:50 UTC"; --timestamp=unix does not reach this property
    if (::strptime(answer.out.c_str() + at + key.size(), "%a %Y-%m-%d %H:%M:%S UTC", &time) != nullptr)
      out.next_ns = std::int64_t{::timegm(&time)} * second_ns;
  }
  const Answer service = systemctl({"show", unit + ".service", "--property=Result"});
  if (const std::string line = first_line(service.out); line.starts_with("Result="))
    out.service_result = line.substr(7);
  return out;
}

bool user_lingers() {
  const passwd* entry = ::getpwuid(::geteuid());
  struct stat mark{};
  return entry != nullptr && ::stat((std::string("/var/lib/systemd/linger/") + entry->pw_name).c_str(), &mark) == 0;
}

}  // namespace holdfast::app
