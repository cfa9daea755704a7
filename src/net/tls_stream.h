// TLS directly on a non-blocking socket, because asio::ssl::stream keeps 74 KiB for an idle connection and this keeps
// 14 (F8). The calls never block and never wait; whoever gets want_read or want_write waits for the socket and calls
// again.
#pragma once

#include <span>

#include "base/bytes.h"
#include "net/tls_policy.h"

namespace holdfast::net {

enum class TlsState { done, want_read, want_write, closed };  // closed: by the peer, or broken

struct TlsMoved {
  std::size_t bytes = 0;  // may be more than 0 in every state
  TlsState state = TlsState::done;
};

// The server's side of one connection. Belongs to one thread at a time. Doesn't own the socket.
class TlsStream {
 public:
  // REQUIRES: the socket is connected and non-blocking, and outlives the stream
  TlsStream(int socket, SSL_CTX* context);

  TlsState handshake();
  // Reads until `into` is full (done), nothing more is there, or the peer closed.
  TlsMoved read(std::span<std::uint8_t> into);
  // After want_*, the next call must begin with the bytes that were not moved, at least as many of them.
  TlsMoved write(ByteView bytes);
  // While no data is expected: want_read if there is none, done if there is some, closed.
  TlsState peek();
  // Tells the peer that no more comes, as far as that is possible without waiting.
  void shutdown();

 private:
  TlsState state_after(int result);
  Openssl<SSL> ssl_;
};

// Null: this libssl can't.
Openssl<SSL_CTX> server_tls_context(EVP_PKEY* key, X509* certificate);

}  // namespace holdfast::net
