#include "session/log_reader.h"

namespace holdfast::session {

namespace {

// nullopt: it counts for nothing; an alarm has told that.
std::optional<space::CommitPlain> open_commit(const SpaceSession& space, const Account& account,
                                              const api::Entry& entry) {
  const auto sealed = decode<space::SealedCommit>(entry.blob, "a commit");
  const space::EpochKeys* keys = sealed ? space.epoch_keys(sealed->epoch) : nullptr;
  if (keys == nullptr) return std::nullopt;
  auto plain = space::open_commit(entry, *sealed, *keys);
  if (!plain || plain->body.author.account != account.profile.account) return std::nullopt;
  if (!space::verify_commit(*plain, {space.secrets().members, account.chain, account.chain.n})) return std::nullopt;
  return *std::move(plain);
}

}  // namespace

Status for_each_commit(SpaceSession& space, std::uint64_t from,
                       const std::function<Status(const space::CommitBody& commit)>& visit) {
  Session& session = space.session();
  const GroupId group = group_of(space.id());
  const api::Position head = space.head();
  std::optional<api::Position> last;
  for (std::uint64_t next = from; next <= head.seq;) {
    HF_TRY(const auto ticket, session.server.ticket(Channel::capability, group, api::Right::read, space.read_key()));
    HF_TRY(const auto page, session.server.call(Channel::capability, api::Read{ticket, next}));
    if (page.entries.empty())
      return fail(Code::RolledBack, "the server's log of the space ends before what this device has seen",
                  space.named().name);
    for (const api::Entry& entry : page.entries) {
      if (next > head.seq) break;
      const bool follows = entry.seq == next && (!last || entry.prev == last->hash);
      last = {entry.seq, api::entry_hash(entry)};
      if (!follows || entry.group != group || (entry.seq == head.seq && *last != head))
        return fail(Code::Tampered, "the server's log of the space is not the one that this device has read",
                    space.named().name + ", entry " + std::to_string(next));
      ++next;
      if (const auto commit = open_commit(space, session.account(), entry)) HF_OK(visit(commit->body));
    }
  }
  return {};
}

Result<space::Root> live_root_at(SpaceSession& space, std::uint64_t seq) {
  std::optional<space::Root> root;
  if (seq > 0) {
    HF_OK(for_each_commit(space, seq, [&](const space::CommitBody& commit) -> Status {
      if (commit.seq == seq) root = commit.state.live_root;
      return {};
    }));
  }
  if (root) return *root;
  return fail(Code::NotFound, "the space has no change of this number", std::to_string(seq));
}

}  // namespace holdfast::session
