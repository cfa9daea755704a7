#include "net/tls_stream.h"

#include <openssl/err.h>

#include <new>

namespace holdfast::net {
namespace {

// Several records a system call. The buffer exists only while something is being received.
constexpr std::size_t read_buffer_bytes = 64 * 1024;

}  // namespace

Openssl<SSL_CTX> server_tls_context(EVP_PKEY* key, X509* certificate) {
  prepare_openssl();
  Openssl<SSL_CTX> context(SSL_CTX_new(TLS_server_method()));
  if (!context || !apply_tls_policy(context.get())) return nullptr;
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), read_buffer_bytes);
  if (SSL_CTX_use_certificate(context.get(), certificate) != 1 || SSL_CTX_use_PrivateKey(context.get(), key) != 1)
    return nullptr;
  return context;
}

TlsStream::TlsStream(int socket, SSL_CTX* context) : ssl_(SSL_new(context)) {
  if (ssl_ == nullptr || SSL_set_fd(ssl_.get(), socket) != 1) throw std::bad_alloc();
  SSL_set_accept_state(ssl_.get());
}

TlsState TlsStream::state_after(int result) {
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_NONE:
      return TlsState::done;
    case SSL_ERROR_WANT_READ:
      return TlsState::want_read;
    case SSL_ERROR_WANT_WRITE:
      return TlsState::want_write;
    default:
      ERR_clear_error();
      return TlsState::closed;
  }
}

TlsState TlsStream::handshake() {
  ERR_clear_error();
  const TlsState state = state_after(SSL_do_handshake(ssl_.get()));
  return state == TlsState::done && !follows_tls_policy(ssl_.get()) ? TlsState::closed : state;
}

TlsMoved TlsStream::read(std::span<std::uint8_t> into) {
  ERR_clear_error();
  TlsMoved moved;
  while (moved.bytes < into.size()) {
    std::size_t got = 0;
    const int result = SSL_read_ex(ssl_.get(), into.data() + moved.bytes, into.size() - moved.bytes, &got);
    if (result != 1) {
      moved.state = state_after(result);
      break;
    }
    moved.bytes += got;
  }
  return moved;
}

TlsMoved TlsStream::write(ByteView bytes) {
  ERR_clear_error();
  TlsMoved moved;
  while (moved.bytes < bytes.size()) {
    std::size_t put = 0;
    const int result = SSL_write_ex(ssl_.get(), bytes.data() + moved.bytes, bytes.size() - moved.bytes, &put);
    if (result != 1) {
      moved.state = state_after(result);
      break;
    }
    moved.bytes += put;
  }
  return moved;
}

TlsState TlsStream::peek() {
  ERR_clear_error();
  std::uint8_t byte = 0;
  std::size_t got = 0;
  return state_after(SSL_peek_ex(ssl_.get(), &byte, 1, &got));
}

void TlsStream::shutdown() {
  ERR_clear_error();
  if (SSL_is_init_finished(ssl_.get()) != 0) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

}  // namespace holdfast::net
