// What one peer can take away from the others. Method: peers of several addresses of 127/8.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/system.h"
#include "net/test_peer.h"
#include "net/test_service.h"

namespace holdfast::net {
namespace {

using namespace testing;  // of this room
using ::testing::StartsWith;

constexpr std::size_t mib = 1024 * 1024;
constexpr const char *one = "127.0.0.1", *two = "127.0.0.2", *three = "127.0.0.3";

// No deadline of these may pass in a test, on however busy a machine.
ServerLimits patient(ServerLimits limits) {
  limits.head_timeout_ns = limits.idle_timeout_ns = limits.turn_timeout_ns = limits.progress_timeout_ns =
      limits.rate_grace_ns = 600'000 * ms;
  return limits;
}

// "/16M" has a reply of 16 MiB, which no socket's buffers hold, "/256K" one like a log's entries.
Handled bulky(HttpRequest& request) {
  HttpReply reply = text("ok");
  if (request.path == "/16M") reply.bulk = std::make_shared<const Bytes>(16 * mib);
  if (request.path == "/256K") reply.head = Bytes(256 * 1024);
  return reply;
}

std::unique_ptr<TlsPeer> asking(const HttpServer& server, const char* from, const std::string& path) {
  auto peer = std::make_unique<TlsPeer>(server.port(), TlsWish{.from = from});
  EXPECT_TRUE(peer->write("GET " + path + " HTTP/1.1\r\nConnection: close\r\n\r\n"));
  return peer;
}
std::string answer_to(const HttpServer& server, const char* from, const std::string& path) {
  return asking(server, from, path)->read_to_the_end();
}

// Promise: whoever does not read what he asked for is refused more of it, and keeps nobody else from theirs.
TEST(PeerLimits, UnreadRepliesOfOnePeerKeepNobodyElseOut) {
  const auto server = serve(bulky, patient({.replies_bytes_max = 70 * mib, .replies_bytes_of_a_peer_max = 33 * mib}));
  std::vector<std::unique_ptr<TlsPeer>> slow;
  for (std::size_t i = 1; i <= 2; ++i) {
    slow.push_back(asking(*server, one, "/16M"));
    ASSERT_TRUE(comes_true([&] { return server->counters().reply_bytes > i * 16 * mib; }));
  }
  EXPECT_THAT(answer_to(*server, one, "/16M"), StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer_to(*server, one, "/256K"), StartsWith("HTTP/1.1 200 "));
  EXPECT_THAT(answer_to(*server, two, "/16M"), StartsWith("HTTP/1.1 200 "));
  for (std::size_t i = 3; i <= 4; ++i) {
    slow.push_back(asking(*server, two, "/16M"));
    ASSERT_TRUE(comes_true([&] { return server->counters().reply_bytes > i * 16 * mib; }));
  }
  // All that there is for bulk is taken: everybody's small and lesser replies still come.
  EXPECT_THAT(answer_to(*server, three, "/16M"), StartsWith("HTTP/1.1 503 "));
  for (const char* from : {one, two, three}) {
    EXPECT_THAT(answer_to(*server, from, "/"), StartsWith("HTTP/1.1 200 "));
    EXPECT_THAT(answer_to(*server, from, "/256K"), StartsWith("HTTP/1.1 200 "));
  }
  slow.clear();
  ASSERT_TRUE(comes_true([&] { return server->counters().reply_bytes == 0; }));
  EXPECT_THAT(answer_to(*server, one, "/16M"), StartsWith("HTTP/1.1 200 "));
}

TEST(PeerLimits, UnfinishedBodiesOfOnePeerKeepNobodyElseOut) {
  const auto server = serve(echo, patient({.bodies_bytes_max = 8 * mib, .bodies_bytes_of_a_peer_max = 1 * mib}));
  const auto post = [](std::size_t size) {
    return "POST /x HTTP/1.1\r\nConnection: close\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n";
  };
  std::vector<std::unique_ptr<TlsPeer>> slow;
  std::vector<std::jthread> writing;  // a peer whose body waits may be stopped by its socket's buffer
  for (int i = 0; i < 20; ++i) {
    slow.push_back(std::make_unique<TlsPeer>(server->port(), TlsWish{.from = one}));
    writing.emplace_back([&peer = *slow.back(), &post] { peer.write(post(2 * mib) + std::string(mib, 'x')); });
  }
  ASSERT_TRUE(comes_true([&] { return server->counters().body_bytes > mib; }));
  TlsPeer other(server->port(), {.from = two});
  EXPECT_TRUE(other.write(post(4 * mib) + std::string(4 * mib, 'y')));
  EXPECT_THAT(other.read_to_the_end(), StartsWith("HTTP/1.1 200 "));
  EXPECT_LE(server->counters().body_bytes, 1 * mib + 2 * 2 * mib);
  server->stop(0);
}

TEST(PeerLimits, ConnectionsOfOnePeerBeyondItsPartAreClosed) {
  const auto server = serve(ok, patient({.connections_max = 4, .connections_of_a_peer_max = 2}));
  std::vector<std::unique_ptr<TlsPeer>> held;
  for (const char* from : {one, one, two}) {
    held.push_back(std::make_unique<TlsPeer>(server->port(), TlsWish{.from = from}));
    ASSERT_TRUE(held.back()->secure());
  }
  EXPECT_FALSE(TlsPeer(server->port(), {.from = one}).secure());
  EXPECT_EQ(server->counters().refused_connections, 1u);
  EXPECT_TRUE(TlsPeer(server->port(), {.from = three}).secure());
  held[0]->close();
  EXPECT_TRUE(comes_true([&] { return TlsPeer(server->port(), {.from = one}).secure(); }));
}

// Promise: what may not be long is refused by its head, before anything of it is received.
TEST(PeerLimits, ABodyThatIsTooLongForItsPathIsRefusedByItsHead) {
  const auto started = HttpServer::start(
      {.key = test_key(),
       .body_bytes_max_of = [](std::string_view path) -> std::size_t { return path == "/long" ? 100 * mib : 1'000; },
       .limits = patient({.body_bytes_max = 2 * mib})},
      echo);
  ASSERT_TRUE(started);
  const auto answer = [&](const std::string& path, std::size_t size, std::size_t sent) {
    TlsPeer peer((*started)->port());
    peer.write("POST " + path + " HTTP/1.1\r\nConnection: close\r\nContent-Length: " + std::to_string(size) +
               "\r\n\r\n" + std::string(sent, 'x'));
    return peer.read_to_the_end().substr(0, 13);
  };
  EXPECT_EQ(answer("/short", 1'000, 1'000), "HTTP/1.1 200 ");
  EXPECT_EQ(answer("/short", 1'001, 0), "HTTP/1.1 413 ");
  EXPECT_EQ(answer("/long", mib, mib), "HTTP/1.1 200 ");
  EXPECT_EQ(answer("/long", 2 * mib + 1, 0), "HTTP/1.1 413 ");
}

// A body that always moves, but would take half a minute.
TEST(PeerLimits, ABodyThatIsSlowOnAverageIsGivenUp) {
  ServerLimits limits = patient({});
  limits.progress_bytes = 1'000;
  limits.rate_grace_ns = 200 * ms;
  limits.bytes_per_s_min = 10'000'000;
  const auto server = serve(ok, limits);
  const auto clock = system_clock();
  TlsPeer peer(server->port());
  constexpr int pieces = 1'000;
  peer.write("POST / HTTP/1.1\r\nContent-Length: " + std::to_string(pieces * 2'000) + "\r\n\r\n");
  int sent = 0;
  while (sent < pieces && server->counters().connections > 0 && peer.write(std::string(2'000, 'x'))) {
    ++sent;
    clock->sleep_ns(30 * ms);
  }
  EXPECT_LT(sent, pieces);
  EXPECT_EQ(server->counters().requests, 0u);
}

TEST(PeerLimits, AReplyThatIsReadSlowlyOnAverageIsGivenUp) {
  ServerLimits limits = patient({});
  limits.progress_bytes = 1'000;
  limits.rate_grace_ns = 200 * ms;
  limits.bytes_per_s_min = 4'000'000'000;
  const auto server = serve(bulky, limits);
  const auto clock = system_clock();
  const auto peer = asking(*server, one, "/16M");
  std::size_t got = 0;
  for (std::string part = peer->read(); !part.empty(); part = peer->read()) {
    got += part.size();
    clock->sleep_ns(10 * ms);
  }
  EXPECT_LT(got, 16 * mib);
}

}  // namespace
}  // namespace holdfast::net
