// A server with a small service, and calls to it, for the tests of this room.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "net/client.h"
#include "net/server.h"

namespace holdfast::net::testing {

inline const TlsKey& test_key() {
  static const TlsKey key = TlsKey::make().value();
  return key;
}

constexpr std::int64_t ms = 1'000'000;
constexpr int patience_s = 120;  // with what must happen, on however busy a machine

inline std::unique_ptr<HttpServer> serve(Handler handler, ServerLimits limits = {}, unsigned workers = 4) {
  auto server = HttpServer::start({.key = test_key(), .io_threads = 2, .worker_threads = workers, .limits = limits},
                                  std::move(handler));
  EXPECT_TRUE(server) << (server ? "" : server.error().sentence);
  return std::move(server).value();
}

inline HttpReply text(std::string_view what, int status = 200) {
  return {.status = status, .head = to_bytes(as_bytes(what))};
}

// Gives back what it gets, in the form of head and bulk.
inline Handled echo(HttpRequest& request) {
  HttpReply reply;
  reply.bulk = std::make_shared<const Bytes>(std::move(request.body));
  return reply;
}

// Several buffers, as a pack has.
inline std::shared_ptr<const Pieces> in_pieces(ByteView bytes) {
  Pieces out;
  for (std::size_t size = 1; !bytes.empty(); size *= 7) {
    const ByteView piece = bytes.first(std::min(size, bytes.size()));
    out.add(to_bytes(piece));
    bytes = bytes.subspan(piece.size());
  }
  return std::make_shared<const Pieces>(std::move(out));
}

inline Handled ok(HttpRequest&) { return text("ok"); }

inline ClientOptions to(std::uint16_t port) {
  return {.host = "127.0.0.1", .port = port, .server_key_hash = test_key().server_key_hash()};
}

inline Result<HttpAnswer> call(HttpClient& client, HttpCall what) {
  client.submit(std::move(what));
  return client.next().second;
}

inline Bytes patterned(std::size_t size, std::uint32_t seed) {
  Bytes out(size);
  std::uint32_t x = seed * 2'654'435'761u + 1;
  for (std::uint8_t& byte : out) {
    x = x * 1'664'525u + 1'013'904'223u;
    byte = static_cast<std::uint8_t>(x >> 24);
  }
  return out;
}

// Something that happens on another thread, to be waited for.
class Event {
 public:
  void happen() {
    const std::lock_guard lock(mutex_);
    ++times_;
    changed_.notify_all();
  }
  // False: not within patience_s.
  bool wait(int times = 1) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(patience_s), [&] { return times_ >= times; });
  }
  int times() {
    const std::lock_guard lock(mutex_);
    return times_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int times_ = 0;
};

// For counters that change on another thread a moment after the peer has seen the outcome.
template <class Condition>
bool comes_true(Condition condition) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(patience_s);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace holdfast::net::testing
