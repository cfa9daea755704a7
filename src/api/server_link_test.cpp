#include "api/server_link.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

const std::string key_hex(64, 'a');
const std::string policy_hex(64, '5');
const std::string hashes = key_hex + "." + policy_hex;

TEST(ServerLink, IsReadBackAsWritten) {
  for (const char* host : {"127.0.0.1", "cloud.example.org", "::1", "2001:db8::7"}) {
    ServerLink link{host, 8470, {}, {}};
    link.server_key.bytes.fill(0x12);
    link.policy.bytes.fill(0xef);
    const auto read = parse_server_link(to_text(link));
    ASSERT_TRUE(read) << host;
    EXPECT_EQ(*read, link);
  }
}

TEST(ServerLink, HasTheDocumentedForm) {
  const auto link = parse_server_link("hf://[::1]:8470#" + hashes);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->host, "::1");
  EXPECT_EQ(link->port, 8470);
  EXPECT_EQ(link->server_key.hex(), key_hex);
  EXPECT_EQ(link->policy.hex(), policy_hex);
  EXPECT_EQ(to_text(*link), "hf://[::1]:8470#" + hashes);
}

TEST(ServerLink, AnythingElseIsRefused) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          "hf://",
                                                          "http://a:1#" + hashes,
                                                          "hf://a#" + hashes,
                                                          "hf://a:#" + hashes,
                                                          "hf://:1#" + hashes,
                                                          "hf://a:0#" + hashes,
                                                          "hf://a:65536#" + hashes,
                                                          "hf://a:01#" + hashes,
                                                          "hf://a:+1#" + hashes,
                                                          "hf://a b:1#" + hashes,
                                                          "hf://a/b:1#" + hashes,
                                                          "hf://u@a:1#" + hashes,
                                                          "hf://::1:80#" + hashes,
                                                          "hf://[a]:80#" + hashes,
                                                          "hf://[127.0.0.1]:80#" + hashes,
                                                          "hf://a:1",
                                                          "hf://a:1#" + key_hex,
                                                          "hf://a:1#" + hashes + "0",
                                                          "hf://a:1#" + hashes + " ",
                                                          " hf://a:1#" + hashes,
                                                          "hf://a:1#" + hashes + ".00",
                                                          "hf://a:1#" + key_hex.substr(1) + "." + policy_hex,
                                                          "hf://a:1#g" + key_hex.substr(1) + "." + policy_hex,
                                                          "hf://" + std::string(254, 'a') + ":1#" + hashes}) {
    const auto link = parse_server_link(text);
    ASSERT_FALSE(link) << text;
    EXPECT_EQ(link.error().code, Code::InvalidArgument);
  }
}

TEST(HostPort, TakesWhatOneListensOn) {
  EXPECT_EQ(*parse_host_port("0.0.0.0:0"), (HostPort{"0.0.0.0", 0}));
  EXPECT_EQ(*parse_host_port("[::]:8470"), (HostPort{"::", 8470}));
  EXPECT_FALSE(parse_host_port("8470"));
  EXPECT_FALSE(parse_host_port("::1:8470"));
}

}  // namespace
}  // namespace holdfast::api
