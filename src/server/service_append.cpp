// Append: the one transaction (DECISIONS F1, F2, D11, D18). Head, uploads, object states, capability keys and quota
// change together in one batch, or nothing does.
#include "base/reached.h"
#include "server/service.h"
#include "server/service_checks.h"

namespace holdfast::server {

namespace {

using api::Append;
using api::EntryKind;
using api::ObjectState;
using api::Right;

// A try is lost only to another append that won.
constexpr int append_tries_max = 64;

struct Rights {
  bool write = false, maintain = false, admin = false;
};

Rights rights_of(const std::vector<Ticket>& tickets) {
  const auto has = [&](Right right) {
    return std::ranges::any_of(tickets, [&](const Ticket& ticket) { return ticket.right == right; });
  };
  return {has(Right::write), has(Right::maintain), has(Right::admin)};
}

Status check_rights(const Append& call, const std::vector<Ticket>& tickets, const api::Caps& caps) {
  for (const Ticket& ticket : tickets)
    if (!holds(caps, ticket)) return fail(Code::NotAuthorized, "the ticket's key does not count in this group");
  const Rights rights = rights_of(tickets);
  const auto refused = [](std::string_view why) { return fail(Code::NotAuthorized, std::string(why)); };
  if (!rights.write && !rights.admin) return refused("appending needs the right to write");
  if (!call.retire.empty() && !rights.maintain) return refused("retiring needs the right to maintain");
  if (!call.unretire.empty() && !rights.maintain && !rights.admin)
    return refused("bringing back needs the right to maintain");
  if (call.caps && !rights.admin && (call.caps->maintain != caps.maintain || call.caps->admin != caps.admin))
    return refused("only admins set the keys of maintain and admin");
  return {};
}

}  // namespace

Result<Append::Reply> Service::perform(const Append& call, std::string_view) {
  HF_OK(check_append(call));
  for (int i = 0; i < append_tries_max; ++i) {
    HF_TRY(auto reply, try_append(call));
    if (reply) return std::move(*reply);
    reached("server: an append lost a race and looks again");
  }
  return fail(Code::Busy, "too many others append to this log now");
}

// Nullopt: something changed under us.
Result<std::optional<Append::Reply>> Service::try_append(const Append& call) {
  const api::Entry& entry = call.entry;
  const GroupId& group = entry.group;
  const std::int64_t now_ns = clock_.now_ns();
  std::vector<Ticket> tickets;
  for (const api::TicketBytes& bytes : call.tickets) {
    HF_TRY(tickets.emplace_back(), tickets_.read(bytes, now_ns));
    if (tickets.back().group != group) return fail(Code::NotAuthorized, "the ticket is of another group");
  }
  const bool is_note = entry.kind == EntryKind::note;
  const std::array keys{group_key(group), is_note ? note_key(group, entry.note_id) : entry_key(group, entry.seq)};
  HF_TRY(const auto values, get(keys));
  HF_TRY(const auto row, read_row<GroupRow>(values[0]));
  if (!row) return fail(Code::NotAuthorized, "the ticket's key does not count in this group");

  // A repeated call is answered before its rights are: the first one may have switched the keys. It tells nobody
  // anything, as its whole entry must be known.
  std::optional<Stored<NoteRow>> note;
  if (is_note) {
    HF_TRY(note, read_row<NoteRow>(values[1]));
    if (note && now_ns - note->row.time_ns < note_remembered_ns) return Append::Reply{Append::Appended{note->row.seq}};
  } else if (values[1] && entry.seq <= row->row.head_seq) {
    HF_TRY(const auto there, decode_entry(*values[1]));
    if (there.kind == EntryKind::link && api::entry_hash(there) == api::entry_hash(entry))
      return Append::Reply{Append::Appended{entry.seq}};
  }
  HF_OK(check_rights(call, tickets, row->row.caps));

  const api::Position& last = row->row.last_link;
  const bool follows = is_note ? entry.fence == last.seq : entry.seq == row->row.head_seq + 1 && call.expect == last;
  if (!follows) return behind(call, row->row);

  AppendBatch plan{{}, row->row.head_seq + 1, now_ns, row->row.grace_seconds};
  HF_TRY(const auto gone, plan_publish(call, plan));
  if (gone) return Append::Reply{Append::UploadGone{*gone}};
  HF_OK(plan_states(call, plan));
  plan_entry(call, *row, note ? std::optional(note->hash) : std::nullopt, plan);
  HF_TRY(const Outcome outcome, commit(plan.batch));
  if (outcome.applied()) return Append::Reply{Append::Appended{plan.seq}};
  if (outcome.refused->by == Refused::By::add) return quota_exceeded();
  return std::optional<Append::Reply>();
}

Result<Append::Reply> Service::behind(const Append& call, const GroupRow& row) {
  const std::uint64_t known = call.entry.kind == EntryKind::note ? call.entry.fence : call.expect.seq;
  HF_TRY(auto since, entries_after(call.entry.group, known, row.head_seq));
  return Append::Reply{Append::Behind{row.head_seq, row.last_link, std::move(since)}};
}

// The first upload that is not open.
Result<std::optional<UploadId>> Service::plan_publish(const Append& call, AppendBatch& plan) {
  const GroupId& group = call.entry.group;
  std::vector<Key> keys;
  keys.reserve(call.publish.size());
  for (const UploadId& upload : call.publish) keys.push_back(upload_key(group, upload));
  HF_TRY(const auto values, get(keys));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    HF_TRY(auto upload, read_row<UploadRow>(values[i]));
    if (!upload || upload->row.state != UploadState::open) return call.publish[i];
    upload->row.state = UploadState::published;
    upload->row.published_seq = plan.seq;
    plan.batch.when.push_back({keys[i], upload->hash});
    plan.batch.put.push_back({keys[i], encode(upload->row)});
  }
  return std::optional<UploadId>();
}

