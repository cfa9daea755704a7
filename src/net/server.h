// The server side of the transport: HTTP/1.1 over TLS 1.3, X25519MLKEM768 only (DESIGN section 2 "Transport", F8).
//
// I/O threads accept, decrypt, read whole requests and write replies; a handler is an ordinary function that runs on
// a worker thread and may block. It sees neither sockets nor Beast. One request at a time on a connection, kept alive
// between requests; the body has a Content-Length.
//
// What never reaches the handler: peers without TLS 1.3 and the group (closed); what is no HTTP request (400, closed);
// a head that is too large (431) or a body that is (413); no length (411); more requests than may wait for a worker
// (503); peers that are slower than the deadlines or have too many connections (closed). What the handler answered is
// replaced by 503 when unsent replies have all memory that they may; replies of 16 KiB or less never are.
//
// A peer is whoever counts as one (peers.h): an IPv4 address, or the first 64 bits of an IPv6 address. What all share,
// one peer has a part of. Clients behind one address, or behind a proxy, share that part.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "base/bytes.h"
#include "base/result.h"
#include "net/tls_key.h"

namespace holdfast::net {

struct HttpRequest {
  std::string method;        // "GET", "POST", or whatever the peer sent
  std::string path;          // the request target as sent, query included: hostile text
  std::string content_type;  // empty: none
  std::string peer;          // who counts as one (peers.h): "192.0.2.7", "2001:db8:1:2::/64"
  Bytes body;                // complete. A handler may move it out; what it leaves is used again for other requests
};

// The body is `head` and then the bulk's range. The bulk is sent from where it is, uncopied, and must not change.
struct HttpReply {
  int status = 200;
  std::string content_type = "application/octet-stream";
  Bytes head{};
  std::shared_ptr<const Bytes> bulk{};  // may be null
  std::size_t bulk_offset = 0;          // REQUIRES: offset and size lie within the bulk
  std::size_t bulk_size = to_the_end;
  unsigned retry_after_s = 0;  // 0: no Retry-After header

  static constexpr std::size_t to_the_end = static_cast<std::size_t>(-1);
};

// A reply that comes later: a long poll. The service makes it, keeps it (or a weak_ptr to it) where the news will be
// noticed, and returns it inside a Wait. Any thread. It may be answered before the handler has returned.
class Waiter {
 public:
  Waiter();
  ~Waiter();
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  // True: this reply goes out. False: another answer, the deadline, the peer's leaving or the server's end came first.
  bool answer(HttpReply reply);
  [[nodiscard]] bool over() const;  // answer() would be in vain

  struct State;
  [[nodiscard]] State& state() { return *state_; }  // for this room

 private:
  std::unique_ptr<State> state_;
};

struct Wait {
  std::shared_ptr<Waiter> waiter{};
  std::int64_t timeout_ns = 0;
  HttpReply at_deadline{};                      // sent when nobody answered in time, and when the server stops
  std::move_only_function<void()> when_over{};  // may be empty; called once, on a worker thread, however the wait ended
};

using Handled = std::variant<HttpReply, Wait>;

// Called by several worker threads at once. One that throws is answered with 500.
using Handler = std::function<Handled(HttpRequest&)>;

struct ServerLimits {
  std::size_t head_bytes_max = 16 * 1024;  // request line and header
  std::size_t body_bytes_max = 17 * 1024 * 1024;
  std::size_t bodies_bytes_max = 256 * 1024 * 1024;             // all bodies being received or handled; beyond it we
                                                                // stop reading (overrun: at most one body)
  std::size_t bodies_bytes_of_a_peer_max = 64 * 1024 * 1024;    // likewise (overrun: at most two)
  std::size_t replies_bytes_max = 512 * 1024 * 1024;            // all replies being sent; beyond it 503
  std::size_t replies_bytes_of_a_peer_max = 128 * 1024 * 1024;  // likewise
  std::size_t connections_max = 12'000;                         // beyond it new ones are closed at once
  std::size_t connections_of_a_peer_max = 1'024;                // likewise
  std::size_t requests_waiting_max = 1'024;                     // for a worker; beyond it 503
  std::int64_t head_timeout_ns = 15'000'000'000;                // TLS handshake; first to last byte of a head
  std::int64_t idle_timeout_ns = 75'000'000'000;                // between requests
  std::int64_t turn_timeout_ns = 75'000'000'000;                // a body's waiting for memory; after it 503
  std::int64_t progress_timeout_ns = 20'000'000'000;            // a body or reply must move by progress_bytes (or to
  std::size_t progress_bytes = 64 * 1024;                       // its end) within each such time,
  std::int64_t rate_grace_ns = 60'000'000'000;                  // and once it took this long, its average so far must
  std::uint32_t bytes_per_s_min = 8 * 1024;                     // be this, waiting for memory not counted
};

struct ServerOptions {
  std::string listen = "127.0.0.1:0";  // "host:port", "[::1]:port"; port 0: the system chooses
  // A socket that listens already, on TCP: taken over in place of `listen`, and closed at the end. -1: none.
  int listener = -1;
  TlsKey key;
  // How long a body may be for a path, at most limits.body_bytes_max. Asked when only the head is there, on I/O
  // threads: must not block. Empty: that limit for all paths.
  std::function<std::size_t(std::string_view path)> body_bytes_max_of{};
  unsigned io_threads = 1;
  unsigned worker_threads = 8;  // they mostly wait for disks
  ServerLimits limits{};
};

struct ServerCounters {  // since the start, and now
  std::uint64_t accepted = 0, refused_connections = 0, failed_handshakes = 0, requests = 0, refused_requests = 0;
  std::uint64_t connections = 0, waiters = 0, body_bytes = 0, reply_bytes = 0;
};

// Any thread.
class HttpServer {
 public:
  // Listens when it returns. InvalidArgument: `listen` can't be meant. Busy: the port is taken. IoError.
  static Result<std::unique_ptr<HttpServer>> start(const ServerOptions& options, Handler handler);
  ~HttpServer();  // stop() with 5 s

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] const std::string& address() const;  // "127.0.0.1:4711": where it listens
  [[nodiscard]] ServerCounters counters() const;

  // Accepts nobody any more, ends idle connections and waits, lets requests that are under way finish within the grace,
  // then closes the rest. Returns when no handler runs any more and all threads have ended; a handler that is running
  // can't be interrupted and is waited for. Later calls do nothing.
  void stop(std::int64_t grace_ns);

 private:
  struct State;
  explicit HttpServer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
