#include "server/serve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/system.h"
#include "net/client.h"
#include "net/test_peer.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

using api::Right;

struct RunningServer {
  TestDirectory directory;
  std::string lines;
  std::unique_ptr<Clock> clock = system_clock();
  std::unique_ptr<Random> random = system_random();
  EventLog log{*clock, Level::info, [this](std::string_view line) { lines += line; }};
  std::unique_ptr<Server> server = *Server::start(options(), log);
  net::HttpClient client{
      {.host = server->link().host, .port = server->link().port, .server_key_hash = server->link().server_key}};

  [[nodiscard]] ServeOptions options() const {
    return {.data = directory / "data", .listen = "127.0.0.1:0", .public_address = {}, .service = {}};
  }

  net::HttpAnswer http(net::HttpCall call) {
    client.submit(std::move(call));
    auto [ticket, answer] = client.next();
    EXPECT_TRUE(answer) << answer.error().sentence;
    return answer ? std::move(*answer) : net::HttpAnswer{};
  }
  template <class Call>
  net::HttpCall http_call(const Call& call, unsigned channel = 0) {
    return {.channel = channel, .path = "/v1/" + std::string(Call::name), .head = encode(call), .bulk = nullptr};
  }
  template <class Call>
  static typename Call::Reply reply_in(const net::HttpAnswer& answer) {
    EXPECT_EQ(answer.status, 200);
    auto decoded = decode<api::Answer<Call>>(answer.body, "the answer");
    EXPECT_TRUE(decoded);
    if (!decoded || !std::holds_alternative<typename Call::Reply>(*decoded)) {
      ADD_FAILURE() << "refused";
      return {};
    }
    return std::get<typename Call::Reply>(std::move(*decoded));
  }
  template <class Call>
  typename Call::Reply call(const Call& call) {
    return reply_in<Call>(http(http_call(call)));
  }
};

struct OneAccount {
  explicit OneAccount(RunningServer& running)
      : server(running), key(crypto::Ed25519Seed::random(*running.random)), id(running.random->make<GroupId>()) {
    last.group = id;
    last.seq = api::first_seq;
    const std::vector keys{key.public_key()};
    server.call(api::CreateAccount{{}, last, {keys, keys, keys, keys}});
  }
  api::TicketBytes ticket(Right right) {
    const auto challenge = server.call(api::Info{}).challenge;
    return server
        .call(
            api::OpenTicket{id, right, key.public_key(), challenge,
                            key.sign(capability_label, capability_context(server.server->link().server_key, id, right),
                                     crypto::sha256(challenge.bytes))})
        .ticket;
  }
  api::Append note(api::TicketBytes write) {
    api::Append append;
    append.tickets = {std::move(write)};
    append.entry.group = id;
    append.entry.kind = api::EntryKind::note;
    append.entry.fence = 1;
    append.entry.note_id = server.random->make<NoteId>();
    return append;
  }
  RunningServer& server;
  crypto::Ed25519Key key;
  GroupId id;
  api::Entry last;
};

TEST(Server, ItsLinkPinsItsKeyAndItsPolicy) {
  RunningServer running;
  const auto info = running.call(api::Info{});
  EXPECT_EQ(crypto::sha256(as_bytes(info.policy)), running.server->link().policy);
  EXPECT_THAT(info.policy,
              testing::MatchesRegex("log holdfast/[0-9a-f]*\\+[0-9a-f]*\\+[A-Za-z0-9+/=]*\nquorum none\n"));
  EXPECT_EQ(running.server->link().host, "127.0.0.1");
  EXPECT_EQ("127.0.0.1:" + std::to_string(running.server->link().port), running.server->address());
}

TEST(Server, IsHealthyAndKnowsItsPaths) {
  RunningServer running;
  const auto health = running.http({.method = net::Method::get, .path = "/healthz", .head = {}, .bulk = nullptr});
  EXPECT_EQ(health.status, 200);
  EXPECT_EQ(as_text(health.body), "ok");
  EXPECT_EQ(running.http({.path = "/healthz", .head = {}, .bulk = nullptr}).status, 405);
  EXPECT_EQ(running.http({.method = net::Method::get, .path = "/v1/info", .head = {}, .bulk = nullptr}).status, 405);
  EXPECT_EQ(running.http({.method = net::Method::get, .path = "/", .head = {}, .bulk = nullptr}).status, 404);
  EXPECT_EQ(running.http({.path = "/v1/../data/log.key", .head = {}, .bulk = nullptr}).status, 200) << "a Refusal";
}

