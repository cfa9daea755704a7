// Info, sign-up, new groups, usage and tickets.
#include "server/service.h"
#include "server/service_checks.h"

namespace holdfast::server {

namespace {

constexpr int create_tries_max = 4;

GroupRow first_row(const api::Entry& first, const api::Caps& caps, const GroupId& creator, std::int64_t now_ns,
                   std::uint32_t grace_seconds) {
  GroupRow row;
  row.group_class = first.group == creator ? GroupClass::account : GroupClass::shared;
  row.creator = creator;
  row.created_ns = now_ns;
  row.first = api::entry_hash(first);
  row.head_seq = first.seq;
  row.last_link = {first.seq, row.first};
  row.grace_seconds = grace_seconds;
  row.caps = caps;
  return row;
}

std::int64_t signed_size(std::size_t size) { return static_cast<std::int64_t>(size); }

std::unexpected<Error> already_exists() {
  return fail(Code::AlreadyExists, "there is a group of this id already, with another beginning");
}

bool has_key(const api::Caps& caps, api::Right right, const api::CapabilityPublic& key) {
  const auto& keys = caps.of(right);
  return std::ranges::find(keys, key) != keys.end();
}

// The group, its first entry, and what they use.
void add_group(Batch& batch, const api::Entry& first, const GroupRow& row) {
  const Key key = group_key(first.group);
  batch.when.push_back({key, std::nullopt});
  batch.put.push_back({key, encode(row)});
  batch.put.push_back({entry_key(first.group, first.seq), encode(first)});
  batch.touch.push_back(key);
}

}  // namespace

Result<api::Info::Reply> Service::perform(const api::Info&, std::string_view) {
  api::Info::Reply reply;
  reply.version = api::version;
  reply.policy = options_.policy;
  reply.time_ns = clock_.now_ns();
  reply.challenge = tickets_.challenge(reply.time_ns);
  reply.invitation_needed = options_.invitations != nullptr;
  reply.grace_seconds = options_.grace_seconds;
  return reply;
}

Result<api::CreateAccount::Reply> Service::perform(const api::CreateAccount& call, std::string_view peer) {
  HF_OK(check_first_entry(call.first));
  HF_OK(check_caps(call.caps));
  const Hash first = api::entry_hash(call.first);
  const Key key = group_key(call.first.group);
  for (bool counted = false;;) {
    HF_TRY(const auto values, get({&key, 1}));
    HF_TRY(const auto there, read_row<GroupRow>(values[0]));
    if (there) {
      if (there->row.group_class != GroupClass::account || there->row.first != first) return already_exists();
      return api::CreateAccount::Reply{};
    }
    if (!counted && !sign_ups_.allow(peer)) return fail(Code::RateLimited, "too many sign-ups from this address");
    if (counted) return fail(Code::Busy, "the group was made and removed meanwhile");
    counted = true;
    HF_TRY(const bool created, sign_up(call));
    if (created) return api::CreateAccount::Reply{};
  }
}

Result<bool> Service::sign_up(const api::CreateAccount& call) {
  const GroupId& account = call.first.group;
  Batch batch;
  add_group(batch, call.first, first_row(call.first, call.caps, account, clock_.now_ns(), options_.grace_seconds));
  batch.add.push_back({bytes_used_key(account), signed_size(encode(call.first).size()), 0, options_.bytes_max});
  if (options_.invitations) {
    HF_TRY(const InvitationId invitation,
           check_invitation(*options_.invitations, options_.server_key, call.invitation.bytes, clock_.now_ns()));
    batch.when.push_back({used_invitation_key(invitation), std::nullopt});
    batch.put.push_back({used_invitation_key(invitation), encode(MarkRow())});
  }
  HF_TRY(const Outcome outcome, commit(batch));
  const bool used = outcome.refused && outcome.refused->by == Refused::By::condition && outcome.refused->index == 1;
  if (used) return fail(Code::PermissionDenied, "this invitation was used already: ask for another one");
  if (outcome.refused && outcome.refused->by == Refused::By::add) return quota_exceeded();
  if (outcome.applied()) log_.write(Level::info, "account_created", {{"group", account.short_hex()}});
  return outcome.applied();
}

Result<api::CreateGroup::Reply> Service::perform(const api::CreateGroup& call, std::string_view) {
  HF_OK(check_first_entry(call.first));
  HF_OK(check_caps(call.caps));
  HF_OK(check_attached(call.attached));
  HF_TRY(const Ticket ticket, ticket_for(call.creator, api::Right::write));
  const Hash first = api::entry_hash(call.first);
  const std::array keys{group_key(ticket.group), group_key(call.first.group)};
  for (int i = 0; i < create_tries_max; ++i) {
    HF_TRY(const auto values, get(keys));
    HF_TRY(const auto creator, group_of(values[0], ticket));
    if (creator.row.group_class != GroupClass::account) return fail(Code::NotAuthorized, "only accounts create groups");
    HF_TRY(const auto there, read_row<GroupRow>(values[1]));
    if (there) {
      const bool ours = there->row.group_class == GroupClass::shared && there->row.creator == ticket.group;
      if (!ours || there->row.first != first) return already_exists();
      return api::CreateGroup::Reply{};
    }
    HF_TRY(const bool created, create_group(call, ticket.group));
    if (created) return api::CreateGroup::Reply{};
  }
  return fail(Code::Busy, "somebody else creates this group now");
}

Result<bool> Service::create_group(const api::CreateGroup& call, const GroupId& creator) {
  const GroupId& group = call.first.group;
  const std::int64_t now_ns = clock_.now_ns();
  Batch batch;
  add_group(batch, call.first, first_row(call.first, call.caps, creator, now_ns, options_.grace_seconds));
  std::int64_t bytes = signed_size(encode(call.first).size());
  std::vector<ObjectName> written;
  const auto take_back = [&] {
    for (const ObjectName& name : written) (void)objects_.remove(name);  // else the scrub finds it
  };
  if (!call.attached.empty()) {
    const auto upload = random_.make<UploadId>();
    batch.put.push_back(
        {upload_key(group, upload),
         encode(UploadRow{.state = UploadState::published, .begun_ns = now_ns, .published_seq = call.first.seq})});
    bytes += upload_charge_bytes;
    for (const api::AttachedObject& object : call.attached) {
      const ObjectRow row{.upload = upload,
                          .stored = random_.make<StoredId>(),
                          .size = static_cast<std::uint32_t>(object.bytes.size()),
                          .sha256 = crypto::sha256(object.bytes)};
      written.push_back(stored_name(group, row.stored));
      if (auto status = store_bytes(written.back(), row.sha256, object.bytes); !status) {
        take_back();
        return pass_on(std::move(status).error());
      }
      add_object(batch, group, object.id, row);
      bytes += row.size;
    }
    batch.add.push_back({objects_used_key(creator), signed_size(call.attached.size()), 0, options_.objects_max});
  }
  batch.add.push_back({bytes_used_key(creator), bytes, 0, options_.bytes_max});
  batch.add.push_back({groups_used_key(creator), 1, 0, options_.groups_max});
  const auto outcome = commit(batch);
  // After an error nobody knows whether the batch is there: the bytes stay.
  if (!outcome) return pass_on(outcome.error());
  if (!outcome->applied()) take_back();
  if (outcome->refused && outcome->refused->by == Refused::By::add) return quota_exceeded();
  return outcome->applied();
}

Result<api::Usage::Reply> Service::perform(const api::Usage& call, std::string_view) {
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::read));
  const std::array keys{group_key(ticket.group), bytes_used_key(ticket.group), objects_used_key(ticket.group)};
  HF_TRY(const auto values, get(keys));
  HF_TRY(const auto group, group_of(values[0], ticket));
  if (group.row.group_class != GroupClass::account) return fail(Code::NotAuthorized, "only accounts have a quota");
  HF_TRY(const std::int64_t bytes, from_store(read_counter(values[1])));
  HF_TRY(const std::int64_t objects, from_store(read_counter(values[2])));
  return api::Usage::Reply{static_cast<std::uint64_t>(bytes), static_cast<std::uint64_t>(options_.bytes_max),
                           static_cast<std::uint64_t>(objects)};
}

Result<api::OpenTicket::Reply> Service::perform(const api::OpenTicket& call, std::string_view peer) {
  if (!failed_proofs_.would_allow(peer)) return fail(Code::RateLimited, "too many failed proofs from this address");
  const std::int64_t now_ns = clock_.now_ns();
  const auto proved = [&]() -> Status {
    HF_OK(tickets_.check_proof(call, now_ns));
    const Key key = group_key(call.group);
    HF_TRY(const auto values, get({&key, 1}));
    HF_TRY(const auto group, read_row<GroupRow>(values[0]));
    // The same words for an unknown group and an unknown key: who has no key learns of no group.
    if (!group || !has_key(group->row.caps, call.right, call.key))
      return fail(Code::NotAuthorized, "the key does not open this group");
    return {};
  }();
  if (!proved) {
    if (proved.error().code == Code::NotAuthorized) failed_proofs_.allow(peer);
    return pass_on(proved.error());
  }
  return api::OpenTicket::Reply{tickets_.issue(call.group, call.right, call.key, now_ns), ticket_valid_seconds};
}

}  // namespace holdfast::server