// What is already as it is wanted stays: a repeated retire neither shortens nor prolongs the grace.
Status Service::plan_states(const Append& call, AppendBatch& plan) {
  const GroupId& group = call.entry.group;
  std::vector<ObjectId> ids = call.retire;
  ids.insert(ids.end(), call.unretire.begin(), call.unretire.end());
  HF_TRY(const auto known, known_objects(group, ids));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (known[i].state == ObjectState::unknown)
      return fail(Code::Missing, "an object to retire or bring back is not there");
    const bool retire = i < call.retire.size();
    const Key key = retired_key(group, ids[i]);
    if (retire && known[i].state == ObjectState::live) {
      plan.batch.when.push_back({key, std::nullopt});
      plan.batch.put.push_back({key, encode(RetiredRow{.seq = plan.seq, .time_ns = plan.now_ns})});
      const std::int64_t due_ns = plan.now_ns + plan.grace_seconds * second_ns;
      plan.batch.put.push_back({timer_key({due_ns, group, TimerKind::retired, ids[i].bytes}), encode(MarkRow{})});
    } else if (!retire && known[i].state == ObjectState::retired) {
      // Its timer goes with it: else retiring and bringing back by turns fills the store with timers that no quota
      // counts.
      const std::int64_t due_ns = known[i].retired->row.time_ns + plan.grace_seconds * second_ns;
      plan.batch.when.push_back({key, known[i].retired->hash});
      plan.batch.erase.push_back(key);
      plan.batch.erase.push_back(timer_key({due_ns, group, TimerKind::retired, ids[i].bytes}));
    }
  }
  return {};
}

void Service::plan_entry(const Append& call, const Stored<GroupRow>& row, const std::optional<Hash>& old_note,
                         AppendBatch& plan) {
  const GroupId& group = call.entry.group;
  api::Entry entry = call.entry;
  entry.seq = plan.seq;
  GroupRow next = row.row;
  next.head_seq = plan.seq;
  if (entry.kind == EntryKind::link) {
    next.last_link = {plan.seq, api::entry_hash(entry)};
  } else {
    const Key key = note_key(group, entry.note_id);
    plan.batch.when.push_back({key, old_note});
    plan.batch.put.push_back({key, encode(NoteRow{.seq = plan.seq, .time_ns = plan.now_ns})});
    plan.batch.put.push_back(
        {timer_key({plan.now_ns + note_remembered_ns, group, TimerKind::note, entry.note_id.bytes}),
         encode(MarkRow{})});
  }
  if (call.caps) next.caps = *call.caps;
  Bytes value = encode(entry);
  const Key key = group_key(group);
  plan.batch.add.push_back({bytes_used_key(next.creator), static_cast<std::int64_t>(value.size()), 0,
                            options_.bytes_max + log_headroom_bytes});
  plan.batch.when.push_back({key, row.hash});
  plan.batch.put.push_back({key, encode(next)});
  plan.batch.put.push_back({entry_key(group, plan.seq), std::move(value)});
  plan.batch.touch.push_back(key);
}

}  // namespace holdfast::server