TEST(Server, RefusesALongBodyByItsHeadUnlessItIsAPut) {
  RunningServer running;
  const auto answer_to = [&](const std::string& path, std::size_t size) {
    net::testing::TlsPeer peer(running.server->link().port);
    peer.write("POST " + path + " HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: " + std::to_string(size) +
               "\r\n\r\n");
    return peer.read().substr(0, 13);
  };
  constexpr std::size_t small_max = 1024 * 1024;
  for (const char* path : {"/v1/info", "/v1/log/append", "/v1/object/put?", "/object/put", "/"}) {
    EXPECT_EQ(answer_to(path, small_max + 1), "HTTP/1.1 413 ") << path;
    EXPECT_EQ(answer_to(path, small_max), "HTTP/1.1 100 ") << path;
  }
  EXPECT_EQ(answer_to("/v1/object/put", api::object_bytes_max + 1'000), "HTTP/1.1 100 ");
  EXPECT_EQ(answer_to("/v1/object/put", api::object_bytes_max + small_max), "HTTP/1.1 413 ");
}

TEST(Server, CarriesObjectsThereAndBack) {
  RunningServer running;
  OneAccount account(running);
  const auto write = account.ticket(Right::write);
  const UploadId upload = running.call(api::Begin{write, 0}).upload;
  Bytes bytes(api::object_bytes_max);
  running.random->fill(bytes);
  api::Put put{write, upload, running.random->make<ObjectId>(), crypto::sha256(bytes), {}};
  net::HttpCall call{.path = "/v1/object/put",
                     .head = api::encode_put_head(put, bytes.size()),
                     .bulk = std::make_shared<const Pieces>(bytes)};
  RunningServer::reply_in<api::Put>(running.http(std::move(call)));
  api::Append publish;
  publish.tickets = {write};
  publish.expect = {1, api::entry_hash(account.last)};
  publish.entry.group = account.id;
  publish.entry.seq = 2;
  publish.entry.prev = publish.expect.hash;
  publish.publish = {upload};
  EXPECT_TRUE(std::holds_alternative<api::Append::Appended>(running.call(publish).outcome));
  const auto answer = running.http(running.http_call(api::Get{account.ticket(Right::read), put.id, 0, 0}));
  const auto got = RunningServer::reply_in<api::Get>(answer);
  EXPECT_EQ(got.size, bytes.size());
  EXPECT_TRUE(std::ranges::equal(got.bytes, bytes));
}

TEST(Server, AnswersAWatchWhenItsLogMoves) {
  RunningServer running;
  OneAccount account(running);
  const auto read = account.ticket(Right::read), write = account.ticket(Right::write);
  const auto watch = running.client.submit(running.http_call(api::Watch{{{read, 1}}, 55}, 1));
  const auto append = running.client.submit(running.http_call(account.note(write)));
  for (int i = 0; i < 2; ++i) {
    const auto [ticket, answer] = running.client.next();
    ASSERT_TRUE(answer);
    if (ticket == append) continue;
    EXPECT_EQ(ticket, watch);
    const auto reply = RunningServer::reply_in<api::Watch>(*answer);
    EXPECT_EQ(reply.head_seq, 2u);
    EXPECT_EQ(reply.entries.size(), 1u);
  }
}

TEST(Server, EndsAWatchAtItsDeadline) {
  RunningServer running;
  OneAccount account(running);
  const auto reply = running.call(api::Watch{{{account.ticket(Right::read), 1}}, 0});
  EXPECT_TRUE(reply.entries.empty());
}

TEST(Server, StopsWhileSomebodyWaits) {
  RunningServer running;
  OneAccount account(running);
  running.client.submit(running.http_call(api::Watch{{{account.ticket(Right::read), 1}}, 55}, 1));
  running.call(api::Info{});
  running.server->stop();
  const auto [ticket, answer] = running.client.next();
  if (answer) {
    EXPECT_TRUE(RunningServer::reply_in<api::Watch>(*answer).entries.empty());
  }
  EXPECT_NE(running.lines.find("\"event\":\"stopped\""), std::string::npos);
}

TEST(Server, IsTheSameAfterARestart) {
  RunningServer running;
  OneAccount account(running);
  const api::ServerLink before = running.server->link();
  const auto read = account.ticket(Right::read);
  ASSERT_TRUE(
      std::holds_alternative<api::Append::Appended>(running.call(account.note(account.ticket(Right::write))).outcome));
  running.server->stop();
  ServeOptions options = running.options();
  options.listen = running.server->address();
  running.server = *Server::start(options, running.log);
  EXPECT_EQ(running.server->link(), before);
  EXPECT_EQ(running.call(api::Head{read}).head_seq, 2u) << "the ticket of before the restart still counts";
}

// G06.
TEST(Server, ASecondOneOnTheSameDataRefusesToStart) {
  RunningServer running;
  const auto second = Server::start(running.options(), running.log);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Busy);
  running.call(api::Info{});
}

TEST(Server, ThatCantListenSaysSoAndLetsGoOfItsData) {
  RunningServer running;
  TestDirectory other;
  ServeOptions options = running.options();
  options.data = other / "data";
  options.listen = running.server->address();
  EXPECT_EQ(Server::start(options, running.log).error().code, Code::Busy);
  options.listen = "nonsense";
  EXPECT_EQ(Server::start(options, running.log).error().code, Code::InvalidArgument);
  options.listen = "127.0.0.1:0";
  options.public_address = "a b";
  EXPECT_EQ(Server::start(options, running.log).error().code, Code::InvalidArgument);
  options.public_address = {};
  EXPECT_TRUE(Server::start(options, running.log));
}

TEST(Server, ItsLinkNamesWhatOthersCanReach) {
  TestDirectory directory;
  const auto clock = system_clock();
  EventLog log(*clock, Level::error, no_sink());
  const auto link = [&](const std::string& listen, const std::string& named) {
    const auto server =
        Server::start({.data = directory / "data", .listen = listen, .public_address = named, .service = {}}, log);
    EXPECT_TRUE(server);
    return server ? (*server)->link() : api::ServerLink{};
  };
  EXPECT_EQ(link("127.0.0.1:0", "cloud.example:8470").port, 8470);
  EXPECT_EQ(link("127.0.0.1:0", "cloud.example").host, "cloud.example");
  EXPECT_NE(link("127.0.0.1:0", "cloud.example").port, 0);
  EXPECT_EQ(link("127.0.0.1:0", "[2001:db8::7]").host, "2001:db8::7");
  EXPECT_NE(link("0.0.0.0:0", "").host, "0.0.0.0");
}

// Also where IPv4 comes in through an IPv6 socket.
TEST(Server, OneAddressThatIsRefusedKeepsNobodyElseOut) {
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0", "[::]:0"}) {
    TestDirectory directory;
    const auto clock = system_clock();
    const auto random = system_random();
    EventLog log(*clock, Level::error, no_sink());
    const auto server = Server::start({.data = directory / "data",
                                       .listen = listen,
                                       .public_address = "localhost",
                                       .service = {.sign_ups = {.burst = 1, .per_second = 0}}},
                                      log);
    if (!server && std::string_view(listen) == "[::]:0") continue;  // a machine without IPv6
    ASSERT_TRUE(server);
    const auto sign_up_from = [&](const char* address) {
      const std::vector keys{crypto::Ed25519Key(crypto::Ed25519Seed::random(*random)).public_key()};
      api::CreateAccount call{{}, {}, {keys, keys, keys, keys}};
      call.first.group = random->make<GroupId>();
      call.first.seq = api::first_seq;
      const Bytes body = encode(call);
      net::testing::TlsPeer peer((*server)->link().port, {.from = address});
      peer.write("POST /v1/account/create HTTP/1.1\r\nConnection: close\r\nContent-Length: " +
                 std::to_string(body.size()) + "\r\n\r\n" + std::string(as_text(body)));
      const std::string answer = peer.read_to_the_end();
      const std::size_t head = answer.find("\r\n\r\n");
      return head != answer.npos && answer.substr(head + 4, 1) == "\x01";
    };
    EXPECT_TRUE(sign_up_from("127.0.0.1")) << listen;
    EXPECT_FALSE(sign_up_from("127.0.0.1")) << listen;
    EXPECT_TRUE(sign_up_from("127.0.0.2")) << listen;
  }
}

