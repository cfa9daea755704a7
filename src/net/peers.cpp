#include "net/peers.h"

#include <arpa/inet.h>

#include <algorithm>
#include <span>

namespace holdfast::net {

std::string peer_name(const std::array<std::uint8_t, 16>& address) {
  constexpr std::array<std::uint8_t, 12> mapped_v4{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  constexpr std::size_t network_bytes = 8;
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (std::ranges::equal(mapped_v4, std::span(address).first(mapped_v4.size())))
    return ::inet_ntop(AF_INET, &address[mapped_v4.size()], text.data(), text.size());
  std::array<std::uint8_t, 16> network{};
  std::ranges::copy_n(address.begin(), network_bytes, network.begin());
  return ::inet_ntop(AF_INET6, network.data(), text.data(), text.size()) + std::string("/64");
}

PeerAccounts::Held PeerAccounts::enter(const std::string& name) {
  const std::lock_guard lock(mutex_);
  PeerAccount& account = accounts_.try_emplace(name, name).first->second;
  if (account.connections >= connections_max_) return {};
  ++account.connections;
  return Held(&account, {this});
}

void PeerAccounts::leave(PeerAccount* account) {
  const std::lock_guard lock(mutex_);
  if (--account->connections == 0) accounts_.erase(accounts_.find(account->name));
}

}  // namespace holdfast::net
