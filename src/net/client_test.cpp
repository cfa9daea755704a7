#include "net/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <latch>

#include "net/test_peer.h"
#include "net/test_service.h"

namespace holdfast::net {
namespace {

using namespace testing;  // of this room

TEST(HttpClient, BodiesOfAllSizesComeBackAsTheyWere) {
  const auto server = serve(echo);
  HttpClient client(to(server->port()));
  std::uint32_t seed = 0;
  for (const std::size_t size :
       {0ul, 1ul, 100ul, 12'287ul, 16'384ul, 16'385ul, 262'144ul, 1'000'003ul, 16ul << 20, 17ul << 20}) {
    for (const std::size_t head_size : {std::size_t{0}, std::min<std::size_t>(size, 57), size}) {
      const Bytes all = patterned(size, ++seed);
      HttpCall what{.path = "/", .head = to_bytes(ByteView(all).first(head_size))};
      if (head_size < size) what.bulk = in_pieces(ByteView(all).subspan(head_size));
      const auto answer = call(client, std::move(what));
      ASSERT_TRUE(answer) << answer.error().sentence;
      EXPECT_EQ(answer->status, 200);
      ASSERT_EQ(answer->body, all) << size << " " << head_size;
    }
  }
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST(HttpClient, KeepsItsConnections) {
  const auto server = serve(echo);
  HttpClient client(to(server->port()));
  for (unsigned i = 0; i < 300; ++i) client.submit({.path = "/", .head = patterned(i, i)});
  EXPECT_EQ(client.in_flight(), 300u);
  std::vector<bool> seen(301);
  while (client.in_flight() > 0) {
    const auto [request_id, answer] = client.next();
    ASSERT_TRUE(answer) << answer.error().sentence;
    EXPECT_EQ(answer->body, patterned(request_id - 1, static_cast<std::uint32_t>(request_id - 1)));
    EXPECT_FALSE(seen[request_id]);
    seen[request_id] = true;
  }
  EXPECT_LE(server->counters().accepted, 4u);
}

TEST(HttpClient, ChannelsShareNoConnection) {
  const auto server = serve(ok);
  HttpClient client(to(server->port()));
  for (int round = 0; round < 3; ++round) {
    for (unsigned channel = 0; channel < 3; ++channel) ASSERT_TRUE(call(client, {.channel = channel, .path = "/"}));
  }
  EXPECT_EQ(server->counters().accepted, 3u);
}

TEST(HttpClient, TransfersGoOnWhileTheCallerComputes) {
  Event arrived;
  const auto server = serve([&arrived](HttpRequest& request) -> Handled {
    arrived.happen();
    return echo(request);
  });
  HttpClient client(to(server->port()));
  for (unsigned i = 0; i < 4; ++i) client.submit({.path = "/", .bulk = in_pieces(patterned(4'000'000, i))});
  EXPECT_TRUE(arrived.wait(4));  // without a call of next()
}

TEST(HttpClient, EndsWithCallsUnderWay) {
  Event entered;
  std::latch* leave = nullptr;
  std::latch latch(1);
  leave = &latch;
  const auto server = serve([&](HttpRequest&) -> Handled {
    entered.happen();
    leave->wait();
    return text("ok");
  });
  {
    HttpClient client(to(server->port()));
    for (unsigned i = 0; i < 10; ++i) client.submit({.path = "/"});
    ASSERT_TRUE(entered.wait());
  }
  latch.count_down();
}

TEST(HttpClient, FindsOutThatAServerHasAnotherKey) {
  std::atomic<int> handled = 0;
  const auto server = serve([&handled](HttpRequest&) -> Handled {
    ++handled;
    return text("ok");
  });
  ClientOptions options = to(server->port());
  options.server_key_hash.bytes[31] ^= 1;
  HttpClient client(options);
  const auto answer = call(client, {.path = "/", .head = to_bytes(as_bytes("secret"))});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code, Code::WrongPin);
  EXPECT_EQ(answer.error().object, "127.0.0.1:" + std::to_string(server->port()));
  server->stop(0);
  EXPECT_EQ(server->counters().requests, 0u);
  EXPECT_EQ(handled, 0);
}

Code error_with(std::uint16_t port, HttpCall what = {.path = "/", .timeout_ns = 60'000 * ms}) {
  HttpClient client(to(port));
  const auto answer = call(client, std::move(what));
  return answer ? Code::Internal : answer.error().code;
}

TEST(HttpClient, RefusesServersWithoutTls13OrTheGroup) {
  const std::string good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  {
    const RogueServer right(tls_answering(test_key(), good));
    HttpClient client(to(right.port()));
    ASSERT_TRUE(call(client, {.path = "/"}));  // the rogue can do it
  }
  const RogueServer other_group(tls_answering(test_key(), good, {.groups = "X25519"}));
  EXPECT_EQ(error_with(other_group.port()), Code::Unreachable);
  const RogueServer older(tls_answering(test_key(), good, {.version = TLS1_2_VERSION, .groups = "X25519"}));
  EXPECT_EQ(error_with(older.port()), Code::Unreachable);
  const RogueServer plain([&good](int socket) { ::send(socket, good.data(), good.size(), MSG_NOSIGNAL); });
  EXPECT_EQ(error_with(plain.port()), Code::Unreachable);
}

TEST(HttpClient, AHostileAnswerIsAnError) {
  const auto against = [](const std::string& answer) {
    const RogueServer rogue(tls_answering(test_key(), answer));
    return error_with(rogue.port(), {.path = "/", .timeout_ns = 60'000 * ms, .answer_bytes_max = 1'000});
  };
  EXPECT_EQ(against(""), Code::Unreachable);
  EXPECT_EQ(against("\x01\x02\x03garbage\r\n\r\n"), Code::Malformed);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort"), Code::Unreachable);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + std::string(1'001, 'x')), Code::TooLarge);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999\r\n\r\nx"), Code::TooLarge);
  EXPECT_EQ(against("HTTP/1.1 200 OK\r\n\r\n" + std::string(1'001, 'x')), Code::TooLarge);
  std::string endless = "HTTP/1.1 200 OK\r\n";
  for (int i = 0; i < 3'000; ++i) endless += "Some-Header: some value of it\r\n";
  EXPECT_EQ(against(endless), Code::Malformed);
}

TEST(HttpClient, AnAnswerOfExactlyTheLimitPasses) {
  const auto server = serve(echo);
  HttpClient client(to(server->port()));
  EXPECT_TRUE(call(client, {.path = "/", .head = Bytes(1'000), .answer_bytes_max = 1'000}));
  EXPECT_TRUE(call(client, {.path = "/", .answer_bytes_max = 0}));
}

TEST(HttpClient, NeverFollowsARedirect) {
  std::atomic<int> elsewhere = 0;
  const auto other = serve([&elsewhere](HttpRequest&) -> Handled {
    ++elsewhere;
    return text("ok");
  });
  const RogueServer rogue(tls_answering(test_key(), "HTTP/1.1 307 Temporary Redirect\r\nLocation: https://" +
                                                        other->address() + "/\r\nContent-Length: 0\r\n\r\n"));
  HttpClient client(to(rogue.port()));
  const auto answer = call(client, {.path = "/"});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 307);
  EXPECT_EQ(elsewhere, 0);
}

TEST(HttpClient, SaysWhenNobodyAnswers) {
  std::uint16_t closed_port = 0;
  {
    const auto server = serve(ok);
    closed_port = server->port();
  }
  EXPECT_EQ(error_with(closed_port), Code::Unreachable);
  HttpClient nowhere({.host = "no.such.host.invalid", .port = 1});
  EXPECT_EQ(call(nowhere, {.path = "/"}).error().code, Code::Unreachable);
}

TEST(HttpClient, SaysWhenTheAnswerComesTooLate) {
  Event asked;
  std::latch leave(1);
  const auto server = serve([&](HttpRequest& request) -> Handled {
    if (request.path == "/late") {
      asked.happen();
      leave.wait();
    }
    return text("ok");
  });
  HttpClient client(to(server->port()));
  ASSERT_TRUE(call(client, {.path = "/"}));  // so that the time is not spent on connecting
  const auto late = call(client, {.path = "/late", .timeout_ns = 1'000 * ms});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code, Code::Timeout);
  EXPECT_TRUE(asked.wait());
  leave.count_down();
}

TEST(HttpClient, ACallOnAConnectionThatTheServerClosedIsSentAgain) {
  const auto server = serve(echo, {.idle_timeout_ns = 1'000 * ms});
  HttpClient client(to(server->port()));
  ASSERT_TRUE(call(client, {.path = "/"}));
  ASSERT_TRUE(comes_true([&] { return server->counters().connections == 0; }));
  const Bytes sent = patterned(2'000'000, 1);
  const auto answer = call(client, {.path = "/", .bulk = in_pieces(sent)});
  ASSERT_TRUE(answer) << answer.error().sentence;
  EXPECT_EQ(answer->body, sent);
}

TEST(HttpClient, HonoursTheSystemsProxyButNotForLoopback) {
  std::string asked;
  Event seen;
  const RogueServer proxy([&](int socket) {
    char request[4096];
    const ssize_t got = ::recv(socket, request, sizeof request, 0);
    if (got > 0) asked.assign(request, static_cast<std::size_t>(got));
    seen.happen();
  });
  ASSERT_EQ(setenv("https_proxy", ("http://127.0.0.1:" + std::to_string(proxy.port())).c_str(), 1), 0);
  HttpClient away({.host = "holdfast.invalid", .port = 4433});
  EXPECT_EQ(call(away, {.path = "/"}).error().code, Code::Unreachable);
  ASSERT_TRUE(seen.wait());
  EXPECT_THAT(asked, ::testing::StartsWith("CONNECT holdfast.invalid:4433 HTTP/1.1\r\n"));
  const auto server = serve(ok);
  HttpClient here(to(server->port()));
  EXPECT_TRUE(call(here, {.path = "/"}));
  unsetenv("https_proxy");
}

}  // namespace
}  // namespace holdfast::net
