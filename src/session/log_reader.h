// A space's log once more: its entries as the server gives them, and the commits that count.
#pragma once

#include "session/space_session.h"

namespace holdfast::session {

// Where the log stands before an entry: what the commits that count have said so far.
struct LogPlace {
  api::Position membership;          // the last that made an epoch: what survives a trim must lead to its boxes
  std::uint64_t checkpoint_seq = 0;  // the last checkpoint
  std::uint32_t epoch = 0;
  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};
[[nodiscard]] LogPlace place_of(const SpaceSession& space);  // at its head
[[nodiscard]] LogPlace place_after(const space::CommitBody& commit, const api::Position& at);

// The one rule of what counts: by a member, sealed and signed as its place wants. An error says why the entry counts
// for nothing (D8). `before`: nothing for the first. REQUIRES: the entry follows in the log's chain.
[[nodiscard]] Result<space::CommitPlain> open_valid(const SpaceSession& space, const api::Entry& entry,
                                                    const std::optional<LogPlace>& before);

// Every entry from number `from` (1: the first) to the space's head. They lead to the head that this device has
// verified, or the outcome is Tampered or RolledBack, whatever was visited before.
Status for_each_entry(SpaceSession& space, std::uint64_t from,
                      const std::function<Status(const api::Entry& entry)>& visit);

// Reads the commits that count, from the first on, and goes on from there when the space's head has moved.
class CommitReader {
 public:
  explicit CommitReader(SpaceSession& space) : space_(space) {}
  // From the last checkpoint that is not above `seq`.
  static Result<CommitReader> near(SpaceSession& space, std::uint64_t seq);

  // Tampered, RolledBack: what was visited counts for nothing.
  Status read_on(const std::function<Status(const space::CommitBody& commit)>& visit);

 private:
  SpaceSession& space_;
  std::uint64_t next_ = api::first_seq;
  std::optional<LogPlace> place_;
};

// The live tree as that commit left it. NotFound: there is no such commit.
[[nodiscard]] Result<space::Root> live_root_at(SpaceSession& space, std::uint64_t seq);

}  // namespace holdfast::session
