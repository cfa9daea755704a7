// Whom the server counts as one.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace holdfast::net {

// Of an IPv6 address, or an IPv4 address mapped into one (::ffff:192.0.2.7): "192.0.2.7", or the first 64 bits, which
// is what one subscriber commonly gets and can choose freely within: "2001:db8:1:2::/64".
std::string peer_name(const std::array<std::uint8_t, 16>& address);

}  // namespace holdfast::net
