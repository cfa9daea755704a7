// One connection of the server: a coroutine that reads a request, has it handled, sends the reply, and begins again.
// Includes Asio, so only connection*.cpp and server.cpp include this.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <unordered_set>

#include "net/body_memory.h"
#include "net/http_head.h"
#include "net/peers.h"
#include "net/server.h"
#include "net/tls_stream.h"
#include "net/worker_pool.h"

namespace holdfast::net {

namespace asio = boost::asio;

// What all connections of a server share.
struct ServerCore {
  ServerCore(const ServerOptions& options, Handler handler);

  const ServerLimits limits;
  const Handler handler;
  const std::function<std::size_t(std::string_view)> body_bytes_max_of;
  TlsKey key;
  Openssl<SSL_CTX> tls;
  PeerAccounts peers;
  BodyBudget bodies;
  ReplyBudget replies;
  BodyPool pool;
  WorkerPool workers;
  std::atomic<bool> stopping = false;
  std::atomic<std::uint64_t> accepted = 0, refused_connections = 0, failed_handshakes = 0, requests = 0,
                             refused_requests = 0, connections = 0, waiters = 0;
  std::function<void()> connection_ended;  // any I/O thread
};

class Connection;

// What the connections of one I/O thread share. Only that thread touches it.
struct IoThread {
  asio::io_context context{1};
  std::unordered_set<Connection*> connections;
  Bytes scratch = Bytes(16 * 1024);  // for heads; empty again whenever a coroutine waits
};

// Belongs to its I/O thread, handle() excepted.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(ServerCore& core, IoThread& io, asio::ip::tcp::socket socket, PeerAccounts::Held account);

  void start();
  void stop_soon();  // what is under way may finish
  void abort();      // only a running handler may finish

 private:
  enum class Phase { handshaking, idle, receiving, handling, waiting, sending };
  enum class Received { request, refused, closed };
  template <class T>
  using Task = asio::awaitable<T>;

  Task<void> run();
  Task<void> serve();
  static void handle(std::shared_ptr<Connection> self);  // on a worker thread
  Task<void> wait_for_answer();
  void watch_peer();
  Task<bool> send(bool keep_alive);
  void refuse(int status);
  void make_room_for(HttpReply& reply);
  void done_with_request();
  void done_with_reply();
  void finish();

  // connection_receive.cpp
  Task<Received> receive();
  Task<Received> receive_body(ByteView beginning);
  Task<bool> charge_body(std::size_t bytes);
  [[nodiscard]] std::size_t body_bytes_max() const;

  // connection_transfer.cpp
  Task<bool> shake_hands();
  Task<bool> write_all(ByteView bytes);
  Task<void> linger();
  Task<bool> wait_for_socket(TlsState wanted);
  Task<void> pause();  // until notify()
  void notify() { signal_.cancel(); }
  Task<void> yield();  // lets others of this thread run
  void arm(std::int64_t timeout_ns);
  void disarm();
  void expire();
  void begin_transfer();
  void progressed(std::size_t bytes);
  [[nodiscard]] bool too_slow() const;

  ServerCore& core_;
  IoThread& io_;
  asio::ip::tcp::socket socket_;
  const PeerAccounts::Held account_;
  TlsStream tls_;
  asio::steady_timer deadline_, signal_;

  Phase phase_ = Phase::handshaking;
  bool expired_ = false;  // the armed deadline passed
  bool aborted_ = false;
  bool charged_ = false;   // the body may grow
  bool answered_ = false;  // the waiter has an answer
  bool peer_gone_ = false;
  std::uint64_t wait_number_ = 0;   // late callbacks of an earlier wait are told by it
  std::size_t window_bytes_ = 0;    // moved since the deadline was armed
  std::size_t transfer_bytes_ = 0;  // moved of this body or reply
  std::chrono::steady_clock::time_point transfer_began_;

  RequestHead head_;
  std::unique_ptr<HttpRequest> request_;
  std::optional<BodyBudget::Share> share_;
  std::optional<Handled> handled_;
  std::optional<HttpReply> reply_;
  std::optional<ReplyBudget::Share> reply_share_;
};

}  // namespace holdfast::net
