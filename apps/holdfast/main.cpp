#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include "base/memory.h"
#include "base/system.h"
#include "crypto/passphrase.h"
#include "last_word.h"
#include "run.h"
#include "show.h"

namespace {

using namespace holdfast;

// No core dump and no debugger sees the keys.
void keep_memory_private() {
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

// A backup holds the folders that it is in open, one below the other.
void use_all_descriptors() {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::min<rlim_t>(files.rlim_max, 65'536);
  ::setrlimit(RLIMIT_NOFILE, &files);
}

class StandardOutput final : public agent::Output {
 public:
  bool out(std::string_view bytes) override {
    const bool written = write_all(STDOUT_FILENO, bytes);
    if (!written) {
      reader_left_ = errno == EPIPE;
      lost_ = true;
    }
    return written;
  }
  bool error(std::string_view bytes) override { return write_all(STDERR_FILENO, bytes); }
  // `code`, if all that was said on standard output has arrived there: what is cut must not pass for whole.
  int end(int code) {
    if (!lost_ || code != app::exit_done) return code;
    if (!reader_left_)  // as `head` does, or a pager
      error("holdfast: standard output could not be written: what it has is not whole\n");
    return app::exit_failed;
  }

 private:
  bool write_all(int fd, std::string_view bytes) {
    const std::lock_guard hold(mutex_);
    while (!bytes.empty()) {
      const ssize_t written = ::write(fd, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
  }
  std::mutex mutex_;
  std::atomic<bool> lost_ = false, reader_left_ = false;
};

std::uint16_t terminal_columns() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  keep_memory_private();
  use_all_descriptors();
  ::umask(077);  // what is made here is the user's alone; a restore sets each mode itself
  keep_freed_memory();
  std::signal(SIGPIPE, SIG_IGN);
  StandardOutput output;
  agent::ForwardedCommand line;
  line.arguments.assign(argv + 1, argv + argc);
  std::error_code gone;  // then the directory is empty
  line.directory = std::filesystem::current_path(gone).string();
  line.out_is_terminal = ::isatty(STDOUT_FILENO) == 1;
  line.error_is_terminal = ::isatty(STDERR_FILENO) == 1;
  line.columns = terminal_columns();

  const auto parsed = app::parse(line.arguments);
  if (!parsed.command) return output.end(app::report(parsed, line.arguments, output));
  // Before anything is opened that could get its number.
  if (const int fd = parsed.command->passphrase_fd; fd >= 0 && ::fcntl(fd, F_GETFD) < 0)
    return app::report({Code::IoError,
                        "no file is open under the number that --passphrase-fd names",
                        "file descriptor " + std::to_string(fd),
                        {},
                        About::passphrase},
                       *parsed.command, output);
  app::prepare_last_word(*parsed.command, line);
  if (const auto started = crypto::start_crypto(); !started) {
    output.error("holdfast: " + started.error().sentence + "\n");
    return app::exit_failed;
  }
  return output.end(app::run(*parsed.command, line, output));
}
