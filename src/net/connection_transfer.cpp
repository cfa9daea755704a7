// Bytes over a connection's socket, each wait under the deadline that is armed. The rule for coroutines:
// connection.cpp.
#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/connection.h"

namespace holdfast::net {
namespace {

using boost::system::error_code;

constexpr std::size_t write_step_bytes = 1024 * 1024;
constexpr std::int64_t linger_ns = 2'000'000'000;

}  // namespace

Connection::Task<bool> Connection::shake_hands() {
  for (;;) {
    const TlsState state = tls_.handshake();
    if (state == TlsState::done) co_return true;
    if (state == TlsState::closed) co_return false;
    const bool ready = co_await wait_for_socket(state);
    if (!ready) co_return false;
  }
}

Connection::Task<bool> Connection::write_all(ByteView bytes) {
  while (!bytes.empty()) {
    const TlsMoved moved = tls_.write(bytes.first(std::min(bytes.size(), write_step_bytes)));
    bytes = bytes.subspan(moved.bytes);
    progressed(moved.bytes);
    if (moved.state == TlsState::closed) co_return false;
    if (bytes.empty()) break;
    if (moved.state == TlsState::done) {
      co_await yield();
      continue;
    }
    const bool ready = co_await wait_for_socket(moved.state);
    if (!ready) co_return false;
  }
  co_return true;
}

// A refused peer may still be sending. Closing at once would answer that with a reset, which can overtake the reply.
Connection::Task<void> Connection::linger() {
  arm(linger_ns);
  const int socket = socket_.native_handle();
  ::shutdown(socket, SHUT_WR);
  for (;;) {
    const bool ready = co_await wait_for_socket(TlsState::want_read);
    if (!ready) co_return;
    const ssize_t got = ::recv(socket, io_.scratch.data(), io_.scratch.size(), MSG_DONTWAIT);
    if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) co_return;
  }
}

Connection::Task<bool> Connection::wait_for_socket(TlsState wanted) {
  if (expired_ || aborted_) co_return false;
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto direction = wanted == TlsState::want_read ? asio::socket_base::wait_read : asio::socket_base::wait_write;
  auto ready = socket_.async_wait(direction, token);
  co_await std::move(ready);
  co_return !error && !expired_ && !aborted_;
}

Connection::Task<void> Connection::pause() {
  error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  signal_.expires_at(asio::steady_timer::time_point::max());
  auto paused = signal_.async_wait(token);
  co_await std::move(paused);
}

Connection::Task<void> Connection::yield() {
  auto later = asio::post(io_.context, asio::use_awaitable);
  co_await std::move(later);
}

void Connection::arm(std::int64_t timeout_ns) {
  expired_ = false;
  window_bytes_ = 0;
  deadline_.expires_after(std::chrono::nanoseconds(timeout_ns));
  deadline_.async_wait([self = shared_from_this()](const error_code& error) {
    if (!error && self->deadline_.expiry() <= asio::steady_timer::clock_type::now()) self->expire();
  });
}

void Connection::disarm() {
  expired_ = false;
  deadline_.expires_at(asio::steady_timer::time_point::max());
}

void Connection::expire() {
  expired_ = true;
  error_code ignored;
  socket_.cancel(ignored);
  notify();
}

void Connection::begin_transfer() {
  transfer_bytes_ = 0;
  transfer_began_ = std::chrono::steady_clock::now();
  arm(core_.limits.progress_timeout_ns);
}

void Connection::progressed(std::size_t bytes) {
  window_bytes_ += bytes;
  transfer_bytes_ += bytes;
  if (window_bytes_ < core_.limits.progress_bytes) return;
  too_slow() ? expire() : arm(core_.limits.progress_timeout_ns);
}

bool Connection::too_slow() const {
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - transfer_began_;
  const auto granted = std::chrono::nanoseconds(core_.limits.rate_grace_ns);
  return taken > granted && static_cast<double>(transfer_bytes_) < taken.count() * core_.limits.bytes_per_s_min;
}

}  // namespace holdfast::net
