// The log of a space as the server shows it: each entry is verified, and what it changes is stored before the next.
#include "base/reached.h"
#include "session/log_reader.h"
#include "session/rolled_back.h"
#include "session/space_records.h"
#include "session/space_session.h"

namespace holdfast::session {

namespace {

constexpr std::size_t alarms_max = 100;
constexpr std::size_t voids_max = 1000;  // that one verb reads

}  // namespace

Status SpaceSession::refresh() {
  const Status read = read_on();
  if (!alarms_.empty()) session_.alarms[named().name] = alarms_;
  return read;
}

Status SpaceSession::read_on() {
  for (;;) {
    const auto opened = session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_);
    if (!opened && opened.error().code == Code::NotAuthorized && !empty_)
      return does_not_know("a space that this device has seen on it", named().name);
    HF_TRY(const auto ticket, opened);
    // From the last one that is known, so that a shorter or another log shows at once.
    const std::uint64_t from = empty_ ? 0 : head_.seq;
    HF_TRY(const auto page, session_.server.call(Channel::capability, api::Read{ticket, from}));
    if (page.entries.empty()) return ends_too_early(page.head_seq);
    std::size_t at = 0;
    if (!empty_) {
      const api::Entry& again = page.entries.front();
      if (again.seq != head_.seq || api::entry_hash(again) != head_.hash) return another_history(named().name);
      at = 1;
    }
    for (; at < page.entries.size(); ++at) {
      HF_OK(take(page.entries[at]));
      if (head_.seq != page.entries[at].seq) break;  // taken over from another verb, and further on
    }
    HF_TRY(const auto stored, session_.state().get(key("view")));
    if (stored != view_) {
      HF_OK(catch_up(head_));
      continue;
    }
    if (head_.seq >= page.head_seq) return {};
    if (page.entries.size() == 1 && !empty_ && page.entries.front().seq == head_.seq && page.head_seq > head_.seq &&
        from == head_.seq && at == 1)
      return fail(Code::Missing, "the server says that the space has newer commits, and does not give them",
                  named().name);
  }
}

Status SpaceSession::check_position(const api::Entry& entry) const {
  const bool follows = empty_ ? entry.seq == api::first_seq && entry.prev.is_zero()
                              : entry.seq == head_.seq + 1 && entry.prev == head_.hash;
  if (entry.group != group_of(id()) || entry.kind != api::EntryKind::link || !follows)
    return fail(Code::Tampered, "an entry of the space's log does not follow the one before it", named().name);
  return {};
}

// Bytes that differ from what vouches for them stop us; an entry that is in its place and does not count is void (D8).
Status SpaceSession::take(const api::Entry& entry) {
  HF_OK(check_position(entry));
  const bool genesis = empty_;
  auto plain = open_valid(*this, entry, genesis ? std::nullopt : std::optional(place_of(*this)));
  if (!plain && genesis) return pass_on(plain.error());
  if (plain) {
    HF_OK(check_counter(plain->body.author));
    if (plain->body.kind == space::CommitKind::prune) ++prunes_seen_;
    HF_OK(store(entry, &*plain, nullptr));
  } else {
    reached("session: void commit");
    if (++voids_seen_ > voids_max)
      return fail(Code::Tampered, "the space's log is being filled with entries that count for nothing", named().name);
    const Alarm alarm{entry.seq, std::string(name_of(plain.error().code)), plain.error().sentence};
    HF_OK(store(entry, nullptr, &alarm));
  }
  return {};
}

// A commit of this device that it does not remember: its home was put back from an older copy, or there are two of it
// (D22). Nothing of the copy's is repeated by itself (drop_intents()), and the numbers go on behind the newest.
Status SpaceSession::check_counter(const space::Author& author) {
  if (author.device != session_.account().profile.device) return {};
  for (;;) {
    HF_TRY(const auto held, session_.state().get("counter"));
    std::uint64_t known = 0;
    if (held) {
      HF_TRY(known, decode<std::uint64_t>(*held, "a number of this device's state"));
    }
    if (author.counter <= known) return {};
    reached("session: a commit of this device that it does not remember");
    Event event{EventKind::device_is_older, session_.doors.clock.now_ns(), named().name, known, author.counter, true};
    auto& met = session_.events;
    const bool goes_on = !met.empty() && met.back().space == event.space && met.back().to == known;
    if (goes_on) {
      event = met.back();
      event.to = author.counter;
    }
    Change change{{{"counter", encode(author.counter)}}, {}};
    HF_OK(put_event(session_.state(), event, change));
    HF_TRY(const bool stored, session_.state().apply_if("counter", held, change));
    if (!stored) continue;
    if (goes_on) met.pop_back();
    met.push_back(std::move(event));
    return {};
  }
}

