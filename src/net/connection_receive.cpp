// A whole request: its head, then its body as far as there is memory for it. The rule for coroutines: connection.cpp.
#include <boost/asio/post.hpp>

#include "net/connection.h"

namespace holdfast::net {
namespace {

constexpr std::size_t body_step_bytes = 256 * 1024;      // stays in the cache between being cleared and being filled
constexpr std::size_t uncounted_body_bytes = 16 * 1024;  // a small call never waits for large ones

}  // namespace

Connection::Task<Connection::Received> Connection::receive() {
  phase_ = Phase::idle;
  head_ = {};
  arm(core_.limits.idle_timeout_ns);
  std::optional<HeadParser> parser;
  Bytes pending;  // received and not parsed
  for (;;) {
    const TlsMoved moved = tls_.read(io_.scratch);
    if (moved.bytes > 0) {
      if (!parser) {
        phase_ = Phase::receiving;
        arm(core_.limits.head_timeout_ns);
        parser.emplace(core_.limits.head_bytes_max);
      }
      append(pending, ByteView(io_.scratch).first(moved.bytes));
      const HeadParser::Step step = parser->feed(pending);
      pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(step.consumed));
      if (step.state == HeadParser::Step::State::complete) break;
      if (step.state == HeadParser::Step::State::refused) {
        refuse(step.status);
        co_return Received::refused;
      }
    }
    if (moved.state == TlsState::closed) co_return Received::closed;
    if (moved.state == TlsState::done) continue;
    const bool ready = co_await wait_for_socket(moved.state);
    if (!ready) co_return Received::closed;
  }
  head_ = parser->take();
  parser.reset();
  const bool too_large = head_.body_size > body_bytes_max();
  if (too_large || pending.size() > head_.body_size) {
    refuse(too_large ? 413 : 400);
    co_return Received::refused;
  }
  request_ = std::make_unique<HttpRequest>();
  request_->method = head_.method;
  request_->path = std::move(head_.target);
  request_->content_type = std::move(head_.content_type);
  request_->peer = account_->name;
  if (head_.body_size == 0) co_return Received::request;
  const ByteView beginning(pending);
  co_return co_await receive_body(beginning);
}

// Decrypts straight into the buffer that the handler gets.
Connection::Task<Connection::Received> Connection::receive_body(ByteView beginning) {
  begin_transfer();
  if (head_.expects_continue && beginning.empty()) {
    const ByteView go_on = as_bytes("HTTP/1.1 100 Continue\r\n\r\n");
    const bool told = co_await write_all(go_on);
    if (!told) co_return Received::closed;
  }
  const std::size_t size = head_.body_size;
  const bool counted = size > uncounted_body_bytes;
  Bytes& body = request_->body;
  body = core_.pool.take(size);
  share_.emplace(core_.bodies, account_->bodies);
  std::size_t filled = 0, charged = 0;
  while (filled < size) {
    const std::size_t end = std::min(size, filled + body_step_bytes);
    if (counted && charged < end) {
      const std::size_t more = end - charged;
      const bool granted = co_await charge_body(more);
      if (!granted) {
        refuse(503);
        co_return aborted_ ? Received::closed : Received::refused;
      }
      charged = end;
    }
    if (body.size() < end) body.resize(end);
    if (!beginning.empty()) {  // at most scratch's size, which is below one step
      std::ranges::copy(beginning, body.begin());
      filled = beginning.size();
      beginning = {};
    }
    const TlsMoved moved = tls_.read(std::span(body).subspan(filled, end - filled));
    filled += moved.bytes;
    progressed(moved.bytes);
    if (filled == size) break;
    if (moved.state == TlsState::closed) co_return Received::closed;
    if (moved.state == TlsState::done) {
      co_await yield();
      continue;
    }
    const bool ready = co_await wait_for_socket(moved.state);
    if (!ready) co_return Received::closed;
  }
  body.resize(size);
  co_return Received::request;
}

Connection::Task<bool> Connection::charge_body(std::size_t bytes) {
  const auto on_turn = [weak = weak_from_this(), executor = io_.context.get_executor()] {
    asio::post(executor, [weak] {
      if (const auto self = weak.lock()) {
        self->charged_ = true;
        self->notify();
      }
    });
  };
  charged_ = share_->grow(bytes, on_turn);
  if (charged_) co_return true;
  const auto began_to_wait = std::chrono::steady_clock::now();
  arm(core_.limits.turn_timeout_ns);
  while (!charged_ && !expired_ && !aborted_) co_await pause();
  transfer_began_ += std::chrono::steady_clock::now() - began_to_wait;
  arm(core_.limits.progress_timeout_ns);
  co_return charged_;
}

std::size_t Connection::body_bytes_max() const {
  const std::size_t most = core_.limits.body_bytes_max;
  return core_.body_bytes_max_of ? std::min(most, core_.body_bytes_max_of(head_.target)) : most;
}

}  // namespace holdfast::net
