#include "session/space_session.h"

#include "base/reached.h"

namespace holdfast::session {

namespace {

constexpr std::uint64_t checkpoint_commits = 512;
constexpr std::int64_t checkpoint_age_ns = 24 * 3600 * second_ns;
constexpr std::size_t alarms_max = 100;
constexpr std::size_t voids_max = 1000;  // that one verb reads

// What the device keeps of a space between two verbs: "space/<id>/view".
struct View {
  api::Position head;
  ObjectId boxes;
  std::uint32_t epoch = 0;
  space::SpaceState state;
  std::int64_t checkpoint_time_ns = 0;
  std::vector<Alarm> alarms;
  HOLDFAST_WIRE(head, boxes, epoch, state, checkpoint_time_ns, alarms)
};

// "space/<id>/intent/<entry hash>": a commit that was sealed and may or may not have been appended. Cleared together
// with what reading its entry writes, whichever verb reads it; so what is left is not in the log up to the view's head.
struct Intent {
  api::Entry entry;
  std::vector<UploadId> publish;
  HOLDFAST_WIRE(entry, publish)
};

struct InlinedChunks {  // sealed: the home space's hold keys
  std::vector<space::InlineChunk> chunks;
  HOLDFAST_WIRE(chunks)
};

// Of a time that somebody else's clock stated, and that may be anything.
std::int64_t age_ns(std::int64_t then, std::int64_t now) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then));
}

std::string number(std::uint64_t seq) { return to_hex(encode(seq)); }

std::unique_ptr<crypto::Ed25519Key> key_from(const std::optional<crypto::Ed25519Seed>& seed) {
  return seed ? std::make_unique<crypto::Ed25519Key>(*seed) : nullptr;
}

}  // namespace

std::string SpaceSession::key(std::string_view kind) const {
  return "space/" + listing_.space.hex() + "/" + std::string(kind);
}

const space::EpochKeys* SpaceSession::epoch_keys(std::uint32_t epoch) const {
  return epoch < epochs_.size() ? epochs_[epoch].get() : nullptr;
}

Status SpaceSession::use_secrets(space::SpaceSecrets secrets) {
  if (!secrets.capabilities.read)
    return fail(Code::Tampered, "the space's key boxes hold no read key", listing_.space.short_hex());
  root_keys_ = std::make_unique<space::RootKeys>(secrets.root, secrets.space);
  epochs_.clear();
  for (std::uint32_t e = 0; e < secrets.epochs.size(); ++e)
    epochs_.push_back(std::make_unique<space::EpochKeys>(secrets.epochs[e], secrets.space, e));
  read_ = key_from(secrets.capabilities.read);
  write_ = key_from(secrets.capabilities.write);
  maintain_ = key_from(secrets.capabilities.maintain);
  admin_ = key_from(secrets.capabilities.admin);
  secrets_ = std::make_unique<space::SpaceSecrets>(std::move(secrets));
  return {};
}

Result<std::unique_ptr<SpaceSession>> SpaceSession::open(Session& session, SpaceListing listing) {
  std::unique_ptr<SpaceSession> space(new SpaceSession(session, std::move(listing)));
  HF_TRY(const bool seen, space->load());
  if (!seen) HF_OK(space->open_first());
  HF_OK(space->refresh());
  HF_OK(space->drop_intents());
  return space;
}

Result<bool> SpaceSession::load() {
  for (;;) {
    HF_TRY(const bool seen, load_view());
    if (!seen) return false;
    HF_TRY(const bool above, has_entries_above_head());
    if (!above) return true;
    HF_TRY(const auto now, session_.state().get(key("view")));
    if (now == view_)
      return fail(Code::RolledBack, "this device's view of the space is older than what it has read", listing_.name);
  }
}

// Entries and view are written together: what stands above the view's head was read, and then forgotten.
Result<bool> SpaceSession::has_entries_above_head() {
  bool above = false;
  for (const std::string_view kind : {"entry/", "void/"}) {
    const std::string prefix = key(kind), head = prefix + number(head_.seq);
    HF_OK(session_.state().scan(prefix, [&](std::string_view name, ByteView) { above = above || name > head; }));
  }
  return above;
}

