// A server's link, hf://host:port#server_key_hash.policy_hash: all that a person hands on. Whoever has it can't be
// shown another server, nor another trust policy (DESIGN section 2 "Transport", DECISIONS A8).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast::api {

struct ServerLink {
  std::string host;        // name, IPv4 address, or IPv6 address without brackets
  std::uint16_t port = 0;  // never 0
  Hash server_key;         // SHA-256 of the SubjectPublicKeyInfo of the server's TLS key
  Hash policy;             // SHA-256 of the policy text
  friend bool operator==(const ServerLink&, const ServerLink&) = default;
};

// InvalidArgument: anything but what to_text writes; hex may be of either case, the rest has one form. The host is not
// looked up.
[[nodiscard]] Result<ServerLink> parse_server_link(std::string_view text);
[[nodiscard]] std::string to_text(const ServerLink& link);

// "host:port" or "[v6]:port", as it stands in the link.
struct HostPort {
  std::string host;
  std::uint16_t port = 0;
  friend bool operator==(const HostPort&, const HostPort&) = default;
};
[[nodiscard]] Result<HostPort> parse_host_port(std::string_view text);  // InvalidArgument; port 0 is allowed here
[[nodiscard]] std::string to_text(const HostPort& address);

}  // namespace holdfast::api
