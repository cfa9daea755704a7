// Coroutines live here and in server.cpp alone, and no expression with co_await has a lambda or a temporary with a
// destructor: GCC 12 frees those twice (F8). scripts/check-coroutines looks after it.
#include "net/connection.h"

#include <sys/socket.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "net/tls_key_state.h"
#include "net/waiter_state.h"

namespace holdfast::net {
namespace {

using boost::system::error_code;

constexpr std::size_t body_step_bytes = 256 * 1024;      // stays in the cache between being cleared and being filled
constexpr std::size_t uncounted_body_bytes = 16 * 1024;  // a small call never waits for large ones
constexpr std::size_t write_step_bytes = 1024 * 1024;
constexpr std::size_t joined_reply_bytes = 12 * 1024;  // a small reply is one TLS record
constexpr std::size_t pooled_bodies = 4;
constexpr std::int64_t linger_ns = 2'000'000'000;

HttpReply status_only(int status) { return {.status = status, .retry_after_s = status == 503 ? 1u : 0u}; }

std::optional<ByteView> bulk_range(const HttpReply& reply) {
  if (reply.bulk == nullptr) return ByteView();
  const ByteView all(*reply.bulk);
  if (reply.bulk_offset > all.size()) return std::nullopt;
  const ByteView rest = all.subspan(reply.bulk_offset);
  if (reply.bulk_size == HttpReply::to_the_end) return rest;
  if (reply.bulk_size > rest.size()) return std::nullopt;
  return rest.first(reply.bulk_size);
}

}  // namespace

ServerCore::ServerCore(const ServerOptions& options, Handler handler_function)
    : limits(options.limits),
      handler(std::move(handler_function)),
      body_bytes_max_of(options.body_bytes_max_of),
      key(options.key),
      tls(server_tls_context(key.state().key.get(), key.state().certificate.get())),
      peers(limits.connections_of_a_peer_max),
      bodies(limits.bodies_bytes_max, limits.bodies_bytes_of_a_peer_max),
      replies(limits.replies_bytes_max, limits.replies_bytes_of_a_peer_max),
      pool(pooled_bodies, limits.body_bytes_max),
      workers(options.worker_threads, limits.requests_waiting_max) {}

Connection::Connection(ServerCore& core, IoThread& io, asio::ip::tcp::socket socket, PeerAccounts::Held account)
    : core_(core),
      io_(io),
      socket_(std::move(socket)),
      account_(std::move(account)),
      tls_(socket_.native_handle(), core.tls.get()),
      deadline_(io.context),
      signal_(io.context) {}

void Connection::start() {
  io_.connections.insert(this);
  asio::co_spawn(io_.context, run(), [self = shared_from_this()](const std::exception_ptr&) { self->finish(); });
}

void Connection::finish() {
  deadline_.cancel();
  error_code ignored;
  socket_.close(ignored);
  done_with_request();
  done_with_reply();
  io_.connections.erase(this);
  core_.connection_ended();
}

void Connection::stop_soon() {
  if (phase_ == Phase::handshaking || phase_ == Phase::idle) return abort();
  notify();
}

void Connection::abort() {
  aborted_ = true;
  error_code ignored;
  socket_.cancel(ignored);
  notify();
}

Connection::Task<void> Connection::run() {
  arm(core_.limits.head_timeout_ns);
  const bool secure = co_await shake_hands();
  if (!secure) {
    ++core_.failed_handshakes;
    co_return;
  }
  bool keep_alive = true;
  while (keep_alive && !core_.stopping) {
    const Received received = co_await receive();
    if (received == Received::closed) break;
    if (received == Received::refused) {
      ++core_.refused_requests;
      const bool told = co_await send(false);
      tls_.shutdown();
      if (told) co_await linger();
      co_return;
    }
    ++core_.requests;
    keep_alive = head_.keep_alive;
    co_await serve();
    if (!reply_) break;  // the peer left while it waited
    keep_alive = keep_alive && !core_.stopping;
    const bool sent = co_await send(keep_alive);
    if (!sent) break;
  }
  tls_.shutdown();
}

Connection::Task<bool> Connection::shake_hands() {
  for (;;) {
    const TlsState state = tls_.handshake();
    if (state == TlsState::done) co_return true;
    if (state == TlsState::closed) co_return false;
    const bool ready = co_await wait_for_socket(state);
    if (!ready) co_return false;
  }
}

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

Connection::Task<void> Connection::serve() {
  disarm();
  phase_ = Phase::handling;
  handled_.reset();
  WorkerPool::Job job = [self = shared_from_this()]() mutable { handle(std::move(self)); };
  const bool taken = core_.workers.try_push(job);
  if (!taken) {
    ++core_.refused_requests;
    refuse(503);
    co_return;
  }
  while (!handled_) co_await pause();
  done_with_request();
  if (std::holds_alternative<Wait>(*handled_)) {
    co_await wait_for_answer();
  } else {
    reply_ = std::move(std::get<HttpReply>(*handled_));
  }
  handled_.reset();
}

// Gives its reference to the I/O thread: a connection never ends on a worker's.
void Connection::handle(std::shared_ptr<Connection> self) {
  Handled handled = status_only(500);
  try {
    handled = self->core_.handler(*self->request_);
    if (const auto* wait = std::get_if<Wait>(&handled); wait != nullptr && wait->waiter == nullptr)
      handled = status_only(500);
  } catch (...) {  // a defect of the handler's; what it was belongs into no reply
    handled = status_only(500);
  }
  if (auto* reply = std::get_if<HttpReply>(&handled)) self->make_room_for(*reply);
  auto& context = self->io_.context;
  asio::post(context, [self = std::move(self), handled = std::move(handled)]() mutable {
    self->handled_.emplace(std::move(handled));
    self->notify();
  });
}

Connection::Task<void> Connection::wait_for_answer() {
  Wait& wait = std::get<Wait>(*handled_);
  phase_ = Phase::waiting;
  ++core_.waiters;
  answered_ = peer_gone_ = false;
  const std::uint64_t number = ++wait_number_;
  wait.waiter->state().attach([weak = weak_from_this(), executor = io_.context.get_executor(), number] {
    asio::post(executor, [weak, number] {
      const auto self = weak.lock();
      if (self == nullptr || self->wait_number_ != number) return;
      self->answered_ = true;
      self->notify();
    });
  });
  arm(wait.timeout_ns);
  watch_peer();
  while (!answered_ && !peer_gone_ && !expired_ && !aborted_ && !core_.stopping) co_await pause();
  ++wait_number_;
  disarm();
  error_code ignored;
  socket_.cancel(ignored);
  reply_ = wait.waiter->state().detach();
  if (!reply_ && !peer_gone_) reply_ = std::move(wait.at_deadline);
  if (peer_gone_) reply_.reset();
  if (reply_) make_room_for(*reply_);
  if (wait.when_over) core_.workers.push(std::move(wait.when_over));
  --core_.waiters;
}

void Connection::watch_peer() {
  socket_.async_wait(asio::socket_base::wait_read,
                     [self = shared_from_this(), number = wait_number_](const error_code& error) {
                       if (error || self->wait_number_ != number) return;
                       if (self->tls_.peek() == TlsState::want_read) return self->watch_peer();
                       self->peer_gone_ = true;  // closed, or sends a request before it has its reply
                       self->notify();
                     });
}

Connection::Task<bool> Connection::send(bool keep_alive) {
  phase_ = Phase::sending;
  std::optional<ByteView> bulk = bulk_range(*reply_);
  if (!bulk) {
    refuse(500);
    bulk.emplace();
  }
  ByteView middle(reply_->head);
  ByteView end = *bulk;
  std::string front = reply_head(*reply_, middle.size() + end.size(), keep_alive);
  if (head_.method == "HEAD" || reply_->status == 204 || reply_->status == 304) middle = end = {};
  if (middle.size() <= joined_reply_bytes) {
    front += as_text(middle);
    middle = {};
  }
  if (middle.empty() && end.size() <= joined_reply_bytes) {
    front += as_text(end);
    end = {};
  }
  begin_transfer();
  const ByteView begin = as_bytes(front);
  bool sent = co_await write_all(begin);
  if (sent) sent = co_await write_all(middle);
  if (sent) sent = co_await write_all(end);
  done_with_reply();
  co_return sent;
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

void Connection::refuse(int status) {
  done_with_reply();
  reply_ = status_only(status);
  done_with_request();
}

void Connection::done_with_request() {
  if (request_) core_.pool.give_back(std::move(request_->body));
  request_.reset();
  share_.reset();
}

void Connection::done_with_reply() {
  reply_.reset();
  reply_share_.reset();
}

// A reply that finds no room gives its memory back here, before it waits for anything.
void Connection::make_room_for(HttpReply& reply) {
  reply_share_.emplace(core_.replies, account_->replies);
  if (reply_share_->take(reply.head.size() + bulk_range(reply).value_or(ByteView()).size())) return;
  ++core_.refused_requests;
  reply = status_only(503);
}

std::size_t Connection::body_bytes_max() const {
  const std::size_t most = core_.limits.body_bytes_max;
  return core_.body_bytes_max_of ? std::min(most, core_.body_bytes_max_of(head_.target)) : most;
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