Status SpaceSession::store(const api::Entry& entry, const space::CommitPlain* valid, const Alarm* alarm) {
  Change change;
  const api::Position head{entry.seq, api::entry_hash(entry)};
  space::SpaceState state = state_;
  std::int64_t checkpoint_time = checkpoint_time_ns_;
  ObjectId boxes = boxes_;
  if (valid != nullptr) {
    const space::CommitBody& body = valid->body;
    state = body.state;
    const LogPlace after = place_after(body, head);
    state.membership = after.membership;
    state.checkpoint_seq = after.checkpoint_seq;
    if (body.kind == space::CommitKind::genesis) {
      boxes = body.new_epoch->boxes_object;
      checkpoint_time = body.time_ns;
      HF_TRY(const auto first, session_.state().get(key("boxes/first")));
      if (!first) return fail(Code::Missing, "this device has lost the key boxes of a space", id().short_hex());
      HF_OK(space::verify_epoch(*secrets_, *first, *body.new_epoch));
      change.put.emplace_back(key("boxes/" + boxes.hex()), *first);
    }
    if (body.checkpoint) checkpoint_time = body.time_ns;
    if (!body.inlined.empty()) {
      const std::string name = key("inlined/" + seq_key(entry.seq));
      change.put.emplace_back(name, session_.seal_local(name, encode(InlinedChunks{body.inlined})));
    }
    if (state.inline_floor > state_.inline_floor)
      for (std::uint64_t seq = state_.inline_floor; seq < state.inline_floor; ++seq)
        change.erase.push_back(key("inlined/" + seq_key(seq)));
  }
  std::vector<Alarm> alarms = alarms_;
  if (alarm != nullptr && alarms.size() < alarms_max) alarms.push_back(*alarm);

  // Of what counts for nothing the hash is enough: it is the server that could make it long.
  if (valid != nullptr) {
    change.put.emplace_back(key("entry/" + seq_key(entry.seq)), encode(entry));
    change.erase.push_back(key("intent/" + head.hash.hex()));
  } else {
    change.put.emplace_back(key("void/" + seq_key(entry.seq)), encode(head.hash));
  }
  for (std::uint64_t seq = kept_from(head_.seq, state_.checkpoint_seq); seq < kept_from(head.seq, state.checkpoint_seq);
       ++seq)
    for (const std::string_view kind : {"entry/", "void/"}) change.erase.push_back(key(kind) + seq_key(seq));
  Bytes view = encode(View{head, boxes, secrets_->epoch, state, checkpoint_time, alarms});
  change.put.emplace_back(key("view"), view);
  HF_TRY(const bool stored, session_.state().apply_if(key("view"), view_, change));
  if (!stored) return catch_up(head);
  view_ = std::move(view);

  if (state.inline_floor > state_.inline_floor) {
    inlined_.clear();
    inlined_commits_ = inlined_bytes_ = 0;
  }
  if (valid != nullptr && !valid->body.inlined.empty()) {
    ++inlined_commits_;
    for (const auto& chunk : valid->body.inlined) {
      inlined_bytes_ += chunk.bytes.size();
      inlined_.insert_or_assign(space::chunk_id(root_keys_->chunk_id, chunk.kind, chunk.bytes), chunk.bytes);
    }
  }
  head_ = head;
  empty_ = false;
  boxes_ = boxes;
  state_ = std::move(state);
  checkpoint_time_ns_ = checkpoint_time;
  alarms_ = std::move(alarms);
  return {};
}

// Another verb of this process has read on: this one goes on from there, if both were shown one log. The view that is
// stored never goes back.
Status SpaceSession::catch_up(const api::Position& own) {
  reached("session: another verb was faster");
  HF_OK(check_kept(own));
  const std::uint64_t before = empty_ ? 0 : head_.seq;
  HF_TRY(const bool seen, load());
  if (!seen) return fail(Code::Missing, "this device has lost its view of a space", named().name);
  if (head_.seq < own.seq)
    return fail(Code::RolledBack, "this device's view of the space is older than what it has read", named().name);
  return count_prunes(before, head_.seq);
}

// What is not kept can't be compared: what the other verb has verified counts.
Status SpaceSession::check_kept(const api::Position& own) {
  HF_TRY(const auto kept, kept_hash(own.seq));
  return !kept || *kept == own.hash
             ? Status()
             : fail(Code::Forked, "the server shows two histories of the space to two commands of this device",
                    named().name);
}

// Of the entries after `from`, up to `to`. One that is not kept any more may have been a prune.
Status SpaceSession::count_prunes(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t seq = from + 1; seq <= to; ++seq) {
    HF_TRY(const auto entry, kept_entry(seq));
    if (!entry) {
      HF_TRY(const auto voided, kept_hash(seq));
      if (!voided) ++prunes_seen_;
      continue;
    }
    HF_TRY(const auto sealed, decode<space::SealedCommit>(entry->blob, "a commit"));
    HF_TRY(const auto plain, space::open_commit(*entry, sealed, epoch_keys()));
    if (plain.body.kind == space::CommitKind::prune) ++prunes_seen_;
  }
  return {};
}

}  // namespace holdfast::session
