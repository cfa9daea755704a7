#include "session/api_client.h"

#include <algorithm>

namespace holdfast::session {

namespace {

constexpr std::int64_t challenge_use_ns = 30 * second_ns;  // half of what the server allows
constexpr std::int64_t renew_before_ns = 60 * second_ns;
constexpr std::int64_t pause_first_ns = second_ns / 10;
constexpr std::int64_t pause_max_ns = 10 * second_ns;

bool passes(Code code) {
  return code == Code::Unreachable || code == Code::Timeout || code == Code::RateLimited || code == Code::Busy;
}

bool ticket_ended(const Result<Bytes>& answer) {
  if (!answer) return false;
  // Refusal is the second alternative of every answer; its reason follows.
  return answer->size() >= 2 && (*answer)[0] == 2 &&
         (*answer)[1] == static_cast<std::uint8_t>(api::Reason::not_authorized);
}

std::optional<Error> refusal_in(const Result<Bytes>& answer) {
  if (!answer) return answer.error();
  if (answer->empty() || (*answer)[0] != 2) return std::nullopt;
  const auto refusal = decode<api::Refusal>(ByteView(*answer).subspan(1), "the server's answer");
  return refusal ? api::error_of(*refusal) : refusal.error();
}

Result<GotRange> range_in(Result<Bytes> answer) {
  HF_TRY(Bytes body, std::move(answer));
  HF_TRY(const auto reply, ApiClient::decode_answer<api::Get>(body));
  return GotRange{std::move(body), reply.bytes};
}

}  // namespace

ApiClient::ApiClient(Doors doors, api::ServerLink link, std::int64_t patience_ns)
    : doors_(doors), link_(std::move(link)), patience_ns_(patience_ns) {}

void ApiClient::pause(int tries, Code why) {
  const bool nobody_answers = why == Code::Unreachable || why == Code::Timeout;
  if (tries == 1 && nobody_answers && tell_waiting_) tell_waiting_(patience_ns_);
  const std::int64_t full = std::min(pause_max_ns, pause_first_ns << std::min(tries, 10));
  std::array<std::uint8_t, 2> jitter{};
  doors_.random.fill(jitter);
  doors_.clock.sleep_ns(full / 2 + full / 2 * (jitter[0] << 8 | jitter[1]) / 65536);
}

Result<Bytes> ApiClient::exchange_once(Call call) {
  bytes_sent_ += call.body.size() + (call.bulk ? call.bulk->size() : 0);
  const RequestId request = doors_.remote.submit(std::move(call));
  for (;;) {
    if (const auto found = landed_.find(request); found != landed_.end())
      return std::move(landed_.extract(found).mapped());
    receive();
  }
}

void ApiClient::receive() {
  auto [request, answer] = doors_.remote.next();
  if (answer) bytes_received_ += answer->size();
  if (left_.erase(request) == 0) landed_.emplace(request, std::move(answer));
}

ApiClient::Flights::~Flights() {
  for (const auto& [request, flight] : flights_)
    if (client_.landed_.erase(request) == 0) client_.left_.insert(request);
}

Result<Bytes> ApiClient::exchange(Channel channel, const std::string& name, const Bytes& body) {
  const std::int64_t give_up = doors_.clock.monotonic_ns() + patience_ns_;
  for (int tries = 0;; ++tries) {
    auto answer = exchange_once({channel, name, body, nullptr, 0});
    const auto problem = refusal_in(answer);
    if (!problem || !passes(problem->code)) return answer;
    if (doors_.clock.monotonic_ns() >= give_up) return pass_on(*problem);
    pause(tries, problem->code);
  }
}

Result<api::Info::Reply> ApiClient::info() {
  if (!info_ || doors_.clock.monotonic_ns() >= info_until_ns_) {
    HF_TRY(auto fresh, call(Channel::account, api::Info{}));
    if (fresh.version != api::version)
      return fail(Code::TooOld, "the server speaks another version of the protocol than this program");
    if (crypto::sha256(as_bytes(fresh.policy)) != link_.policy)
      return fail(Code::PolicySplit, "the server's trust policy is not the one that its link names");
    info_ = std::move(fresh);
    info_until_ns_ = doors_.clock.monotonic_ns() + challenge_use_ns;
  }
  return *info_;
}

Result<api::TicketBytes> ApiClient::ticket(Channel channel, const GroupId& group, api::Right right,
                                           const crypto::Ed25519Key& key) {
  const auto held = tickets_.find({group, right});
  if (held != tickets_.end() && doors_.clock.monotonic_ns() < held->second.renew_ns) return held->second.bytes;
  const bool fresh = !info_;
  const Bytes context = encode(api::CapabilityContext{link_.server_key, group, right});
  const auto open = [&]() -> Result<api::OpenTicket::Reply> {
    HF_TRY(const auto server, info());
    const auto signature = key.sign("Holdfast 1 capability", context, crypto::sha256(server.challenge.bytes));
    return call(channel, api::OpenTicket{group, right, key.public_key(), server.challenge, signature});
  };
  auto opened = open();
  // The clock of the challenge's age stops while this machine sleeps, and the server's may have been set.
  if (!opened && opened.error().code == Code::NotAuthorized && !fresh) {
    info_.reset();
    opened = open();
  }
  HF_TRY(const auto reply, std::move(opened));
  const std::int64_t valid = std::int64_t{std::min<std::uint32_t>(reply.valid_seconds, 86'400)} * second_ns;
  tickets_[{group, right}] = {reply.ticket,
                              doors_.clock.monotonic_ns() + std::max<std::int64_t>(valid - renew_before_ns, valid / 2)};
  return reply.ticket;
}

void ApiClient::forget_tickets(const GroupId& group) {
  std::erase_if(tickets_, [&](const auto& held) { return std::get<0>(held.first) == group; });
}

void ApiClient::launch(std::map<RequestId, Flight>& flights, Flight flight) {
  if (flight.call.name.empty()) {
    auto call = flight.make();
    if (!call) {  // no ticket: what the call itself would have ended with
      const RequestId stand_in = ~flight.number;
      landed_.emplace(stand_in, pass_on(call.error()));
      flights.emplace(stand_in, std::move(flight));
      return;
    }
    flight.call = *std::move(call);
  }
  bytes_sent_ += flight.call.body.size() + (flight.call.bulk ? flight.call.bulk->size() : 0);
  const RequestId request = doors_.remote.submit(flight.call);
  flights.emplace(request, std::move(flight));
}

std::pair<ApiClient::Flight, Result<Bytes>> ApiClient::land(std::map<RequestId, Flight>& flights) {
  for (;;) {
    auto landed = std::ranges::find_if(landed_, [&](const auto& answer) { return flights.contains(answer.first); });
    if (landed == landed_.end()) {
      receive();
      continue;
    }
    const RequestId request = landed->first;
    Result<Bytes> answer = std::move(landed_.extract(landed).mapped());
    Flight flight = std::move(flights.extract(request).mapped());
    const auto problem = refusal_in(answer);
    const bool renew = ticket_ended(answer) && flight.tries == 0;
    const bool again = problem && (renew || passes(problem->code)) && doors_.clock.monotonic_ns() < flight.give_up_ns;
    if (!again) return {std::move(flight), std::move(answer)};
    if (renew) {
      forget_tickets(flight.group);
    } else {
      pause(flight.tries, problem->code);
    }
    ++flight.tries;
    flight.call = {};
    launch(flights, std::move(flight));
  }
}

void ApiClient::Puts::submit(const GroupId& group, const crypto::Ed25519Key& write, const UploadId& upload,
                             const ObjectId& object, const Hash& sha256, std::shared_ptr<const Pieces> bytes) {
  Flight flight;
  flight.group = group;
  flight.object = object;
  flight.number = client_.next_number_++;
  flight.give_up_ns = client_.doors_.clock.monotonic_ns() + client_.patience_ns_;
  flight.make = [&client = client_, group, &write, upload, object, sha256, bytes = std::move(bytes)]() -> Result<Call> {
    HF_TRY(const auto held, client.ticket(Channel::capability, group, api::Right::write, write));
    return Call{Channel::capability, std::string(api::Put::name),
                api::encode_put_head({held, upload, object, sha256, {}}, bytes->size()), bytes, 0};
  };
  client_.launch(flights_, std::move(flight));
}

ApiClient::Puts::Done ApiClient::Puts::finish() {
  auto [flight, answer] = client_.land(flights_);
  if (const auto problem = refusal_in(answer)) return {flight.object, pass_on(*problem)};
  if (const auto stored = decode_answer<api::Put>(*answer); !stored) return {flight.object, pass_on(stored.error())};
  return {flight.object, {}};
}

RequestId ApiClient::Gets::submit(const GroupId& group, const crypto::Ed25519Key& read, const ObjectId& object,
                                  std::uint32_t offset, std::uint32_t length) {
  Flight flight;
  flight.group = group;
  flight.object = object;
  flight.number = client_.next_number_++;
  flight.give_up_ns = client_.doors_.clock.monotonic_ns() + client_.patience_ns_;
  flight.make = [&client = client_, group, &read, object, offset, length]() -> Result<Call> {
    HF_TRY(const auto held, client.ticket(Channel::capability, group, api::Right::read, read));
    return Call{Channel::capability, std::string(api::Get::name), encode(api::Get{held, object, offset, length}),
                nullptr, 0};
  };
  const RequestId number = flight.number;
  client_.launch(flights_, std::move(flight));
  return number;
}

ApiClient::Gets::Done ApiClient::Gets::finish() {
  auto [flight, answer] = client_.land(flights_);
  auto got = range_in(std::move(answer));
  if (!got) got.error().object = flight.object.short_hex();
  return {flight.number, std::move(got)};
}

}  // namespace holdfast::session
