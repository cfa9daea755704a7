#include "agent/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>

namespace holdfast::agent {

namespace {

constexpr std::string_view socket_name = "control";
constexpr std::size_t frame_bytes_max = 1024 * 1024;

enum class FrameKind : std::uint8_t { command = 1, out = 2, error = 3, exit = 4 };

class Descriptor {
 public:
  explicit Descriptor(int fd = -1) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

bool send_all(int fd, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_all(int fd, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t got = ::recv(fd, into.data(), into.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    into = into.subspan(static_cast<std::size_t>(got));
  }
  return true;
}

// kind u8 | size u32 | bytes
bool send_frame(int fd, FrameKind kind, ByteView bytes) {
  Writer out(bytes.size() + 5);
  out.u8(static_cast<std::uint8_t>(kind));
  out.big_endian(bytes.size(), 4);
  out.raw(bytes);
  return send_all(fd, std::move(out).take());
}

struct Frame {
  FrameKind kind = FrameKind::exit;
  Bytes bytes;
};
std::optional<Frame> receive_frame(int fd) {
  std::array<std::uint8_t, 5> head{};
  if (!receive_all(fd, head)) return std::nullopt;
  Reader in(head);
  const auto kind = in.big_endian(1);
  const auto size = in.big_endian(4);
  if (kind < 1 || kind > 4 || size > frame_bytes_max) return std::nullopt;
  Frame frame{static_cast<FrameKind>(kind), Bytes(size)};
  if (!receive_all(fd, frame.bytes)) return std::nullopt;
  return frame;
}

// A home may have a longer path than a socket's address can hold: it is named by its open directory.
struct Address {
  Descriptor directory;
  sockaddr_un socket{};
};
Result<Address> address_in(const Path& home) {
  Address out;
  out.directory = Descriptor(::open(home.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (out.directory.get() < 0) return fail(Code::NotFound, "the home directory can't be opened", printable(home));
  out.socket.sun_family = AF_UNIX;
  const std::string path = "/proc/self/fd/" + std::to_string(out.directory.get()) + "/" + std::string(socket_name);
  std::memcpy(out.socket.sun_path, path.c_str(), path.size() + 1);
  return out;
}

Descriptor new_socket() { return Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

bool is_same_user(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

class SocketOutput final : public Output {
 public:
  explicit SocketOutput(int fd) : fd_(fd) {}
  bool out(std::string_view bytes) override { return send(FrameKind::out, bytes); }
  bool error(std::string_view bytes) override { return send(FrameKind::error, bytes); }
  bool exit(int code) {
    const std::lock_guard hold(mutex_);
    return send_frame(fd_, FrameKind::exit, encode(static_cast<std::uint8_t>(code)));
  }

 private:
  bool send(FrameKind kind, std::string_view bytes) {
    const std::lock_guard hold(mutex_);
    for (; bytes.size() > frame_bytes_max; bytes.remove_prefix(frame_bytes_max))
      if (!send_frame(fd_, kind, as_bytes(bytes.substr(0, frame_bytes_max)))) return false;
    return send_frame(fd_, kind, as_bytes(bytes));
  }
  int fd_;
  std::mutex mutex_;
};

class Listener final : public ControlServer {
 public:
  Listener(Address address, Descriptor socket, RunCommand run)
      : address_(std::move(address)),
        socket_(std::move(socket)),
        stop_(::eventfd(0, EFD_CLOEXEC)),
        run_(std::move(run)),
        thread_([this] { accept(); }) {}

  ~Listener() override { finish(); }

  void finish() override {
    if (!thread_.joinable()) return;
    wait_for_all();  // the socket still takes commands: nobody else can while this process has the home's lock
    ::unlinkat(address_.directory.get(), std::string(socket_name).c_str(), 0);
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
    thread_.join();
    wait_for_all();
  }

 private:
  void wait_for_all() {
    std::unique_lock hold(mutex_);
    ended_.wait(hold, [this] { return running_ == 0; });
  }

  void accept() {
    for (;;) {
      std::array<pollfd, 2> wanted{{{socket_.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
      if (::poll(wanted.data(), wanted.size(), -1) < 0 && errno != EINTR) return;
      if ((wanted[1].revents & POLLIN) != 0) return;
      if ((wanted[0].revents & POLLIN) == 0) continue;
      Descriptor peer(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (peer.get() < 0 || !is_same_user(peer.get())) continue;
      {
        const std::lock_guard hold(mutex_);
        ++running_;
      }
      std::thread([this, peer = std::move(peer)]() mutable { serve(std::move(peer)); }).detach();
    }
  }

  void serve(Descriptor peer) {
    const auto frame = receive_frame(peer.get());
    const auto command = frame && frame->kind == FrameKind::command
                             ? decode<ForwardedCommand>(frame->bytes, "a forwarded command")
                             : Result<ForwardedCommand>(fail(Code::Malformed, "not a command"));
    if (command) {
      SocketOutput output(peer.get());
      output.exit(run_(*command, output));
    }
    const std::lock_guard hold(mutex_);
    --running_;
    ended_.notify_all();
  }

  Address address_;
  Descriptor socket_, stop_;
  RunCommand run_;
  std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const Path& home, RunCommand run) {
  HF_TRY(auto address, address_in(home));
  ::unlinkat(address.directory.get(), std::string(socket_name).c_str(),
             0);  // left by an owner that was killed; the lock is ours
  Descriptor socket = new_socket();
  const auto* at = reinterpret_cast<const sockaddr*>(&address.socket);
  // The mode of a socket before bind() is the mode of its name, whatever the umask: there is no moment with another.
  if (socket.get() < 0 || ::fchmod(socket.get(), 0600) != 0 || ::bind(socket.get(), at, sizeof address.socket) != 0 ||
      ::listen(socket.get(), 16) != 0)
    return fail(Code::IoError, std::string("the control socket can't be made: ") + std::strerror(errno),
                printable(home));
  return std::make_unique<Listener>(std::move(address), std::move(socket), std::move(run));
}

Result<int> run_at_owner(const Path& home, const ForwardedCommand& command, Output& output) {
  HF_TRY(const auto address, address_in(home));
  const Descriptor socket = new_socket();
  const auto* at = reinterpret_cast<const sockaddr*>(&address.socket);
  if (socket.get() < 0 || ::connect(socket.get(), at, sizeof address.socket) != 0 || !is_same_user(socket.get()))
    return fail(Code::Busy, "nobody listens on the control socket");
  if (!send_frame(socket.get(), FrameKind::command, encode(command)))
    return fail(Code::Busy, "the owner of the home went away");
  while (const auto frame = receive_frame(socket.get())) {
    if (frame->kind == FrameKind::out) output.out(as_text(frame->bytes));
    if (frame->kind == FrameKind::error) output.error(as_text(frame->bytes));
    if (frame->kind == FrameKind::exit && frame->bytes.size() == 1) return frame->bytes[0];
  }
  return fail(Code::Busy, "the owner of the home went away before the command's end");
}

}  // namespace holdfast::agent
