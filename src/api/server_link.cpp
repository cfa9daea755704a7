#include "api/server_link.h"

#include <charconv>

namespace holdfast::api {

namespace {

constexpr std::string_view scheme = "hf://";
constexpr std::size_t host_size_max = 253;  // RFC 1035

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_hex_digit(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

bool is_name(std::string_view host) {
  return std::ranges::all_of(host,
                             [](char c) { return is_digit(c) || is_letter(c) || c == '.' || c == '-' || c == '_'; });
}
bool is_ipv6(std::string_view host) {
  return host.find(':') != host.npos &&
         std::ranges::all_of(host, [](char c) { return is_hex_digit(c) || c == ':' || c == '.'; });
}

std::unexpected<Error> not_an_address(std::string_view text) {
  return fail(Code::InvalidArgument, "an address has the form host:port or [IPv6]:port", printable(text));
}

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  const bool one_form = !text.empty() && (text.size() == 1 || text.front() != '0');
  if (error != std::errc() || end != text.data() + text.size() || !one_form) return not_an_address(text);
  return port;
}

Result<Hash> parse_hash(std::string_view text) {
  const auto bytes = from_hex(text);
  if (!bytes || bytes->size() != Hash::size)
    return fail(Code::InvalidArgument, "a hash in the link is not 64 hex digits");
  return Hash::from(*bytes);
}

}  // namespace

Result<HostPort> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == text.npos) return not_an_address(text);
  std::string_view host = text.substr(0, colon);
  const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > host_size_max) return not_an_address(text);
  if (bracketed ? !is_ipv6(host) : !is_name(host)) return not_an_address(text);
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return not_an_address(text);
  return HostPort{std::string(host), *port};
}

std::string to_text(const HostPort& address) {
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + std::to_string(address.port);
}

Result<ServerLink> parse_server_link(std::string_view text) {
  const auto broken = [&](std::string_view why) {
    return fail(Code::InvalidArgument,
                "a server's link has the form hf://host:port#server_key_hash.policy_hash; " + std::string(why),
                printable(text));
  };
  if (!text.starts_with(scheme)) return broken("this does not begin with hf://");
  text.remove_prefix(scheme.size());
  const std::size_t hash_sign = text.find('#');
  if (hash_sign == text.npos) return broken("this has no #");
  const auto address = parse_host_port(text.substr(0, hash_sign));
  if (!address || address->port == 0) return broken("what stands before # is no host and port");
  const std::string_view hashes = text.substr(hash_sign + 1);
  const std::size_t dot = hashes.find('.');
  if (dot == hashes.npos) return broken("there are not two hashes after #");
  const auto server_key = parse_hash(hashes.substr(0, dot));
  const auto policy = parse_hash(hashes.substr(dot + 1));
  if (!server_key || !policy) return broken("a hash has 64 hex digits");
  return ServerLink{address->host, address->port, *server_key, *policy};
}

std::string to_text(const ServerLink& link) {
  return std::string(scheme) + to_text(HostPort{link.host, link.port}) + "#" + link.server_key.hex() + "." +
         link.policy.hex();
}

}  // namespace holdfast::api
