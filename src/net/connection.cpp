// A connection's life: request, handler, reply. How a request comes in: connection_receive.cpp; how bytes move, and how
// long that may take: connection_transfer.cpp. Coroutines live in these three and in server.cpp alone, and no
// expression with co_await has a lambda or a temporary with a destructor: GCC 12 frees those twice (F8).
// scripts/check-coroutines looks after it.
#include "net/connection.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>

#include "net/tls_key_state.h"
#include "net/waiter_state.h"

namespace holdfast::net {
namespace {

using boost::system::error_code;

constexpr std::size_t joined_reply_bytes = 12 * 1024;  // a small reply is one TLS record
constexpr std::size_t pooled_bodies = 4;

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

}  // namespace holdfast::net
