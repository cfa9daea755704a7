#include "net/tls_policy.h"

#include <gtest/gtest.h>

#include "net/test_service.h"
#include "net/tls_key_state.h"

namespace holdfast::net {
namespace {

// A handshake without sockets, between two sides that are set up as given.
struct Pair {
  explicit Pair(const std::function<void(SSL_CTX*)>& set_up)
      : server_context(SSL_CTX_new(TLS_server_method())), client_context(SSL_CTX_new(TLS_client_method())) {
    const TlsKey& key = testing::test_key();
    SSL_CTX_use_certificate(server_context.get(), key.state().certificate.get());
    SSL_CTX_use_PrivateKey(server_context.get(), key.state().key.get());
    set_up(server_context.get());
    set_up(client_context.get());
    server.reset(SSL_new(server_context.get()));
    client.reset(SSL_new(client_context.get()));
    BIO *one = nullptr, *other = nullptr;
    BIO_new_bio_pair(&one, 0, &other, 0);
    SSL_set_bio(server.get(), one, one);
    SSL_set_bio(client.get(), other, other);
    SSL_set_accept_state(server.get());
    SSL_set_connect_state(client.get());
    for (int i = 0; i < 20 && !done(); ++i) {
      SSL_do_handshake(client.get());
      SSL_do_handshake(server.get());
    }
  }
  [[nodiscard]] bool done() const {
    return SSL_is_init_finished(server.get()) != 0 && SSL_is_init_finished(client.get()) != 0;
  }
  [[nodiscard]] bool follows() const { return follows_tls_policy(server.get()) && follows_tls_policy(client.get()); }
  [[nodiscard]] bool neither_follows() const {
    return !follows_tls_policy(server.get()) && !follows_tls_policy(client.get());
  }

  Openssl<SSL_CTX> server_context, client_context;
  Openssl<SSL> server, client;
};

TEST(TlsPolicy, IsWhatTwoSidesWithItAgreeOn) {
  const Pair pair([](SSL_CTX* context) { EXPECT_TRUE(apply_tls_policy(context)); });
  ASSERT_TRUE(pair.done());
  EXPECT_TRUE(pair.follows());
  EXPECT_STREQ(SSL_get_cipher_name(pair.client.get()), "TLS_AES_256_GCM_SHA384");
}

// A libssl that ignores the list of groups would end here: the finished handshake itself is looked at.
TEST(TlsPolicy, SeesThatAFinishedHandshakeUsedSomethingElse) {
  const Pair classical([](SSL_CTX* context) { SSL_CTX_set1_groups_list(context, "X25519"); });
  ASSERT_TRUE(classical.done());
  EXPECT_TRUE(classical.neither_follows());
  const Pair older([](SSL_CTX* context) { SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION); });
  ASSERT_TRUE(older.done());
  EXPECT_TRUE(older.neither_follows());
}

TEST(TlsPolicy, GivesNoTicketsToResumeWith) {
  const Pair pair([](SSL_CTX* context) { EXPECT_TRUE(apply_tls_policy(context)); });
  char byte = 0;
  EXPECT_LT(SSL_read(pair.client.get(), &byte, 1), 0);  // would process tickets
  EXPECT_EQ(SSL_SESSION_is_resumable(SSL_get0_session(pair.client.get())), 0);
}

}  // namespace
}  // namespace holdfast::net