Result<bool> SpaceSession::load_view() {
  HF_TRY(const auto bytes, session_.state().get(key("view")));
  if (!bytes) return false;
  HF_TRY(auto view, decode<View>(*bytes, "this device's view of a space"));
  if (!secrets_ || boxes_ != view.boxes || secrets_->epoch != view.epoch) {
    HF_TRY(const auto boxes, session_.state().get(key("boxes/" + view.boxes.hex())));
    if (!boxes) return fail(Code::Missing, "this device has lost the key boxes of a space", listing_.space.short_hex());
    const space::SlotReader reader = session_.account().slot_reader(listing_.slot_key);
    HF_TRY(auto secrets, space::open_epoch(listing_.space, *boxes, reader, nullptr));
    if (secrets.epoch != view.epoch)
      return fail(Code::Malformed, "this device's view of a space does not fit its keys", listing_.space.short_hex());
    HF_OK(use_secrets(std::move(secrets)));
  }
  view_ = bytes;
  head_ = view.head;
  empty_ = false;
  boxes_ = view.boxes;
  state_ = std::move(view.state);
  checkpoint_time_ns_ = view.checkpoint_time_ns;
  alarms_ = std::move(view.alarms);
  HF_OK(load_inlined());
  return true;
}

Status SpaceSession::load_inlined() {
  inlined_.clear();
  inlined_commits_ = inlined_bytes_ = 0;
  std::vector<std::pair<std::string, Bytes>> boxes;
  HF_OK(session_.state().scan(key("inlined/"), [&](std::string_view name, ByteView box) {
    boxes.emplace_back(std::string(name), to_bytes(box));
  }));
  for (const auto& [name, box] : boxes) {
    HF_TRY(const Bytes plain, session_.open_local(name, box));
    HF_TRY(auto inlined, decode<InlinedChunks>(plain, "chunks that this device keeps"));
    ++inlined_commits_;
    for (auto& chunk : inlined.chunks) {
      inlined_bytes_ += chunk.bytes.size();
      const ChunkId id = space::chunk_id(root_keys_->chunk_id, chunk.kind, chunk.bytes);
      inlined_.insert_or_assign(id, std::move(chunk.bytes));
    }
  }
  return {};
}

// Everything from the genesis on; the space's id vouches for it.
Status SpaceSession::open_first() {
  // The read capability is in the boxes, and the boxes are on the server: only who made the space, or was given its
  // listing with the boxes, has been here before.
  HF_TRY(const auto boxes, session_.state().get(key("boxes/first")));
  if (!boxes) return fail(Code::NotFound, "this device has no keys of the space", listing_.space.short_hex());
  const space::SlotReader reader = session_.account().slot_reader(listing_.slot_key);
  HF_TRY(auto secrets, space::open_epoch(listing_.space, *boxes, reader, nullptr));
  HF_OK(use_secrets(std::move(secrets)));
  return {};
}

Result<std::pair<ObjectId, Bytes>> SpaceSession::boxes() const {
  HF_TRY(auto bytes, session_.state().get(key("boxes/" + boxes_.hex())));
  if (!bytes) return fail(Code::Missing, "this device has lost the key boxes of a space", listing_.space.short_hex());
  return std::pair(boxes_, *std::move(bytes));
}

Status SpaceSession::check_log() {
  api::Position last;
  while (last.seq < head_.seq) {
    HF_TRY(const auto ticket, session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_));
    HF_TRY(const auto page, session_.server.call(Channel::capability, api::Read{ticket, last.seq + 1}));
    if (page.entries.empty())
      return fail(Code::RolledBack, "the server's log of the space ends before what this device has seen",
                  listing_.name);
    for (const api::Entry& entry : page.entries) {
      if (last.seq >= head_.seq) break;
      const bool follows = entry.seq == last.seq + 1 && entry.prev == last.hash;  // nothing is trimmed yet
      last = {entry.seq, api::entry_hash(entry)};
      if (!follows || entry.group != group_of(id()) || (last.seq >= head_.seq && last != head_))
        return fail(Code::Tampered, "the server's log of the space is not the one that this device has read",
                    listing_.name + ", entry " + std::to_string(entry.seq));
    }
  }
  return {};
}

Status SpaceSession::refresh() {
  const Status read = read_on();
  if (!alarms_.empty()) session_.alarms[listing_.name] = alarms_;
  return read;
}

