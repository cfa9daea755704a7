// The primitives Log and Object as a function: the bytes of a call in, the bytes of its answer out. No sockets, threads
// or clocks of its own: serve.h puts it behind a listener, the simulator calls it directly. What the calls promise is
// src/api/calls.h's; how the rows carry it is rows.h's.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/calls.h"
#include "base/clock.h"
#include "base/random.h"
#include "server/log.h"
#include "server/object_store.h"
#include "server/rows.h"
#include "server/service_rates.h"
#include "server/tickets.h"

namespace holdfast::server {

struct ServiceOptions {
  Hash server_key{};                               // SHA-256 of the TLS key: proofs of capability name it
  std::string policy{};                            // the trust policy's text
  std::int64_t bytes_max = std::int64_t{1} << 40;  // per account
  std::int64_t objects_max = std::int64_t{1} << 24;
  std::int64_t groups_max = 4096;
  std::shared_ptr<const InvitationKey> invitations{};  // null: whoever knows the link may sign up
  std::uint32_t grace_seconds = 14 * 86'400;           // at least a day; of groups created from now on
  Rate sign_ups{.burst = 60, .per_second = 1.0 / 6};
  Rate failed_proofs{.burst = 60, .per_second = 1};
};

// Entries may use this much beyond bytes_max, so that an account that is full can still commit, and so prune.
inline constexpr std::int64_t log_headroom_bytes = 64 * 1024 * 1024;
inline constexpr std::uint16_t watch_seconds_max = 55;
inline constexpr std::uint32_t retry_rate_ms = 5000;  // what is told to whoever is refused for a rate or a crowd
inline constexpr std::int64_t note_remembered_ns = 24 * 3600 * second_ns;
inline constexpr std::int64_t upload_kept_ns = 7 * 24 * 3600 * second_ns;  // after its last use

// An answer's body: `head`, and then `bulk`, which may be null.
struct ServiceReply {
  Bytes head;
  std::shared_ptr<const Bytes> bulk;
  [[nodiscard]] Bytes joined() &&;
};

// A watch that found nothing new yet. Look again when a group's key (group_key) was touched; at the deadline its answer
// is nothing_moved().
struct Watching {
  struct Log {
    Ticket ticket;
    std::uint64_t after_seq = 0;
  };
  std::vector<Log> logs;
  std::int64_t deadline_ns = 0;  // of Clock::monotonic_ns
};

// How long a call's body may be, by the name of the call; of names that are none too.
std::size_t body_bytes_max(std::string_view name);

using Served = std::variant<ServiceReply, Watching>;

// An object as a reader may know it: staged ones are unknown.
struct KnownObject {
  std::optional<Stored<ObjectRow>> row;
  std::optional<Stored<RetiredRow>> retired;
  api::ObjectState state = api::ObjectState::unknown;
};
ObjectName stored_name(const GroupId& group, const StoredId& stored);
void add_object(Batch& batch, const GroupId& group, const ObjectId& object, const ObjectRow& row);

// Any thread. With one thread, a MapMetaStore, a MemoryObjectStore and seeded doors it is deterministic.
class Service {
 public:
  // Makes the server's ticket key in the store if there is none. Keeps references to its arguments.
  static Result<std::unique_ptr<Service>> open(MetaStore& rows, ObjectStore& objects, Clock& clock, Random& random,
                                               EventLog& log, ServiceOptions options);

  // `name` is the call's ("log/append"), `peer` who counts as one for rate limits (net::HttpRequest::peer). Any body is
  // answered; what is not done is answered by a Refusal.
  Served handle(std::string_view name, ByteView body, std::string_view peer);

  // The watch's answer, if there is one by now: of all its logs, or of one.
  std::optional<Bytes> look(const Watching& watching);
  std::optional<Bytes> look_at(const Watching& watching, std::size_t log);
  static Bytes nothing_moved();
  static Bytes too_many_wait();  // the answer of a watch that finds no room among those that wait

  // Whether the store answers.
  Status healthy();

 private:
  Service(MetaStore& rows, ObjectStore& objects, Clock& clock, Random& random, EventLog& log, ServiceOptions options,
          const TicketRoot& root);

