// Peers for the tests of this room: raw sockets and raw TLS, so that tests can do what our own client and server never
// would. Everything blocks, and gives up after some seconds.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>

#include "net/tls_key_state.h"
#include "net/tls_policy.h"

namespace holdfast::net::testing {

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() { close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  [[nodiscard]] int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

inline sockaddr_in loopback(std::uint16_t port, const char* host = "127.0.0.1") {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  ::inet_pton(AF_INET, host, &address.sin_addr);
  return address;
}

inline Socket connect_to(std::uint16_t port, const char* from = "127.0.0.1") {
  Socket socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const timeval patience{.tv_sec = 120, .tv_usec = 0};
  setsockopt(socket.fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  setsockopt(socket.fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  const int on = 1;
  setsockopt(socket.fd(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const sockaddr_in source = loopback(0, from), address = loopback(port);
  if (::bind(socket.fd(), reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0 ||
      ::connect(socket.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    socket.close();
  return socket;
}

struct TlsWish {
  int version = TLS1_3_VERSION;
  const char* groups = "X25519MLKEM768";
  const char* from = "127.0.0.1";  // any of 127/8
};

// A broken connection is an error here, not the end of the process. Only for this thread and this while: the server's
// own threads must manage by themselves.
class QuietPipe {
 public:
  QuietPipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~QuietPipe() {
    const timespec at_once{};
    sigtimedwait(&pipe_, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  QuietPipe(const QuietPipe&) = delete;
  QuietPipe& operator=(const QuietPipe&) = delete;

 private:
  sigset_t pipe_, before_;
};

// A client that verifies nothing.
class TlsPeer {
 public:
  explicit TlsPeer(std::uint16_t port, TlsWish wish = {}) : socket_(connect_to(port, wish.from)) {
    prepare_openssl();
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_min_proto_version(context_.get(), wish.version);
    SSL_CTX_set_max_proto_version(context_.get(), wish.version);
    SSL_CTX_set1_groups_list(context_.get(), wish.groups);
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_fd(ssl_.get(), socket_.fd());
    const QuietPipe quiet;
    secure_ = SSL_connect(ssl_.get()) == 1;
    ERR_clear_error();
  }
  [[nodiscard]] bool secure() const { return secure_; }
  bool write(std::string_view text) {
    const QuietPipe quiet;
    ERR_clear_error();
    std::size_t written = 0;
    return SSL_write_ex(ssl_.get(), text.data(), text.size(), &written) == 1;
  }
  // One read: empty when the server closed.
  std::string read() {
    const QuietPipe quiet;
    ERR_clear_error();
    std::string out(64 * 1024, '\0');
    std::size_t got = 0;
    if (SSL_read_ex(ssl_.get(), out.data(), out.size(), &got) != 1) got = 0;
    out.resize(got);
    return out;
  }
  std::string read_to_the_end() {
    std::string all;
    for (std::string part = read(); !part.empty(); part = read()) all += part;
    return all;
  }
  void close() { socket_.close(); }

 private:
  Socket socket_;
  Openssl<SSL_CTX> context_;
  Openssl<SSL> ssl_;
  bool secure_ = false;
};

// A server that does with one connection what the test says.
class RogueServer {
 public:
  explicit RogueServer(std::function<void(int socket)> act)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = loopback(0);
    socklen_t size = sizeof address;
    ::bind(listener_.fd(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.fd(), 8);
    ::getsockname(listener_.fd(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, act = std::move(act)] {
      for (;;) {
        const Socket socket(::accept(listener_.fd(), nullptr, nullptr));
        if (socket.fd() < 0) return;
        act(socket.fd());
      }
    });
  }
  ~RogueServer() {
    ::shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
  }
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  Socket listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

// What a RogueServer does: TLS as wished, then reads a request and sends `answer`.
inline std::function<void(int)> tls_answering(const TlsKey& key, std::string answer, TlsWish wish = {}) {
  return [key, answer = std::move(answer), wish](int socket) {
    const QuietPipe quiet;
    const Openssl<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
    SSL_CTX_set_min_proto_version(context.get(), wish.version);
    SSL_CTX_set_max_proto_version(context.get(), wish.version);
    SSL_CTX_set1_groups_list(context.get(), wish.groups);
    SSL_CTX_use_certificate(context.get(), key.state().certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), key.state().key.get());
    const Openssl<SSL> ssl(SSL_new(context.get()));
    SSL_set_fd(ssl.get(), socket);
    if (SSL_accept(ssl.get()) == 1) {
      char request[4096];
      std::size_t moved = 0;
      SSL_read_ex(ssl.get(), request, sizeof request, &moved);
      SSL_write_ex(ssl.get(), answer.data(), answer.size(), &moved);
      SSL_shutdown(ssl.get());
    }
    ERR_clear_error();
  };
}

}  // namespace holdfast::net::testing
