#include "server/tickets.h"

namespace holdfast::server {

namespace {

constexpr std::size_t time_size = 8;

struct MacKeyTag;

crypto::Hmac mac_for(std::string_view purpose, const TicketRoot& root) {
  return crypto::Hmac(crypto::derive<MacKeyTag>(root, purpose));
}

// body || HMAC(body)
Bytes authenticated(const crypto::Hmac& mac, Bytes body) {
  append(body, mac.of(body).view());
  return body;
}

std::optional<ByteView> open_authenticated(const crypto::Hmac& mac, ByteView bytes) {
  if (bytes.size() < Hash::size) return std::nullopt;
  const ByteView body = bytes.first(bytes.size() - Hash::size);
  if (!crypto::equal_constant_time(mac.of(body).view(), bytes.last(Hash::size))) return std::nullopt;
  return body;
}

std::unexpected<Error> refused(std::string_view why) { return fail(Code::NotAuthorized, std::string(why)); }

}  // namespace

TicketOffice::TicketOffice(const TicketRoot& root, const Hash& server_key)
    : server_key_(server_key),
      challenge_mac_(mac_for("server challenge", root)),
      ticket_mac_(mac_for("server ticket", root)) {}

api::ChallengeBytes TicketOffice::challenge(std::int64_t now_ns) const {
  Writer body(time_size + Hash::size);
  wire::put(body, now_ns);
  return {authenticated(challenge_mac_, std::move(body).take())};
}

Status TicketOffice::check_proof(const api::OpenTicket& call, std::int64_t now_ns) const {
  const auto body = open_authenticated(challenge_mac_, call.challenge.bytes);
  if (!body || body->size() != time_size) return refused("the challenge is not one of this server");
  const auto made_ns = static_cast<std::int64_t>(Reader(*body).big_endian(time_size));
  if (made_ns > now_ns || now_ns - made_ns > challenge_valid_ns) return refused("the challenge is too old");
  const Bytes context = capability_context(server_key_, call.group, call.right);
  if (!crypto::verify(call.key, capability_label, context, crypto::sha256(call.challenge.bytes), call.signature))
    return refused("the proof does not verify");
  return {};
}

api::TicketBytes TicketOffice::issue(const GroupId& group, api::Right right, const api::CapabilityPublic& key,
                                     std::int64_t now_ns) const {
  const Ticket ticket{group, right, crypto::sha256(key.view()), now_ns + ticket_valid_seconds * second_ns};
  return {authenticated(ticket_mac_, encode(ticket))};
}

Result<Ticket> TicketOffice::read(const api::TicketBytes& bytes, std::int64_t now_ns) const {
  const auto body = open_authenticated(ticket_mac_, bytes.bytes);
  if (!body) return refused("the ticket is not one of this server");
  HF_TRY(const Ticket ticket, decode<Ticket>(*body, "a ticket"));
  if (now_ns > ticket.expires_ns) return refused("the ticket is too old");
  return ticket;
}

Bytes capability_context(const Hash& server_key, const GroupId& group, api::Right right) {
  return encode(api::CapabilityContext{server_key, group, right});
}

bool holds(const api::Caps& caps, const Ticket& ticket) {
  const auto& keys = caps.of(ticket.right);
  return std::ranges::any_of(keys, [&](const auto& key) { return crypto::sha256(key.view()) == ticket.key; });
}

}  // namespace holdfast::server