  template <class Call>
  Served serve(ByteView body, std::string_view peer);
  Bytes refuse(std::string_view name, const Error& error);

  // service_groups.cpp
  Result<api::Info::Reply> perform(const api::Info&, std::string_view peer);
  Result<api::CreateAccount::Reply> perform(const api::CreateAccount& call, std::string_view peer);
  Result<api::CreateGroup::Reply> perform(const api::CreateGroup& call, std::string_view peer);
  Result<api::Usage::Reply> perform(const api::Usage& call, std::string_view peer);
  Result<api::OpenTicket::Reply> perform(const api::OpenTicket& call, std::string_view peer);
  Result<bool> sign_up(const api::CreateAccount& call);  // false: the group is there now
  Result<bool> create_group(const api::CreateGroup& call, const GroupId& creator);

  // service_append.cpp
  Result<api::Append::Reply> perform(const api::Append& call, std::string_view peer);
  Result<std::optional<api::Append::Reply>> try_append(const api::Append& call);
  struct AppendBatch {
    Batch batch;
    std::uint64_t seq = 0;
    std::int64_t now_ns = 0;
    std::uint32_t grace_seconds = 0;
  };
  Result<std::optional<UploadId>> plan_publish(const api::Append& call, AppendBatch& plan);
  Status plan_states(const api::Append& call, AppendBatch& plan);
  void plan_entry(const api::Append& call, const Stored<GroupRow>& row, const std::optional<Hash>& old_note,
                  AppendBatch& plan);
  Result<api::Append::Reply> behind(const api::Append& call, const GroupRow& row);

  // service_read.cpp
  Result<api::Head::Reply> perform(const api::Head& call, std::string_view peer);
  Result<api::Read::Reply> perform(const api::Read& call, std::string_view peer);
  Result<std::variant<Bytes, Watching>> begin_watch(const api::Watch& call);
  Result<std::optional<Bytes>> moved(const Watching& watching, std::span<const std::size_t> which);
  Result<std::vector<api::Entry>> entries_after(const GroupId& group, std::uint64_t after, std::uint64_t up_to);

  // service_objects.cpp
  Result<api::Begin::Reply> perform(const api::Begin& call, std::string_view peer);
  Result<api::Put::Reply> perform(const api::Put& call, std::string_view peer);
  Result<api::Stat::Reply> perform(const api::Stat& call, std::string_view peer);
  Result<ServiceReply> get_object(const api::Get& call);
  struct PutPlace {
    GroupId creator;
    Hash upload_hash;
    bool renew_last_use = false;
  };
  Result<std::optional<PutPlace>> place_for(const api::Put& call, const Ticket& ticket);
  Batch put_batch(const api::Put& call, const GroupId& group, const PutPlace& place, const ObjectRow& row);
  Status store_bytes(const ObjectName& name, const Hash& sha256, ByteView bytes);
  // An early no to what the batch's own bounds would refuse.
  Status check_quota(const GroupId& creator, std::uint64_t bytes);
  Result<std::vector<KnownObject>> known_objects(const GroupId& group, std::span<const ObjectId> ids);
  Result<bool> is_stored(const GroupId& group, const Stored<ObjectRow>& object);
  void log_lost(const ObjectName& name, std::string_view reason);

  // Errors: NoSpaceLeft, Internal.
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys);
  Result<Outcome> commit(const Batch& batch);

  // The ticket, if it is ours, fresh and for this right. NotAuthorized.
  Result<Ticket> ticket_for(const api::TicketBytes& bytes, api::Right right);
  // The ticket's group, if the ticket's key still counts there. NotAuthorized also when there is no such group.
  static Result<Stored<GroupRow>> group_of(const std::optional<Bytes>& value, const Ticket& ticket);

  MetaStore& rows_;
  ObjectStore& objects_;
  Clock& clock_;
  Random& random_;
  EventLog& log_;
  const ServiceOptions options_;
  const TicketOffice tickets_;
  RateLimiter sign_ups_, failed_proofs_;
};

}  // namespace holdfast::server
