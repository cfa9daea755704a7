#include "passphrase.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "base/files.h"
#include "schedule/unit.h"

namespace holdfast::app {

namespace {

constexpr std::size_t passphrase_bytes_max = 4096;

// Up to the first line's end. The buffer never grows, so that no copy of it is left behind.
Result<crypto::SecretBytes> read_line(int fd, const std::string& what) {
  Bytes line(passphrase_bytes_max);
  std::size_t size = 0;
  while (size < line.size()) {
    const ssize_t got = ::read(fd, line.data() + size, 1);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      crypto::wipe(line);
      return fail(Code::IoError, "the passphrase can't be read", what);
    }
    if (got == 0 || line[size] == '\n') break;
    ++size;
  }
  if (size == line.size()) {
    crypto::wipe(line);
    return fail(Code::InvalidArgument, "the passphrase is too long: 4,095 bytes at most", what);
  }
  line.resize(size);
  if (line.empty()) return fail(Code::InvalidArgument, "the passphrase is empty", what);
  return crypto::SecretBytes(std::move(line));
}

Result<crypto::SecretBytes> read_file(const std::string& file) {
  const int opened = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (opened < 0)
    return fail(errno == EACCES ? Code::PermissionDenied : Code::NotFound, About::passphrase,
                "the passphrase file can't be opened: " + std::string(std::strerror(errno)), printable(file));
  auto line = read_line(opened, printable(file));
  ::close(opened);
  return line;
}

// systemd unsealed it for this service alone (systemd.exec(5), "Credentials"). Empty: there is none.
std::string credential() {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') return {};
  std::string file = join_path(folder, schedule::credential_name);
  return ::access(file.c_str(), F_OK) == 0 ? file : "";
}

class Terminal {
 public:
  Terminal() : fd_(::open("/dev/tty", O_RDWR | O_CLOEXEC)) {
    if (fd_ >= 0 && ::tcgetattr(fd_, &before_) == 0) {
      termios silent = before_;
      silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
      ::tcsetattr(fd_, TCSAFLUSH, &silent);
    }
  }
  ~Terminal() {
    if (fd_ < 0) return;
    ::tcsetattr(fd_, TCSAFLUSH, &before_);
    ::close(fd_);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  [[nodiscard]] bool is_there() const { return fd_ >= 0; }
  Result<crypto::SecretBytes> ask(std::string_view question) const {
    (void)!::write(fd_, question.data(), question.size());
    auto line = read_line(fd_, "terminal");
    (void)!::write(fd_, "\n", 1);
    return line;
  }

 private:
  int fd_;
  termios before_{};
};

}  // namespace

Result<crypto::SecretBytes> get_passphrase(int fd, Ask ask) {
  const bool twice = ask == Ask::twice;
  if (fd >= 0) return read_line(fd, "file descriptor " + std::to_string(fd));
  if (const char* file = std::getenv("HOLDFAST_PASSPHRASE_FILE"); file != nullptr && *file != '\0')
    return read_file(file);
  if (const std::string file = credential(); !file.empty() && !twice) return read_file(file);
  if (ask == Ask::never) return fail(Code::InvalidArgument, About::passphrase, "a passphrase is needed");
  const Terminal terminal;
  if (!terminal.is_there())
    return fail(Code::InvalidArgument, About::passphrase,
                "a passphrase is needed, and there is no terminal to ask for it");
  HF_TRY(auto first, terminal.ask(twice ? "New passphrase for this device's keys: " : "Passphrase: "));
  if (!twice) return first;
  HF_TRY(const auto second, terminal.ask("The same once more: "));
  if (!crypto::equal_constant_time(first.view(), second.view()))
    return fail(Code::InvalidArgument, "the two passphrases are not the same");
  return first;
}

}  // namespace holdfast::app
