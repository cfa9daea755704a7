// A space's next commit, and its first.
#include "base/reached.h"
#include "session/space_records.h"
#include "session/space_session.h"

namespace holdfast::session {

namespace {

constexpr std::uint64_t checkpoint_commits = 512;
constexpr std::int64_t checkpoint_age_ns = 24 * 3600 * second_ns;

// Of a time that somebody else's clock stated, and that may be anything.
std::int64_t age_ns(std::int64_t then, std::int64_t now) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(now) - static_cast<std::uint64_t>(then));
}

}  // namespace

Result<api::Append::Reply> SpaceSession::append(const api::Entry& entry, const api::Position& expect,
                                                const Draft& draft) {
  const GroupId group = group_of(id());
  for (int tries = 0;; ++tries) {
    api::Append call;
    HF_TRY(auto write, session_.server.ticket(Channel::capability, group, api::Right::write, *write_));
    call.tickets.push_back(std::move(write));
    if (!draft.retire.empty() || !draft.unretire.empty()) {
      HF_TRY(auto maintain, session_.server.ticket(Channel::capability, group, api::Right::maintain, *maintain_));
      call.tickets.push_back(std::move(maintain));
    }
    call.expect = expect;
    call.entry = entry;
    call.publish = draft.publish;
    call.retire = draft.retire;
    call.unretire = draft.unretire;
    auto reply = session_.server.call(Channel::capability, call);
    if (reply || reply.error().code != Code::NotAuthorized || tries > 0) return reply;
    session_.server.forget_tickets(group);
  }
}

Result<std::optional<Committed>> SpaceSession::commit(const std::function<Result<std::optional<Draft>>()>& make) {
  if (!may_write()) return fail(Code::NotAuthorized, "this account may only read the space", named().name);
  const Account& account = session_.account();
  for (;;) {
    HF_TRY(const auto made, make());
    if (!made) return std::nullopt;
    const Draft& draft = *made;
    if ((!draft.retire.empty() || !draft.unretire.empty()) && maintain_ == nullptr)
      return fail(Code::NotAuthorized, "this account may not retire anything in the space", named().name);
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
    HF_TRY(const auto reply, append(entry, head_, draft));

    const auto* behind = std::get_if<api::Append::Behind>(&reply.outcome);
    if (behind != nullptr) {
      reached("session: lost the race for a commit");
      HF_OK(refresh());
      if (head_.seq < entry.seq)
        return fail(Code::Tampered, "the server refuses a commit as late, and shows none that came before it",
                    named().name);
    } else if (std::holds_alternative<api::Append::UploadGone>(reply.outcome)) {
      HF_OK(session_.state().apply({{}, {intent}}));
      return fail(Code::UploadGone, "the server has dropped an upload that was not used for too long", named().name);
    } else {
      HF_OK(take(entry));
    }
    HF_TRY(const auto unread, session_.state().get(intent));
    if (!unread) {
      if (behind != nullptr) reached("session: own commit found behind a lost answer");
      return Committed{entry.seq, hash};
    }
    if (behind == nullptr)
      return fail(Code::NotAuthorized, "the commit of this device does not count in the space's log", named().name);
    HF_OK(session_.state().apply({{}, {intent}}));
  }
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

Result<ListedSpace> make_and_store_space(Session& session, const space::SpaceSeed& seed, std::string name) {
  const Account& account = session.account();
  ListedSpace listed{
      {space::space_id_of(seed, account.profile.account), std::move(name)}, seed.slot_key.clone(), space::Role::owner};
  const std::string prefix = "space/" + listed.named.space.hex() + "/";

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
  return listed;
}

}  // namespace holdfast::session
