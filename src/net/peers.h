// Whom the server counts as one, and what each has of what all share, so that no single host can take everything.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "net/body_memory.h"
#include "net/reply_memory.h"

namespace holdfast::net {

// Of an IPv6 address, or an IPv4 address mapped into one (::ffff:192.0.2.7): "192.0.2.7", or the first 64 bits, which
// is what one subscriber commonly gets and can choose freely within: "2001:db8:1:2::/64".
std::string peer_name(const std::array<std::uint8_t, 16>& address);

struct PeerAccount {
  std::string name;
  BodyBudget::Peer bodies{};
  ReplyBudget::Peer replies{};
  std::size_t connections = 0;  // for PeerAccounts
};

// Any thread.
class PeerAccounts {
 public:
  explicit PeerAccounts(std::size_t connections_max) : connections_max_(std::max<std::size_t>(connections_max, 1)) {}

  struct Leave {
    PeerAccounts* accounts = nullptr;
    void operator()(PeerAccount* account) const { accounts->leave(account); }
  };
  // One connection's hold on its peer's account, which all connections of that peer share.
  using Held = std::unique_ptr<PeerAccount, Leave>;

  // Null: the peer has connections_max already. REQUIRES: what is held goes before this does
  Held enter(const std::string& name);

 private:
  void leave(PeerAccount* account);

  const std::size_t connections_max_;
  std::mutex mutex_;
  std::unordered_map<std::string, PeerAccount> accounts_;  // of peers that have a connection
};

}  // namespace holdfast::net
