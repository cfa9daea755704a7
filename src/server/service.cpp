#include "server/service.h"

namespace holdfast::server {

namespace {

// No call but a put needs more; a decoded body takes some 30 times its size at worst.
constexpr std::size_t small_body_max = 1024 * 1024;
constexpr std::size_t put_body_max = api::object_bytes_max + 64 * 1024;

constexpr std::uint32_t retry_busy_ms = 100, retry_trouble_ms = 2000;

std::uint32_t retry_after_ms(api::Reason reason) {
  switch (reason) {
    case api::Reason::rate_limited:
      return retry_rate_ms;
    case api::Reason::conflict:
      return retry_busy_ms;
    case api::Reason::unavailable:
      return retry_trouble_ms;
    default:
      return 0;
  }
}

Result<TicketRoot> ticket_root(MetaStore& rows, Random& random) {
  const auto made = TicketRoot::random(random);
  SecretRow fresh;
  const crypto::SecretBytes raw = made.export_secret();  // into the store that all processes of this server share
  std::ranges::copy(raw.view(), fresh.secret.begin());
  const crypto::SecretBytes value(encode(fresh));
  crypto::wipe(fresh.secret);
  Batch batch{.when = {{ticket_secret_key, std::nullopt}},
              .put = {{ticket_secret_key, to_bytes(value.view())}},
              .erase = {},
              .add = {},
              .touch = {}};
  const auto outcome = rows.commit(batch);
  crypto::wipe(batch.put.front().value);
  HF_OK(outcome);
  HF_TRY(auto stored, rows.get_one(ticket_secret_key));
  if (!stored) return fail(Code::Internal, "the ticket key that was just written is not there");
  const crypto::SecretBytes bytes(std::move(*stored));
  HF_TRY(SecretRow row, decode_row<SecretRow>(bytes.view()));
  auto root = TicketRoot::copy_of(row.secret);
  crypto::wipe(row.secret);
  return root;
}

}  // namespace

std::size_t body_bytes_max(std::string_view name) { return name == api::Put::name ? put_body_max : small_body_max; }

Bytes ServiceReply::joined() && {
  if (bulk) append(head, *bulk);
  return std::move(head);
}

Result<std::unique_ptr<Service>> Service::open(MetaStore& rows, ObjectStore& objects, Clock& clock, Random& random,
                                               EventLog& log, ServiceOptions options) {
  HF_TRY(const TicketRoot root, ticket_root(rows, random));
  return std::unique_ptr<Service>(new Service(rows, objects, clock, random, log, std::move(options), root));
}

Service::Service(MetaStore& rows, ObjectStore& objects, Clock& clock, Random& random, EventLog& log,
                 ServiceOptions options, const TicketRoot& root)
    : rows_(rows),
      objects_(objects),
      clock_(clock),
      random_(random),
      log_(log),
      options_(std::move(options)),
      tickets_(root, options_.server_key),
      sign_ups_(clock, options_.sign_ups),
      failed_proofs_(clock, options_.failed_proofs) {}

Bytes Service::refuse(std::string_view name, const Error& error) {
  api::Refusal refusal = api::refusal_of(error);
  refusal.retry_after_ms = retry_after_ms(refusal.reason);
  if (refusal.reason == api::Reason::unavailable || refusal.reason == api::Reason::no_space) {  // who runs it must act
    log_.error("call_failed", error);
  } else {
    log_.write(Level::debug, "call_refused",
               {{"call", name}, {"code", holdfast::name_of(error.code)}, {"reason", error.sentence}});
  }
  return encode(api::Answer<api::Usage>(std::move(refusal)));  // a refusal looks the same in every answer
}

template <class Call>
Served Service::serve(ByteView body, std::string_view peer) {
  if (body.size() > body_bytes_max(Call::name))
    return ServiceReply{refuse(Call::name, {Code::TooLarge, "the call is too large", {}, {}}), nullptr};
  const auto call = decode<Call>(body, "the call");
  if (!call) return ServiceReply{refuse(Call::name, call.error()), nullptr};
  if constexpr (std::is_same_v<Call, api::Get>) {
    auto reply = get_object(*call);
    if (!reply) return ServiceReply{refuse(Call::name, reply.error()), nullptr};
    return std::move(*reply);
  } else if constexpr (std::is_same_v<Call, api::Watch>) {
    auto begun = begin_watch(*call);
    if (!begun) return ServiceReply{refuse(Call::name, begun.error()), nullptr};
    if (auto* watching = std::get_if<Watching>(&*begun)) return std::move(*watching);
    return ServiceReply{std::move(std::get<Bytes>(*begun)), nullptr};
  } else {
    auto reply = perform(*call, peer);
    if (!reply) return ServiceReply{refuse(Call::name, reply.error()), nullptr};
    return ServiceReply{encode(api::Answer<Call>(std::move(*reply))), nullptr};
  }
}

Served Service::handle(std::string_view name, ByteView body, std::string_view peer) {
  log_.write(Level::debug, "call", {{"call", name}, {"bytes", body.size()}, {"peer", peer}});
  struct Route {
    std::string_view name;
    Served (Service::*serve)(ByteView, std::string_view);
  };
  static constexpr Route routes[] = {
      {api::Info::name, &Service::serve<api::Info>},
      {api::CreateAccount::name, &Service::serve<api::CreateAccount>},
      {api::CreateGroup::name, &Service::serve<api::CreateGroup>},
      {api::Usage::name, &Service::serve<api::Usage>},
      {api::OpenTicket::name, &Service::serve<api::OpenTicket>},
      {api::Append::name, &Service::serve<api::Append>},
      {api::Head::name, &Service::serve<api::Head>},
      {api::Read::name, &Service::serve<api::Read>},
      {api::Watch::name, &Service::serve<api::Watch>},
      {api::Begin::name, &Service::serve<api::Begin>},
      {api::Put::name, &Service::serve<api::Put>},
      {api::Stat::name, &Service::serve<api::Stat>},
      {api::Get::name, &Service::serve<api::Get>},
  };
  for (const Route& route : routes)
    if (route.name == name) return (this->*route.serve)(body, peer);
  return ServiceReply{refuse("unknown", {Code::NotFound, "this server has no such call", {}, {}}), nullptr};
}

Status Service::healthy() {
  HF_OK(rows_.get_one(ticket_secret_key));
  return {};
}

Result<std::vector<std::optional<Bytes>>> Service::get(std::span<const Key> keys) {
  return from_store(rows_.get(keys));
}

Result<Outcome> Service::commit(const Batch& batch) { return from_store(rows_.commit(batch)); }

Result<Ticket> Service::ticket_for(const api::TicketBytes& bytes, api::Right right) {
  HF_TRY(Ticket ticket, tickets_.read(bytes, clock_.now_ns()));
  if (ticket.right != right) return fail(Code::NotAuthorized, "the ticket is for another right");
  return ticket;
}

Result<Stored<GroupRow>> Service::group_of(const std::optional<Bytes>& value, const Ticket& ticket) {
  HF_TRY(auto group, read_row<GroupRow>(value));
  if (!group || !holds(group->row.caps, ticket))
    return fail(Code::NotAuthorized, "the ticket's key does not count in this group");
  return std::move(*group);
}

}  // namespace holdfast::server
