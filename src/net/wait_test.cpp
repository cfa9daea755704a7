#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <malloc.h>
#include <sys/wait.h>

#include <future>

#include "net/server.h"
#include "net/test_peer.h"
#include "net/test_service.h"

namespace holdfast::net {
namespace {

using namespace testing;  // of this room
using ::testing::HasSubstr;

// A service whose every call waits.
struct Waiting {
  std::int64_t timeout_ns = 600'000 * ms;
  std::shared_ptr<Waiter> waiter;
  Event began, over;

  Handler handler() {
    return [this](HttpRequest&) -> Handled {
      waiter = std::make_shared<Waiter>();
      Wait wait{.waiter = waiter, .timeout_ns = timeout_ns, .at_deadline = text("nothing new")};
      wait.when_over = [this] { over.happen(); };
      began.happen();
      return wait;
    };
  }
};

TEST(Wait, IsAnsweredFromAnotherThreadOnce) {
  Waiting service;
  const auto server = serve(service.handler());
  HttpClient client(to(server->port()));
  for (int round = 1; round <= 20; ++round) {
    client.submit({.path = "/"});
    ASSERT_TRUE(service.began.wait(round));
    EXPECT_FALSE(service.waiter->over());
    EXPECT_TRUE(service.waiter->answer(text("news")));
    EXPECT_FALSE(service.waiter->answer(text("late")));
    EXPECT_TRUE(service.waiter->over());
    const auto answer = client.next().second;
    ASSERT_TRUE(answer);
    EXPECT_EQ(as_text(answer->body), "news");
    ASSERT_TRUE(service.over.wait(round));
  }
  EXPECT_EQ(server->counters().accepted, 1u);
  EXPECT_EQ(server->counters().waiters, 0u);
}

TEST(Wait, MayBeAnsweredBeforeTheHandlerReturns) {
  const auto server = serve([](HttpRequest&) -> Handled {
    Wait wait{.waiter = std::make_shared<Waiter>(), .timeout_ns = 600'000 * ms};
    wait.waiter->answer(text("at once"));
    return wait;
  });
  HttpClient client(to(server->port()));
  const auto answer = call(client, {.path = "/", .timeout_ns = 120'000 * ms});
  ASSERT_TRUE(answer) << answer.error().sentence;
  EXPECT_EQ(as_text(answer->body), "at once");
}

TEST(Wait, EndsAtItsDeadline) {
  Waiting service;
  service.timeout_ns = 50 * ms;
  const auto server = serve(service.handler());
  HttpClient client(to(server->port()));
  for (int round = 1; round <= 3; ++round) {
    const auto answer = call(client, {.path = "/"});
    ASSERT_TRUE(answer);
    EXPECT_EQ(as_text(answer->body), "nothing new");
    ASSERT_TRUE(service.over.wait(round));
    EXPECT_FALSE(service.waiter->answer(text("late")));
  }
  EXPECT_EQ(server->counters().accepted, 1u);
}

TEST(Wait, EndsWhenThePeerLeaves) {
  Waiting service;
  const auto server = serve(service.handler());
  TlsPeer peer(server->port());
  peer.write("GET / HTTP/1.1\r\n\r\n");
  ASSERT_TRUE(service.began.wait());
  ASSERT_TRUE(comes_true([&] { return server->counters().waiters == 1; }));
  peer.close();
  ASSERT_TRUE(service.over.wait());
  EXPECT_TRUE(service.waiter->over());
  EXPECT_FALSE(service.waiter->answer(text("news")));
}

TEST(Wait, EndsWithItsReplyWhenTheServerStops) {
  Waiting service;
  auto server = serve(service.handler());
  HttpClient client(to(server->port()));
  client.submit({.path = "/"});
  ASSERT_TRUE(service.began.wait());
  server->stop(20'000 * ms);
  server.reset();
  EXPECT_EQ(service.over.times(), 1);
  EXPECT_FALSE(service.waiter->answer(text("news")));
  const auto answer = client.next().second;
  ASSERT_TRUE(answer) << answer.error().sentence;
  EXPECT_EQ(as_text(answer->body), "nothing new");
}

TEST(Wait, NoAnswerIsLostWhileWaitsEnd) {
  std::mutex mutex;
  std::vector<std::shared_ptr<Waiter>> waiting;
  std::atomic<bool> stop = false;
  std::atomic<int> answered = 0;
  const auto server = serve([&](HttpRequest&) -> Handled {
    auto waiter = std::make_shared<Waiter>();
    const std::lock_guard lock(mutex);
    waiting.push_back(waiter);
    return Wait{
        .waiter = waiter, .timeout_ns = static_cast<std::int64_t>(waiting.size() % 7) * ms, .at_deadline = text("")};
  });
  std::thread answering([&] {
    while (!stop) {
      std::vector<std::shared_ptr<Waiter>> now;
      {
        const std::lock_guard lock(mutex);
        now.swap(waiting);
      }
      for (const auto& waiter : now) answered += waiter->answer(text("news")) ? 1 : 0;
    }
  });
  HttpClient client(to(server->port()));
  for (unsigned i = 0; i < 600; ++i) client.submit({.channel = i % 2, .path = "/"});
  int news = 0;
  while (client.in_flight() > 0) {
    const auto answer = client.next().second;
    ASSERT_TRUE(answer) << answer.error().sentence;
    news += answer->body.empty() ? 0 : 1;
  }
  stop = true;
  answering.join();
  EXPECT_EQ(news, answered);
  EXPECT_EQ(server->counters().waiters, 0u);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_means_something = false;
#else
constexpr bool memory_means_something = true;
#endif

// OpenSSL 3.5 itself takes 26 KiB for an idle connection: 9 for its two record layers, 6 for the peer's ML-KEM key, 6
// for SSL. asio::ssl::stream would add 34 + the BIO pair (F8). The watchers live in a process of their own, so that
// only the server's side is measured.
TEST(Wait, AnIdleWatcherCostsLittleMemory) {
  constexpr int watchers = 200;
  int port_pipe[2];
  ASSERT_EQ(pipe(port_pipe), 0);
  const pid_t child = fork();
  if (child == 0) {
    std::uint16_t port = 0;
    if (read(port_pipe[0], &port, sizeof port) != sizeof port) _exit(1);
    std::vector<std::unique_ptr<TlsPeer>> peers;
    for (int i = 0; i < watchers; ++i) {
      peers.push_back(std::make_unique<TlsPeer>(port));
      if (!peers.back()->write("GET / HTTP/1.1\r\n\r\n")) _exit(1);
    }
    for (const auto& peer : peers) {
      if (peer->read().find("nothing new") == std::string::npos) _exit(1);
    }
    _exit(0);
  }
  Waiting service;
  auto server = serve(service.handler());
  TlsPeer(server->port()).close();  // what is allocated once
  ASSERT_TRUE(comes_true([&] { return server->counters().accepted == 1 && server->counters().connections == 0; }));
  const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
  const std::uint16_t port = server->port();
  ASSERT_EQ(write(port_pipe[1], &port, sizeof port), static_cast<ssize_t>(sizeof port));
  ASSERT_TRUE(comes_true([&] { return server->counters().waiters == watchers; }));
  const std::size_t each = (mallinfo2().uordblks + mallinfo2().hblkhd - before) / watchers;
  if (memory_means_something) {
    std::printf("an idle watcher: %zu bytes\n", each);
    EXPECT_LT(each, 36u * 1024);
  }
  server->stop(20'000 * ms);
  int status = 1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(port_pipe[0]);
  close(port_pipe[1]);
}

}  // namespace
}  // namespace holdfast::net
