// Tickets (DECISIONS D7): who proves to hold a capability key over the server's challenge gets a ticket for one right
// in one group, good for ten minutes. Both are MACs: no process keeps a list of them, and each checks those of the
// others. A ticket alone is not enough: every call also checks that its key is still among the group's capability keys.
#pragma once

#include "api/calls.h"
#include "base/clock.h"
#include "crypto/hash.h"

namespace holdfast::server {

struct TicketRootTag;
using TicketRoot = crypto::Secret<TicketRootTag>;  // in the MetaStore, shared by all processes of a server

struct Ticket {  // as it was issued
  GroupId group;
  api::Right right = api::Right::read;
  Hash key;  // SHA-256 of the capability key
  std::int64_t expires_ns = 0;
  HOLDFAST_WIRE(group, right, key, expires_ns)
};

inline constexpr std::int64_t challenge_valid_ns = 60 * second_ns;
inline constexpr std::uint32_t ticket_valid_seconds = 600;

// Any thread.
class TicketOffice {
 public:
  TicketOffice(const TicketRoot& root, const Hash& server_key);

  [[nodiscard]] api::ChallengeBytes challenge(std::int64_t now_ns) const;

  // NotAuthorized: an old or foreign challenge, or no signature of the key over it. Whether the key counts for
  // anything in the group is the caller's to check.
  [[nodiscard]] Status check_proof(const api::OpenTicket& call, std::int64_t now_ns) const;

  [[nodiscard]] api::TicketBytes issue(const GroupId& group, api::Right right, const api::CapabilityPublic& key,
                                       std::int64_t now_ns) const;

  // NotAuthorized: not issued by this server, or too old.
  [[nodiscard]] Result<Ticket> read(const api::TicketBytes& bytes, std::int64_t now_ns) const;

 private:
  Hash server_key_;
  crypto::Hmac challenge_mac_, ticket_mac_;
};

// What a client signs to open a ticket: the label, context and body of api::OpenTicket.
inline constexpr std::string_view capability_label = "Holdfast 1 capability";
[[nodiscard]] Bytes capability_context(const Hash& server_key, const GroupId& group, api::Right right);

// Whether the ticket's key is among the group's keys for the ticket's right.
[[nodiscard]] bool holds(const api::Caps& caps, const Ticket& ticket);

}  // namespace holdfast::server