TEST(Server, RefusesADataDirectoryThatOthersCanWriteAndWarnsWhenTheyCanRead) {
  TestDirectory directory;
  const std::string data = directory / "data";
  const auto clock = system_clock();
  std::string lines;
  EventLog log(*clock, Level::info, [&lines](std::string_view line) { lines += line; });
  ASSERT_EQ(::mkdir(data.c_str(), 0700), 0);
  for (const mode_t mode : {0770u, 0702u, 0777u}) {
    ASSERT_EQ(::chmod(data.c_str(), mode), 0);
    const auto refused =
        Server::start({.data = data, .listen = "127.0.0.1:0", .public_address = {}, .service = {}}, log);
    ASSERT_FALSE(refused) << mode;
    EXPECT_EQ(refused.error().code, Code::PermissionDenied);
    EXPECT_TRUE(system_files(1)->list(data)->empty()) << "nothing was written there";
  }
  ASSERT_EQ(::chmod(data.c_str(), 0755), 0);
  EXPECT_TRUE(Server::start({.data = data, .listen = "127.0.0.1:0", .public_address = {}, .service = {}}, log));
  EXPECT_NE(lines.find("data_directory_open_to_others"), std::string::npos);
}

TEST(Server, ItsDataIsForItsOwnerAlone) {
  RunningServer running;
  const auto files = system_files(1);
  EXPECT_EQ(files->stat(running.directory / "data")->mode, 0700u);
  for (const char* name : {"tls.pem", "log.key", "policy", "lock"})
    EXPECT_EQ(files->stat(running.directory / "data/" + name)->mode & 077, 0u) << name;
  EXPECT_EQ(running.lines.find("data_directory_open_to_others"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::server
