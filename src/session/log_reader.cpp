#include "session/log_reader.h"

#include "session/rolled_back.h"

namespace holdfast::session {

namespace {

Result<api::Read::Reply> read_page(SpaceSession& space, std::uint64_t from) {
  Session& session = space.session();
  HF_TRY(const auto ticket,
         session.server.ticket(Channel::capability, group_of(space.id()), api::Right::read, space.read_key()));
  HF_TRY(auto page, session.server.call(Channel::capability, api::Read{ticket, from}));
  if (page.entries.empty()) return log_ends_too_early(space.named().name);
  return page;
}

std::unexpected<Error> another_log(const SpaceSession& space, std::uint64_t seq) {
  return fail(Code::Tampered, "the server's log of the space is not the one that this device has read",
              space.named().name + ", entry " + std::to_string(seq));
}

Result<space::CommitPlain> open_as_sealed(const SpaceSession& space, const api::Entry& entry) {
  HF_TRY(const auto sealed, decode<space::SealedCommit>(entry.blob, "a commit"));
  const space::EpochKeys* keys = space.epoch_keys(sealed.epoch);
  if (keys == nullptr) return fail(Code::Tampered, "a commit is sealed under an epoch that does not exist");
  return space::open_commit(entry, sealed, *keys);
}

}  // namespace

LogPlace place_of(const SpaceSession& space) {
  return {space.state().membership, space.state().checkpoint_seq, space.secrets().epoch};
}

LogPlace place_after(const space::CommitBody& commit, const api::Position& at) {
  return {commit.new_epoch ? at : commit.state.membership, commit.checkpoint ? at.seq : commit.state.checkpoint_seq,
          commit.new_epoch ? commit.new_epoch->epoch : commit.epoch};
}

Result<space::CommitPlain> open_valid(const SpaceSession& space, const api::Entry& entry,
                                      const std::optional<LogPlace>& before) {
  HF_TRY(auto plain, open_as_sealed(space, entry));
  const space::CommitBody& body = plain.body;
  if (body.epoch != (before ? before->epoch : 0))
    return fail(Code::Tampered, "a commit is sealed under an epoch that is not current at its place");
  const Account& account = space.session().account();
  if (body.author.account != account.profile.account)
    return fail(Code::NotAuthorized, "a commit is by an account that is not a member", body.author.account.short_hex());
  if (!before) HF_OK(space::verify_genesis(plain, space.id(), space.secrets().root));
  HF_OK(space::verify_commit(plain, {space.secrets().members, account.chain, account.chain.n}));
  // Who removes or checkpoints says where the last ones were; a later commit can't rewrite that (D6).
  if (before && (body.state.membership != before->membership || body.state.checkpoint_seq != before->checkpoint_seq))
    return fail(Code::NotAuthorized, "a commit names another membership commit or checkpoint than the log has");
  return plain;
}

Status for_each_entry(SpaceSession& space, std::uint64_t from,
                      const std::function<Status(const api::Entry& entry)>& visit) {
  const api::Position head = space.head();
  std::optional<api::Position> last;
  if (from == api::first_seq) last.emplace();
  for (std::uint64_t next = from; next <= head.seq;) {
    HF_TRY(const auto page, read_page(space, next));
    for (const api::Entry& entry : page.entries) {
      if (next > head.seq) break;
      const bool follows = entry.seq == next && (!last || entry.prev == last->hash);
      last = {entry.seq, api::entry_hash(entry)};
      if (!follows || entry.group != group_of(space.id()) || (entry.seq == head.seq && *last != head))
        return another_log(space, next);
      ++next;
      HF_OK(visit(entry));
    }
  }
  return {};
}

// Each checkpoint names the one before it, and the head, which this device has verified, names the last.
Result<CommitReader> CommitReader::near(SpaceSession& space, std::uint64_t seq) {
  CommitReader reader(space);
  for (std::uint64_t at = space.state().checkpoint_seq; at >= api::first_seq;) {
    HF_TRY(const auto page, read_page(space, at));
    HF_TRY(const auto plain, open_as_sealed(space, page.entries.front()));
    const std::uint64_t earlier = plain.body.state.checkpoint_seq;
    if (page.entries.front().seq != at || earlier >= at) return another_log(space, at);
    if (at <= seq) {
      reader.next_ = at;
      reader.place_ = LogPlace{plain.body.state.membership, earlier, plain.body.epoch};  // read_on() proves it
      break;
    }
    at = earlier;
  }
  return reader;
}

Status CommitReader::read_on(const std::function<Status(const space::CommitBody& commit)>& visit) {
  HF_OK(for_each_entry(space_, next_, [&](const api::Entry& entry) -> Status {
    next_ = entry.seq + 1;
    const auto commit = open_valid(space_, entry, place_);
    if (!commit) return place_ ? Status() : pass_on(commit.error());  // an alarm has told of it
    place_ = place_after(commit->body, {entry.seq, api::entry_hash(entry)});
    return visit(commit->body);
  }));
  // The head that this device has verified proves the start: from a false one, what counted would not count.
  return place_ == place_of(space_) ? Status() : another_log(space_, space_.head().seq);
}

Result<space::Root> live_root_at(SpaceSession& space, std::uint64_t seq) {
  HF_TRY(auto commits, CommitReader::near(space, seq));
  std::optional<space::Root> root;
  HF_OK(commits.read_on([&](const space::CommitBody& commit) -> Status {
    if (commit.seq == seq) root = commit.state.live_root;
    return {};
  }));
  if (root) return *root;
  return fail(Code::NotFound, "the space has no change of this number", std::to_string(seq));
}

}  // namespace holdfast::session