Status SpaceSession::read_on() {
  for (;;) {
    HF_TRY(const auto ticket, session_.server.ticket(Channel::capability, group_of(id()), api::Right::read, *read_));
    // From the last one that is known, so that a shorter or another log shows at once.
    const std::uint64_t from = empty_ ? 0 : head_.seq;
    HF_TRY(const auto page, session_.server.call(Channel::capability, api::Read{ticket, from}));
    if (page.entries.empty())
      return fail(Code::RolledBack, "the server's copy of the space ends before what this device has seen",
                  listing_.name, "everything that this device has");
    std::size_t at = 0;
    if (!empty_) {
      const api::Entry& again = page.entries.front();
      if (again.seq != head_.seq || api::entry_hash(again) != head_.hash)
        return fail(Code::Forked, "the server shows another history of the space than this device has seen",
                    listing_.name);
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
                  listing_.name);
  }
}

Status SpaceSession::check_position(const api::Entry& entry) const {
  const bool follows = empty_ ? entry.seq == api::first_seq && entry.prev.is_zero()
                              : entry.seq == head_.seq + 1 && entry.prev == head_.hash;
  if (entry.group != group_of(id()) || entry.kind != api::EntryKind::link || !follows)
    return fail(Code::Tampered, "an entry of the space's log does not follow the one before it", listing_.name);
  return {};
}

Result<space::CommitPlain> SpaceSession::open_valid(const api::Entry& entry) {
  HF_TRY(const auto sealed, decode<space::SealedCommit>(entry.blob, "a commit"));
  HF_TRY(auto plain, space::open_commit(entry, sealed, epoch_keys()));
  const Account& account = session_.account();
  if (plain.body.author.account != account.profile.account)
    return fail(Code::NotAuthorized, "a commit is by an account that is not a member",
                plain.body.author.account.short_hex());
  if (empty_) HF_OK(space::verify_genesis(plain, id(), secrets_->root));
  HF_OK(space::verify_commit(plain, {secrets_->members, account.chain, account.chain.n}));
  // Who removes or checkpoints says where the last ones were; a later commit can't rewrite that (D6).
  if (!empty_ &&
      (plain.body.state.membership != state_.membership || plain.body.state.checkpoint_seq != state_.checkpoint_seq))
    return fail(Code::NotAuthorized, "a commit names another membership commit or checkpoint than the log has");
  return plain;
}

// Bytes that differ from what vouches for them stop us; an entry that is in its place and does not count is void (D8).
Status SpaceSession::take(const api::Entry& entry) {
  HF_OK(check_position(entry));
  const bool genesis = empty_;
  auto plain = open_valid(entry);
  if (!plain && genesis) return pass_on(plain.error());
  if (plain) {
    if (plain->body.kind == space::CommitKind::prune) ++prunes_seen_;
    HF_OK(store(entry, &*plain, nullptr));
  } else {
    reached("session: void commit");
    if (++voids_seen_ > voids_max)
      return fail(Code::Tampered, "the space's log is being filled with entries that count for nothing", listing_.name);
    const Alarm alarm{entry.seq, std::string(name_of(plain.error().code)), plain.error().sentence};
    HF_OK(store(entry, nullptr, &alarm));
  }
  return {};
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
    if (body.kind == space::CommitKind::genesis) {
      boxes = body.new_epoch->boxes_object;
      checkpoint_time = body.time_ns;
      state.membership = head;
      HF_TRY(const auto first, session_.state().get(key("boxes/first")));
      if (!first)
        return fail(Code::Missing, "this device has lost the key boxes of a space", listing_.space.short_hex());
      HF_OK(space::verify_epoch(*secrets_, *first, *body.new_epoch));
      change.put.emplace_back(key("boxes/" + boxes.hex()), *first);
    }
    if (body.checkpoint) {
      state.checkpoint_seq = entry.seq;
      checkpoint_time = body.time_ns;
    }
    if (!body.inlined.empty()) {
      const std::string name = key("inlined/" + number(entry.seq));
      change.put.emplace_back(name, session_.seal_local(name, encode(InlinedChunks{body.inlined})));
    }
    if (state.inline_floor > state_.inline_floor)
      for (std::uint64_t seq = state_.inline_floor; seq < state.inline_floor; ++seq)
        change.erase.push_back(key("inlined/" + number(seq)));
  }
  std::vector<Alarm> alarms = alarms_;
  if (alarm != nullptr && alarms.size() < alarms_max) alarms.push_back(*alarm);

  // Kept above the last checkpoint, so that a server restored from an older copy can be healed (F6). Of what counts for
  // nothing the hash is enough: it is the server that could make it long.
  if (valid != nullptr) {
    change.put.emplace_back(key("entry/" + number(entry.seq)), encode(entry));
    change.erase.push_back(key("intent/" + head.hash.hex()));
  } else {
    change.put.emplace_back(key("void/" + number(entry.seq)), encode(head.hash));
  }
  if (state.checkpoint_seq > state_.checkpoint_seq)
    for (std::uint64_t seq = state_.checkpoint_seq; seq < state.checkpoint_seq; ++seq)
      for (const std::string_view kind : {"entry/", "void/"}) change.erase.push_back(key(kind) + number(seq));
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
  if (!seen) return fail(Code::Missing, "this device has lost its view of a space", listing_.name);
  if (head_.seq < own.seq)
    return fail(Code::RolledBack, "this device's view of the space is older than what it has read", listing_.name);
  return count_prunes(before, head_.seq);
}

