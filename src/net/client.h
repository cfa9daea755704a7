// The client side of the transport: calls to one server, over a few kept connections that verify its pinned key.
//
// TLS 1.3 with X25519MLKEM768 only; the server is whoever holds the key with the pinned hash, certificate authorities
// and names mean nothing. No redirects, no cookies, no resumed TLS sessions. The system's proxy settings (https_proxy,
// no_proxy) are honoured for HTTP and SOCKS proxies. Each channel has connections and a thread of its own, so the
// server can't link calls of different channels by their connection (M6, D12), and transfers go on while the caller
// computes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "base/pieces.h"
#include "base/remote.h"  // RequestId
#include "base/result.h"

namespace holdfast::net {

struct ClientOptions {
  std::string host{};  // name or address, IPv6 without brackets
  std::uint16_t port = 0;
  Hash server_key_hash{};  // SHA-256 of the SubjectPublicKeyInfo
  unsigned connections_per_channel = 4;
  std::int64_t connect_timeout_ns = 15'000'000'000;
};

enum class Method : std::uint8_t { post, get };

struct HttpCall {
  unsigned channel = 0;  // small numbers: a channel in use is a thread
  Method method = Method::post;
  std::string path{};                         // "/v1/log/append"
  Bytes head{};                               // a post's body is `head` and then `bulk`
  std::shared_ptr<const Pieces> bulk{};       // may be null; is read, uncopied, until the answer comes
  std::int64_t timeout_ns = 120'000'000'000;  // from when the call gets a connection to the last byte of the answer
  std::size_t answer_bytes_max = 17 * 1024 * 1024;
};

struct HttpAnswer {
  int status = 0;
  unsigned retry_after_s = 0;  // 0: the server said nothing
  Bytes body{};
};

// Belongs to one thread at a time.
class HttpClient {
 public:
  explicit HttpClient(ClientOptions options);
  ~HttpClient();  // breaks off what is in flight
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  RequestId submit(HttpCall call);

  // Waits for the next finished call. Any HTTP status is an answer. Errors, whose object is "host:port":
  // WrongPin: another key than the pinned one. Unreachable: no connection, TLS refused, or broken off. Timeout.
  // Malformed: not HTTP. TooLarge: the answer is longer than answer_bytes_max.
  // After Unreachable (once connected) and Timeout the call may or may not have been carried out. A call that finds its
  // kept connection closed by the server is sent once more on a new one.
  // REQUIRES: in_flight() > 0
  std::pair<RequestId, Result<HttpAnswer>> next();

  [[nodiscard]] std::size_t in_flight() const;  // submitted, and not yet returned by next()

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::net
