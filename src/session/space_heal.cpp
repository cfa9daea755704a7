// A server that was put back from an older copy of itself: how much of the log it has lost, and what this device keeps
// of that, appended again (DECISIONS F6). Nobody is believed for it: the entries are as they were signed, and the head
// that this device has seen never goes back.
#include "base/reached.h"
#include "session/log_reader.h"
#include "session/rolled_back.h"
#include "session/space_records.h"
#include "session/space_session.h"

namespace holdfast::session {

Result<std::optional<api::Entry>> SpaceSession::kept_entry(std::uint64_t seq) const {
  HF_TRY(const auto kept, session_.state().get(key("entry/" + seq_key(seq))));
  if (!kept) return std::nullopt;
  HF_TRY(auto entry, decode<api::Entry>(*kept, "an entry that this device keeps"));
  return std::optional(std::move(entry));
}

Result<std::optional<Hash>> SpaceSession::kept_hash(std::uint64_t seq) const {
  if (seq == head_.seq && !empty_) return head_.hash;
  HF_TRY(const auto entry, kept_entry(seq));
  if (entry) return api::entry_hash(*entry);
  HF_TRY(const auto voided, session_.state().get(key("void/" + seq_key(seq))));
  if (voided) {
    HF_TRY(const auto hash, decode<Hash>(*voided, "the hash of an entry"));
    return hash;
  }
  HF_TRY(const auto made, session_.state().get(key("genesis")));
  if (seq != api::first_seq || !made) return std::nullopt;
  HF_TRY(const auto create, decode<api::CreateGroup>(*made, "the beginning of a space"));
  return api::entry_hash(create.first);
}

// What to say of a log that has no entry at this device's head: its beginning, or another one.
std::unexpected<Error> SpaceSession::ends_too_early(std::uint64_t server_head) {
  if (server_head == 0 || server_head >= head_.seq) return log_ends_too_early(named().name);
  const auto known = kept_hash(server_head);
  if (!known) return pass_on(known.error());
  const auto ticket = session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_);
  if (!ticket) return pass_on(ticket.error());
  const auto page = session_.server.call(Channel::capability, api::Read{*ticket, server_head});
  if (!page) return pass_on(page.error());
  if (page->entries.empty() || page->entries.front().seq != server_head) return log_ends_too_early(named().name);
  const std::uint64_t count = head_.seq - server_head;
  if (!*known) return lost_entries(count, named().name, ", more than this device keeps");
  if (api::entry_hash(page->entries.front()) != **known) return another_history(named().name);
  reached("session: the server has lost the end of a log");
  return lost_entries(count, named().name);
}

// A space that the server does not know any more is made again first, by the call that made it.
Result<api::Head::Reply> SpaceSession::server_head(Lost& lost) {
  auto ticket = session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_);
  if (!ticket && ticket.error().code == Code::NotAuthorized && !lost.space) {
    HF_TRY(const auto made, session_.state().get(key("genesis")));
    if (!made) return pass_on(ticket.error());
    HF_TRY(auto create, decode<api::CreateGroup>(*made, "the beginning of a space"));
    HF_TRY(create.creator, account_ticket(session_.server, session_.account(), api::Right::write));
    // Told before it is there again: an interruption must not hide it.
    lost = {true, api::first_seq, head_.seq};
    HF_OK(note_lost(lost, false));
    HF_OK(session_.server.call(Channel::account, create));
    reached("session: a space that the server has lost is made again");
    ticket = session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_);
  }
  HF_TRY(const auto held, ticket);
  return session_.server.call(Channel::capability, api::Head{held});
}

// What it retired stays until all is there again (heal.h); what it brought back must not be freed meanwhile.
Status SpaceSession::append_as_it_is(const api::Entry& entry) {
  Draft draft;
  HF_TRY(const auto sealed, decode<space::SealedCommit>(entry.blob, "a commit"));
  if (const space::EpochKeys* keys = epoch_keys(sealed.epoch); keys != nullptr && may_maintain()) {
    HF_TRY(const auto plain, space::open_commit(entry, sealed, *keys));
    const auto& back = plain.body.unretire;
    HF_OK(stat(back, [&](std::size_t i, const api::ObjectStatus& object) {
      if (object.state == api::ObjectState::retired) draft.unretire.push_back(back[i]);
    }));
  }
  HF_TRY(const auto reply, append(entry, {entry.seq - 1, entry.prev}, draft));
  if (std::holds_alternative<api::Append::Appended>(reply.outcome)) {
    reached("session: an entry that the server had lost is appended again");
    return {};
  }
  return fail(Code::Behind, "somebody else appended to the space's log meanwhile", named().name);
}

Status SpaceSession::append_lost(Lost& lost) {
  for (std::uint64_t last_head = 0;;) {
    HF_TRY(const auto server, server_head(lost));
    if (server.head_seq >= head_.seq) return {};  // refresh() tells whether it is the same log
    if (!may_write()) return fail(Code::NotAuthorized, "this account may only read the space", named().name);
    if (server.head_seq <= last_head)
      return fail(Code::Tampered, "the server takes entries of the space's log, and does not have them", named().name);
    last_head = server.head_seq;

    HF_TRY(const auto known, kept_hash(server.head_seq));
    const bool is_there = server.last_link.seq == server.head_seq;
    if (!is_there || (known && api::entry_hash(server.last_link) != *known)) return another_history(named().name);
    for (std::uint64_t seq = server.head_seq + 1; seq <= head_.seq; ++seq) {
      HF_TRY(const auto entry, kept_entry(seq));
      if (!known || !entry)
        return lost_entries(
            head_.seq - server.head_seq, named().name,
            ", and this device does not keep number " + std::to_string(known ? seq : server.head_seq) + " as it was");
    }
    if (lost.from == 0 || server.head_seq + 1 < lost.from) lost.from = server.head_seq + 1;
    lost.to = head_.seq;
    HF_OK(note_lost(lost, false));
    for (std::uint64_t seq = server.head_seq + 1; seq <= head_.seq; ++seq) {
      HF_TRY(const auto entry, kept_entry(seq));
      if (!entry) return fail(Code::Missing, "this device has lost an entry that it kept", named().name);
      const Status appended = append_as_it_is(*entry);
      if (!appended && appended.error().code != Code::Behind) return appended;
      if (!appended) break;  // perhaps another device does the same: look again
    }
  }
}

// One event for each healing, however often it was begun.
Status SpaceSession::note_lost(const Lost& lost, bool done) {
  Event event{EventKind::server_lost_entries, session_.doors.clock.now_ns(), named().name, lost.from, lost.to, done};
  HF_TRY(const auto before, unhealed());
  if (before) {
    event.time_ns = before->time_ns;
    event.from = std::min(before->from, lost.from);
  }
  Change change;
  HF_OK(put_event(session_.state(), event, change));
  return session_.state().apply(change);
}

Result<std::optional<Event>> SpaceSession::unhealed() const {
  return open_event(session_.state(), EventKind::server_lost_entries, named().name);
}

Result<std::unique_ptr<SpaceSession>> SpaceSession::open_and_append_lost(Session& session, ListedSpace listed,
                                                                         Lost& lost) {
  std::unique_ptr<SpaceSession> space(new SpaceSession(session, std::move(listed)));
  HF_TRY(const bool seen, space->load());
  if (seen) {
    HF_OK(space->append_lost(lost));
  } else {
    HF_OK(space->open_first());
  }
  HF_OK(space->refresh());
  HF_OK(space->drop_intents());
  return space;
}

}  // namespace holdfast::session