// Below the last checkpoint nothing is kept to compare with: what the other verb has verified counts.
Status SpaceSession::check_kept(const api::Position& own) {
  HF_TRY(const auto kept, session_.state().get(key("entry/" + number(own.seq))));
  HF_TRY(const auto voided, session_.state().get(key("void/" + number(own.seq))));
  bool same = true;
  if (kept) {
    HF_TRY(const auto entry, decode<api::Entry>(*kept, "an entry that this device keeps"));
    same = api::entry_hash(entry) == own.hash;
  } else if (voided) {
    same = *voided == encode(own.hash);
  }
  return same ? Status()
              : fail(Code::Forked, "the server shows two histories of the space to two commands of this device",
                     listing_.name);
}

// Of the entries after `from`, up to `to`. One that is not kept any more may have been a prune.
Status SpaceSession::count_prunes(std::uint64_t from, std::uint64_t to) {
  for (std::uint64_t seq = from + 1; seq <= to; ++seq) {
    HF_TRY(const auto kept, session_.state().get(key("entry/" + number(seq))));
    if (!kept) {
      HF_TRY(const auto voided, session_.state().get(key("void/" + number(seq))));
      if (!voided) ++prunes_seen_;
      continue;
    }
    HF_TRY(const auto entry, decode<api::Entry>(*kept, "an entry that this device keeps"));
    HF_TRY(const auto sealed, decode<space::SealedCommit>(entry.blob, "a commit"));
    HF_TRY(const auto plain, space::open_commit(entry, sealed, epoch_keys()));
    if (plain.body.kind == space::CommitKind::prune) ++prunes_seen_;
  }
  return {};
}

// What a crash has left before its append, or behind somebody else's: whoever wanted it makes it anew.
Status SpaceSession::drop_intents() {
  std::vector<std::string> names;
  HF_OK(session_.state().scan(key("intent/"), [&](std::string_view name, ByteView) { names.emplace_back(name); }));
  Change change;
  for (const std::string& name : names) {
    if (!Claim(*session_.shared.claims, name).held()) continue;  // a verb of this process is at it
    change.erase.push_back(name);
    reached("session: intent dropped");
  }
  return change.erase.empty() ? Status() : session_.state().apply(change);
}

std::function<const crypto::PackKey*(std::uint32_t)> SpaceSession::index_keys() const {
  return [this](std::uint32_t epoch) -> const crypto::PackKey* {
    const space::EpochKeys* keys = epoch_keys(epoch);
    return keys == nullptr ? nullptr : &keys->index;
  };
}

Status SpaceSession::follow_index() { return index_.follow(session_, id(), state_, *read_, index_keys()); }

Result<bool> SpaceSession::recheck_index() {
  if (std::exchange(index_rechecked_, true)) return false;
  return index_.recheck(session_, id(), state_, *read_, index_keys());
}

Result<api::Append::Reply> SpaceSession::append(const api::Entry& entry, const Draft& draft) {
  const GroupId group = group_of(id());
  for (int tries = 0;; ++tries) {
    api::Append call;
    HF_TRY(auto write, session_.server.ticket(Channel::capability, group, api::Right::write, *write_));
    call.tickets.push_back(std::move(write));
    if (!draft.retire.empty() || !draft.unretire.empty()) {
      HF_TRY(auto maintain, session_.server.ticket(Channel::capability, group, api::Right::maintain, *maintain_));
      call.tickets.push_back(std::move(maintain));
    }
    call.expect = head_;
    call.entry = entry;
    call.publish = draft.publish;
    call.retire = draft.retire;
    call.unretire = draft.unretire;
    auto reply = session_.server.call(Channel::capability, call);
    if (reply || reply.error().code != Code::NotAuthorized || tries > 0) return reply;
    session_.server.forget_tickets(group);
  }
}

