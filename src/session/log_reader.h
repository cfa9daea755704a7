// A space's log once more, from any commit on: what its live tree was.
#pragma once

#include "session/space_session.h"

namespace holdfast::session {

// Every commit that counts, from entry `from` (1: the first) to the space's head, as the server gives them. They lead
// to the head that this device has verified, or the outcome is Tampered or RolledBack, whatever was visited before.
Status for_each_commit(SpaceSession& space, std::uint64_t from,
                       const std::function<Status(const space::CommitBody& commit)>& visit);

// The live tree as that commit left it. NotFound: there is no such commit.
[[nodiscard]] Result<space::Root> live_root_at(SpaceSession& space, std::uint64_t seq);

}  // namespace holdfast::session
