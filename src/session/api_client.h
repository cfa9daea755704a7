// One server, spoken to in the calls of src/api: tickets are opened and renewed here, and what may be repeated is
// repeated with backoff and jitter until the patience is over. Belongs to one thread.
#pragma once

#include <map>
#include <unordered_map>
#include <unordered_set>

#include "api/calls.h"
#include "api/server_link.h"
#include "base/doors.h"

namespace holdfast::session {

inline constexpr std::int64_t patience_default_ns = 120 * second_ns;

class ApiClient {
 public:
  ApiClient(Doors doors, api::ServerLink link, std::int64_t patience_ns = patience_default_ns);

  // Told once for each call that has to be repeated because nobody answers, with the patience.
  void when_waiting(std::function<void(std::int64_t patience_ns)> tell) { tell_waiting_ = std::move(tell); }

  // Unreachable and Timeout come back only when the patience is over. TooOld: another API version.
  template <class T>
  Result<typename T::Reply> call(Channel channel, const T& call) {
    HF_TRY(const Bytes body, exchange(channel, std::string(T::name), encode(call)));
    return decode_answer<T>(body);
  }

  // A ticket for one right of a group, opened when it is not held or about to end.
  Result<api::TicketBytes> ticket(Channel channel, const GroupId& group, api::Right right,
                                  const crypto::Ed25519Key& key);
  void forget_tickets(const GroupId& group);

  // The answer to info, fetched once and again when the challenge is used up. Checks the policy's hash: PolicySplit.
  Result<api::Info::Reply> info();

  class Puts;
  class Gets;

  template <class T>
  static Result<typename T::Reply> decode_answer(ByteView body) {
    HF_TRY(auto answer, decode<api::Answer<T>>(body, "the server's answer"));
    if (const auto* refusal = std::get_if<api::Refusal>(&answer)) return pass_on(api::error_of(*refusal));
    return std::get<0>(std::move(answer));
  }
  [[nodiscard]] const api::ServerLink& link() const { return link_; }
  [[nodiscard]] std::uint64_t bytes_sent() const { return bytes_sent_; }
  [[nodiscard]] std::uint64_t bytes_received() const { return bytes_received_; }

 private:
  struct Flight {  // a put or get under way
    GroupId group;
    ObjectId object;
    Call call;
    std::function<Result<Call>()> make;  // again, with a fresh ticket
    std::int64_t give_up_ns = 0;
    int tries = 0;
    RequestId number = 0;  // the user's: it stays when the call is repeated
  };
  // Those of one user, by the Remote's number. What its user leaves behind is dropped when it comes.
  class Flights {
   public:
    [[nodiscard]] std::size_t in_flight() const { return flights_.size(); }

   protected:
    explicit Flights(ApiClient& client) : client_(client) {}
    ~Flights();
    Flights(const Flights&) = delete;
    Flights& operator=(const Flights&) = delete;
    ApiClient& client_;
    std::map<RequestId, Flight> flights_;
  };
  struct HeldTicket {
    api::TicketBytes bytes;
    std::int64_t renew_ns = 0;
  };

  Result<Bytes> exchange(Channel channel, const std::string& name, const Bytes& body);
  Result<Bytes> exchange_once(Call call);
  void launch(std::map<RequestId, Flight>& flights, Flight flight);
  std::pair<Flight, Result<Bytes>> land(std::map<RequestId, Flight>& flights);
  void receive();
  void pause(int tries, Code why);

  Doors doors_;
  api::ServerLink link_;
  std::int64_t patience_ns_;
  std::function<void(std::int64_t patience_ns)> tell_waiting_;
  std::optional<api::Info::Reply> info_;
  std::int64_t info_until_ns_ = 0;
  std::map<std::tuple<GroupId, api::Right>, HeldTicket> tickets_;
  std::unordered_map<RequestId, Result<Bytes>> landed_;  // answers that somebody else's wait received
  std::unordered_set<RequestId> left_;                   // by users that are gone
  RequestId next_number_ = 1;
  std::uint64_t bytes_sent_ = 0, bytes_received_ = 0;
};

// One user's objects on their way to the server. A put that fails for reasons that pass is repeated.
class ApiClient::Puts final : public Flights {
 public:
  explicit Puts(ApiClient& client) : Flights(client) {}
  struct Done {
    ObjectId object;
    Status status;
  };
  void submit(const GroupId& group, const crypto::Ed25519Key& write, const UploadId& upload, const ObjectId& object,
              const Hash& sha256, std::shared_ptr<const Pieces> bytes);
  Done finish();  // waits for any to end. REQUIRES: in_flight() > 0
};

struct GotRange {
  Bytes answer;
  ByteView bytes;  // of the object; they lie in `answer`
};
// One user's ranges on their way from the server; the order is the server's.
class ApiClient::Gets final : public Flights {
 public:
  explicit Gets(ApiClient& client) : Flights(client) {}
  struct Done {
    RequestId request = 0;
    Result<GotRange> got;
  };
  RequestId submit(const GroupId& group, const crypto::Ed25519Key& read, const ObjectId& object, std::uint32_t offset,
                   std::uint32_t length);
  Done finish();  // waits for any to end. REQUIRES: in_flight() > 0
};

}  // namespace holdfast::session