Result<Committed> SpaceSession::commit(const std::function<Result<Draft>()>& make) {
  if (!may_write()) return fail(Code::NotAuthorized, "this account may only read the space", listing_.name);
  const Account& account = session_.account();
  for (;;) {
    HF_TRY(Draft draft, make());
    if ((!draft.retire.empty() || !draft.unretire.empty()) && maintain_ == nullptr)
      return fail(Code::NotAuthorized, "this account may not retire anything in the space", listing_.name);
    HF_TRY(const std::uint64_t counter, session_.state().next_number("counter"));
    space::CommitBody body;
    body.space = id();
    body.seq = head_.seq + 1;
    body.prev = head_.hash;
    body.epoch = secrets_->epoch;
    body.kind = draft.kind;
    body.time_ns = session_.doors.clock.now_ns();
    body.checkpoint = body.seq - state_.checkpoint_seq >= checkpoint_commits ||
                      age_ns(checkpoint_time_ns_, body.time_ns) >= checkpoint_age_ns;
    body.author = {account.profile.account, account.profile.device, account.chain.n, account.chain.head, counter};
    body.record = identity::no_record();
    body.state = draft.state;
    body.state.membership = state_.membership;
    body.state.checkpoint_seq = state_.checkpoint_seq;
    body.inlined = draft.inlined;
    body.retire = draft.retire;
    body.unretire = draft.unretire;
    HF_TRY(const api::Entry entry,
           space::seal_commit(body, epoch_keys(), boxes_, account.device, session_.doors.random));
    const Hash hash = api::entry_hash(entry);

    const std::string intent = key("intent/" + hash.hex());
    const Claim claim(*session_.shared.claims, intent);
    HF_OK(session_.state().apply({{{intent, encode(Intent{entry, draft.publish})}}, {}}));
    HF_TRY(const auto reply, append(entry, draft));

    const auto* behind = std::get_if<api::Append::Behind>(&reply.outcome);
    if (behind != nullptr) {
      reached("session: lost the race for a commit");
      HF_OK(refresh());
      if (head_.seq < entry.seq)
        return fail(Code::Tampered, "the server refuses a commit as late, and shows none that came before it",
                    listing_.name);
    } else if (std::holds_alternative<api::Append::UploadGone>(reply.outcome)) {
      HF_OK(session_.state().apply({{}, {intent}}));
      return fail(Code::UploadGone, "the server has dropped an upload that was not used for too long", listing_.name);
    } else {
      HF_OK(take(entry));
    }
    HF_TRY(const auto unread, session_.state().get(intent));
    if (!unread) {
      if (behind != nullptr) reached("session: own commit found behind a lost answer");
      return Committed{entry.seq, hash};
    }
    if (behind == nullptr)
      return fail(Code::NotAuthorized, "the commit of this device does not count in the space's log", listing_.name);
    HF_OK(session_.state().apply({{}, {intent}}));
  }
}

Result<SpaceListing> make_and_store_space(Session& session, const space::SpaceSeed& seed, std::string name) {
  const Account& account = session.account();
  SpaceListing listing{space::space_id_of(seed, account.profile.account), std::move(name), seed.slot_key,
                       space::Role::owner};
  const std::string prefix = "space/" + listing.space.hex() + "/";

  HF_TRY(const auto made_before, session.state().get(prefix + "genesis"));
  api::CreateGroup create;
  if (made_before) {
    reached("session: space made again after a crash");
    HF_TRY(create, decode<api::CreateGroup>(*made_before, "a space that is being made"));
  } else {
    HF_TRY(const std::uint64_t counter, session.state().next_number("counter"));
    HF_TRY(auto made, space::make_space(seed, {account.chain, account.device}, counter, session.doors.clock.now_ns(),
                                        session.doors.random));
    create.first = std::move(made.genesis);
    create.caps = made.secrets.capabilities.caps();
    create.attached.push_back({made.boxes_id, made.boxes_object});
    HF_OK(session.state().apply(
        {{{prefix + "genesis", encode(create)}, {prefix + "boxes/first", made.boxes_object}}, {}}));
  }
  HF_TRY(create.creator, account_ticket(session.server, account, api::Right::write));
  HF_OK(session.server.call(Channel::account, create));
  return listing;
}

}  // namespace holdfast::session
