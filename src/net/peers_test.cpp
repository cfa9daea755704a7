#include "net/peers.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include "net/test_peer.h"
#include "net/test_service.h"

namespace holdfast::net {
namespace {

using namespace testing;  // of this room

std::string name_of(const char* address) {
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_EQ(::inet_pton(AF_INET6, address, bytes.data()), 1) << address;
  return peer_name(bytes);
}

TEST(PeerName, IsAHostOrASubscribersNetwork) {
  EXPECT_EQ(name_of("::ffff:192.0.2.7"), "192.0.2.7");
  EXPECT_EQ(name_of("::ffff:192.0.2.8"), "192.0.2.8");
  EXPECT_EQ(name_of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::/64");
  EXPECT_EQ(name_of("2001:db8:1:2::9"), "2001:db8:1:2::/64");
  EXPECT_EQ(name_of("2001:db8:1:3::9"), "2001:db8:1:3::/64");
  EXPECT_EQ(name_of("2001:db8::7"), name_of("2001:db8:0:0:5::"));
  EXPECT_EQ(name_of("::1"), "::/64");
  EXPECT_EQ(name_of("::192.0.2.7"), "::/64");  // not a mapped one: nobody reaches us from there
}

// Promise: whichever way a server listens, peers of two IPv4 addresses are two. Method: this machine has all of 127/8.
TEST(PeerName, IsTheSameThroughEveryListener) {
  for (const char* listen : {"127.0.0.1:0", "0.0.0.0:0", "[::]:0"}) {
    std::string seen;
    const auto started = HttpServer::start({.listen = listen, .key = test_key()}, [&seen](HttpRequest& request) {
      seen = request.peer;
      return text("ok");
    });
    if (!started && std::string_view(listen) == "[::]:0") continue;  // a machine without IPv6
    ASSERT_TRUE(started) << started.error().sentence;
    for (const char* from : {"127.0.0.1", "127.0.0.2"}) {
      TlsPeer peer((*started)->port(), {.from = from});
      peer.write("GET / HTTP/1.1\r\nConnection: close\r\n\r\n");
      EXPECT_TRUE(peer.read_to_the_end().ends_with("ok"));
      EXPECT_EQ(seen, from) << listen;
    }
  }
}

}  // namespace
}  // namespace holdfast::net
