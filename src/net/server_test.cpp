#include "net/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <latch>

#include "base/system.h"
#include "net/test_peer.h"
#include "net/test_service.h"

namespace holdfast::net {
namespace {

using namespace testing;  // of this room
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string post(std::size_t body_size, std::string_view more_headers = "") {
  return "POST /x HTTP/1.1\r\nContent-Length: " + std::to_string(body_size) + "\r\n" + std::string(more_headers) +
         "\r\n";
}

// What the server says to one connection that sends `bytes`, up to its closing.
std::string answer_to(const HttpServer& server, const std::string& bytes) {
  TlsPeer peer(server.port());
  if (!peer.secure()) return "no TLS";
  peer.write(bytes);
  return peer.read_to_the_end();
}

TEST(HttpServer, TellsWhereItListens) {
  const auto server = serve(ok);
  EXPECT_EQ(server->address(), "127.0.0.1:" + std::to_string(server->port()));
  const auto second = HttpServer::start({.listen = server->address(), .key = test_key()}, ok);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Busy);
  for (const char* bad :
       {"", "127.0.0.1", ":1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:70000", "no.such.host.invalid:1"}) {
    const auto none = HttpServer::start({.listen = bad, .key = test_key()}, ok);
    ASSERT_FALSE(none) << bad;
    EXPECT_EQ(none.error().code, Code::InvalidArgument) << bad;
  }
}

TEST(HttpServer, GivesTheHandlerWhatWasSent) {
  HttpRequest seen;
  const auto server = serve([&seen](HttpRequest& request) -> Handled {
    seen = std::move(request);
    return HttpReply{
        .status = 201, .content_type = "text/plain", .head = to_bytes(as_bytes("made")), .retry_after_s = 7};
  });
  const std::string answer = answer_to(
      *server, "PUT /a/b?c=%20 HTTP/1.1\r\nContent-Type: text/x\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc");
  EXPECT_EQ(seen.method, "PUT");
  EXPECT_EQ(seen.path, "/a/b?c=%20");
  EXPECT_EQ(seen.content_type, "text/x");
  EXPECT_EQ(seen.peer, "127.0.0.1");
  EXPECT_EQ(as_text(seen.body), "abc");
  EXPECT_EQ(answer,
            "HTTP/1.1 201 Created\r\nContent-Length: 4\r\nContent-Type: text/plain\r\nRetry-After: 7\r\n"
            "Connection: close\r\n\r\nmade");
}

TEST(HttpServer, SendsExactlyTheBulksRange) {
  const auto bulk = std::make_shared<const Bytes>(patterned(100'000, 1));
  const auto server = serve([&bulk](HttpRequest& request) -> Handled {
    HttpReply reply = text("<");
    reply.bulk = bulk;
    reply.bulk_offset = 10;
    reply.bulk_size = request.path == "/inside" ? 50'000 : 100'000;
    return reply;
  });
  HttpClient client(to(server->port()));
  const auto inside = call(client, {.method = Method::get, .path = "/inside"});
  ASSERT_TRUE(inside);
  Bytes expected{'<'};
  append(expected, ByteView(*bulk).subspan(10, 50'000));
  EXPECT_EQ(inside->body, expected);
  const auto beyond = call(client, {.method = Method::get, .path = "/beyond"});
  ASSERT_TRUE(beyond);
  EXPECT_EQ(beyond->status, 500);
  EXPECT_TRUE(beyond->body.empty());
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  const auto server = serve(ok);
  EXPECT_EQ(
      answer_to(*server, "HEAD / HTTP/1.1\r\nConnection: close\r\n\r\n"),
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/octet-stream\r\nConnection: close\r\n\r\n");
}

TEST(HttpServer, LetsAPeerAskBeforeItSendsItsBody) {
  const auto server = serve(echo);
  TlsPeer peer(server->port());
  peer.write(post(3, "Expect: 100-continue\r\nConnection: close\r\n"));
  EXPECT_EQ(peer.read(), "HTTP/1.1 100 Continue\r\n\r\n");
  peer.write("abc");
  EXPECT_THAT(peer.read_to_the_end(), HasSubstr("\r\n\r\nabc"));
}

TEST(HttpServer, AThrowingHandlerIsAnswered500AndTheConnectionGoesOn) {
  const auto server = serve([](HttpRequest& request) -> Handled {
    if (request.path == "/bad") throw std::runtime_error("secret");
    return text("ok");
  });
  HttpClient client(to(server->port()));
  const auto bad = call(client, {.method = Method::get, .path = "/bad"});
  ASSERT_TRUE(bad);
  EXPECT_EQ(bad->status, 500);
  EXPECT_TRUE(bad->body.empty());
  EXPECT_EQ(call(client, {.method = Method::get, .path = "/"})->status, 200);
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST(HttpServer, RefusesPeersWithoutTls13OrTheGroup) {
  const auto server = serve(ok);
  EXPECT_TRUE(TlsPeer(server->port()).secure());
  EXPECT_FALSE(TlsPeer(server->port(), {.groups = "X25519"}).secure());
  EXPECT_FALSE(TlsPeer(server->port(), {.groups = "P-256:SecP256r1MLKEM768"}).secure());
  EXPECT_FALSE(TlsPeer(server->port(), {.version = TLS1_2_VERSION, .groups = "X25519"}).secure());
  EXPECT_TRUE(comes_true([&] { return server->counters().failed_handshakes == 3; }));
  EXPECT_EQ(server->counters().requests, 0u);
}

TEST(HttpServer, RefusesWhatIsNoRequestOfOurs) {
  std::atomic<int> handled = 0;
  const auto server = serve(
      [&handled](HttpRequest&) -> Handled {
        ++handled;
        return text("ok");
      },
      {.head_bytes_max = 2'000, .body_bytes_max = 100'000});
  const auto refused = [&server](const std::string& bytes) { return answer_to(*server, bytes); };
  EXPECT_THAT(refused("\x16\x03\x01 garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("GET / HTTP/3.7\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused(post(3, "Transfer-Encoding: chunked\r\n") + "3\r\nabc\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(refused(post(3) + "abcGET / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));  // no pipelining
  EXPECT_THAT(refused("POST / HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 411 "));
  EXPECT_THAT(refused("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 411 "));
  EXPECT_THAT(refused(post(100'001)), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(refused(post(99'999'999'999'999)), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(refused("GET /" + std::string(3'000, 'a') + " HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(refused("GET / HTTP/1.1\r\nA: " + std::string(30'000, 'a')), StartsWith("HTTP/1.1 431 "));
  EXPECT_EQ(handled, 0);
  EXPECT_EQ(server->counters().refused_requests, 12u);
}

// It is told before the server has its body. (Only off loopback could a reset overtake the reply: see linger().)
TEST(HttpServer, APeerThatGoesOnSendingStillGetsItsRefusal) {
  const auto server = serve(ok, {.body_bytes_max = 100'000});
  for (int round = 0; round < 5; ++round)
    EXPECT_THAT(answer_to(*server, post(8'000'000) + std::string(8'000'000, 'x')), StartsWith("HTTP/1.1 413 "));
}

// Promise: no bytes whatever disturb the server. Method: requests that are cut, mutated and mixed, then a good one.
TEST(HttpServer, AnyBytesLeaveItWhole) {
  const auto server =
      serve(echo, {.body_bytes_max = 1'000, .head_timeout_ns = 100 * ms, .progress_timeout_ns = 100 * ms});
  const std::string good = post(5, "Content-Type: a/b\r\nConnection: close\r\n") + "hello";
  int secure = 0;
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    std::string bad = good;
    const Bytes random = patterned(64, seed);
    for (std::size_t i = 0; i < 1 + random[0] % 4u; ++i)
      bad[random[i + 1] % bad.size()] = static_cast<char>(random[i + 10]);
    if (seed % 3 == 0) bad.resize(random[50] % bad.size());
    if (seed % 5 == 0) bad += bad;
    TlsPeer peer(server->port());
    secure += peer.secure() ? 1 : 0;  // on a busy machine a handshake may take longer than the deadline
    if (!peer.secure()) continue;
    peer.write(bad);
    if (seed % 2 == 0) peer.read_to_the_end();
  }
  EXPECT_GT(secure, 0);
  EXPECT_TRUE(comes_true([&] { return answer_to(*server, good).ends_with("\r\n\r\nhello"); }));
}

TEST(HttpServer, ClosesPeersThatAreSlowerThanTheDeadlines) {
  const auto server =
      serve(ok, {.head_timeout_ns = 150 * ms, .idle_timeout_ns = 150 * ms, .progress_timeout_ns = 150 * ms});
  const auto closed_within_patience = [](auto&& reads) { return reads().empty(); };

  const Socket silent = connect_to(server->port());  // never begins its handshake
  char byte = 0;
  EXPECT_EQ(::recv(silent.fd(), &byte, 1, 0), 0);

  TlsPeer idle(server->port());
  EXPECT_TRUE(closed_within_patience([&] { return idle.read(); }));

  TlsPeer slow_head(server->port());
  std::atomic<bool> stop = false;
  std::thread trickle([&] {  // a byte now and then does not help
    const auto clock = system_clock();
    while (!stop && slow_head.write("G")) clock->sleep_ns(second_ns / 50);
  });
  EXPECT_TRUE(comes_true([&] { return server->counters().connections == 0; }));
  stop = true;
  trickle.join();

  TlsPeer slow_body(server->port());
  slow_body.write(post(1'000'000) + std::string(10'000, 'x'));
  EXPECT_TRUE(closed_within_patience([&] { return slow_body.read(); }));
  EXPECT_EQ(server->counters().requests, 0u);
  EXPECT_TRUE(comes_true([&] { return server->counters().body_bytes == 0; }));
}

TEST(HttpServer, AReplyThatNobodyReadsIsGivenUp) {
  const auto server = serve(
      [](HttpRequest&) -> Handled {
        HttpReply reply;
        reply.bulk = std::make_shared<const Bytes>(patterned(16 * 1024 * 1024, 1));
        return reply;
      },
      {.progress_timeout_ns = 200 * ms});
  TlsPeer peer(server->port());
  peer.write("GET / HTTP/1.1\r\n\r\n");
  EXPECT_TRUE(comes_true([&] { return server->counters().requests == 1 && server->counters().connections == 0; }));
}

TEST(HttpServer, PeersThatHangDoNotDisturbOthers) {
  const auto server = serve(echo);
  std::vector<Socket> silent;
  std::vector<std::unique_ptr<TlsPeer>> half_open;
  for (int i = 0; i < 40; ++i) {
    silent.push_back(connect_to(server->port()));
    ASSERT_EQ(::send(silent.back().fd(), "\x16\x03\x01", static_cast<std::size_t>(i % 4), MSG_NOSIGNAL), i % 4);
    half_open.push_back(std::make_unique<TlsPeer>(server->port()));
    half_open.back()->write(i % 2 == 0 ? "POST /x HT" : post(50'000) + "begun");
  }
  HttpClient client(to(server->port()));
  for (std::uint32_t i = 0; i < 50; ++i) {
    const Bytes sent = patterned(10'000 * i, i);
    const auto answer = call(client, {.path = "/", .head = sent, .timeout_ns = 120'000 * ms});
    ASSERT_TRUE(answer) << answer.error().sentence;
    ASSERT_EQ(answer->body, sent);
  }
}

TEST(HttpServer, ConnectionsBeyondTheLimitAreClosed) {
  const auto server = serve(ok, {.connections_max = 2});
  TlsPeer one(server->port()), two(server->port());
  ASSERT_TRUE(one.secure() && two.secure());
  EXPECT_FALSE(TlsPeer(server->port()).secure());
  EXPECT_EQ(server->counters().refused_connections, 1u);
  one.close();
  ASSERT_TRUE(comes_true([&] { return server->counters().connections == 1; }));
  EXPECT_TRUE(TlsPeer(server->port()).secure());
}

TEST(HttpServer, MoreRequestsThanMayWaitAreAnswered503) {
  Event entered;
  std::latch leave(1);
  const auto server = serve(
      [&](HttpRequest&) -> Handled {
        entered.happen();
        leave.wait();
        return text("ok");
      },
      {.requests_waiting_max = 1}, 1);
  HttpClient client(to(server->port()));
  for (unsigned channel = 0; channel < 3; ++channel) {  // one runs, one waits, one too many
    client.submit({.channel = channel, .path = "/"});
    ASSERT_TRUE(comes_true([&] { return server->counters().requests == channel + 1; }));
    ASSERT_TRUE(entered.wait());
  }
  const auto refused = client.next().second;
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->retry_after_s, 1u);
  leave.count_down();
  EXPECT_EQ(client.next().second->status, 200);
  EXPECT_EQ(client.next().second->status, 200);
}

// Promise: bodies together take a bounded memory, and all of them arrive. Method: six uploads of 1 MB share 1.5 MB.
TEST(HttpServer, BodiesBeyondTheBudgetWaitAndArrive) {
  std::atomic<std::size_t> most = 0;
  HttpServer* running = nullptr;
  const auto server = serve(
      [&](HttpRequest& request) -> Handled {
        most = std::max<std::size_t>(most, running->counters().body_bytes);
        return echo(request);
      },
      {.bodies_bytes_max = 1'500'000});
  running = server.get();
  HttpClient client(to(server->port()));
  std::vector<Bytes> sent;
  for (unsigned i = 0; i < 6; ++i) {
    sent.push_back(patterned(1'000'000, i));
    client.submit({.channel = i, .path = "/", .head = sent.back()});
  }
  while (client.in_flight() > 0) {
    const auto [request_id, answer] = client.next();
    ASSERT_TRUE(answer) << answer.error().sentence;
    EXPECT_EQ(answer->body, sent[request_id - 1]);
  }
  EXPECT_LE(most, 2'500'000u);  // the limit and one body
  EXPECT_EQ(server->counters().body_bytes, 0u);
}

// The only deadline that may pass here is that of the waiting body.
TEST(HttpServer, ABodyThatNeverGetsItsTurnIsAnswered503AndSmallCallsPass) {
  const auto server = serve(echo, {.bodies_bytes_max = 300'000,
                                   .head_timeout_ns = 600'000 * ms,
                                   .idle_timeout_ns = 600'000 * ms,
                                   .turn_timeout_ns = 500 * ms,
                                   .progress_timeout_ns = 600'000 * ms});
  TlsPeer within(server->port()), beyond(server->port());
  within.write(post(600'000) + std::string(310'000, 'x'));  // is the one that may go beyond the limit, and is slow
  ASSERT_TRUE(comes_true([&] { return server->counters().body_bytes > 300'000; }));
  beyond.write(post(600'000) + std::string(10'000, 'x'));
  HttpClient client(to(server->port()));
  const auto small = call(client, {.path = "/", .head = patterned(10'000, 1)});
  ASSERT_TRUE(small);
  EXPECT_EQ(small->status, 200);
  EXPECT_THAT(beyond.read_to_the_end(), StartsWith("HTTP/1.1 503 "));
}

TEST(HttpServer, StopFinishesWhatIsUnderWay) {
  Event entered;
  std::latch leave(1);
  const auto server = serve([&](HttpRequest& request) -> Handled {
    entered.happen();
    leave.wait();
    return echo(request);
  });
  HttpClient client(to(server->port()));
  TlsPeer idle(server->port());
  const Bytes sent = patterned(3'000'000, 1);
  client.submit({.path = "/", .head = sent});
  ASSERT_TRUE(entered.wait());
  auto stopped = std::async(std::launch::async, [&] { server->stop(20'000 * ms); });
  EXPECT_EQ(idle.read(), "");  // idle connections end at once
  leave.count_down();
  const auto answer = client.next().second;
  ASSERT_TRUE(answer) << answer.error().sentence;
  EXPECT_EQ(answer->body, sent);
  stopped.get();
  EXPECT_EQ(server->counters().connections, 0u);
  const auto late = call(client, {.path = "/"});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::Unreachable);
}

TEST(HttpServer, StopWithoutGraceBreaksOffWhatIsSlow) {
  const auto server = serve(ok);
  TlsPeer half(server->port());
  half.write(post(1'000'000) + "begun");
  ASSERT_TRUE(comes_true([&] { return server->counters().body_bytes > 0; }));
  server->stop(0);
  EXPECT_EQ(half.read(), "");
}

// Promise: whenever it stops, each call ends in its answer or in Unreachable, and nothing is left.
TEST(HttpServer, StopsCleanlyUnderLoad) {
  for (int round = 0; round < 5; ++round) {
    std::atomic<int> running = 0;
    Event answered;
    auto server = serve([&](HttpRequest& request) -> Handled {
      ++running;
      Handled handled = echo(request);
      --running;
      answered.happen();
      return handled;
    });
    HttpClient client(to(server->port()));
    for (unsigned i = 0; i < 200; ++i) client.submit({.channel = i % 3, .path = "/", .head = patterned(i * 1'000, i)});
    ASSERT_TRUE(answered.wait(20 * (round + 1)));
    server->stop(round % 2 == 0 ? 0 : 1'000 * ms);
    EXPECT_EQ(running, 0);
    server.reset();
    while (client.in_flight() > 0) {
      const auto [request_id, answer] = client.next();
      if (answer) {
        EXPECT_EQ(answer->body, patterned((request_id - 1) * 1'000, static_cast<std::uint32_t>(request_id - 1)));
      } else {
        EXPECT_EQ(answer.error().code, Code::Unreachable);
      }
    }
  }
}

}  // namespace
}  // namespace holdfast::net
