// What a server has lost that was put back from an older copy of itself, or whose disk failed, as far as this device
// can make it good (DECISIONS F6): the log's end from what is kept here, the index from its copy here, packs that a
// lost prune had replaced from the server. What only files on a disk still hold, the next backup sends again.
#pragma once

#include "session/spaces.h"

namespace holdfast::session {

struct Healed {
  std::string space;  // its name
  SpaceSession::Lost lost;
  bool index_sent = false;           // a part of the index that was not whole
  std::uint64_t packs_returned = 0;  // that the log had retired, and that hold what newer ones have lost
  // Of the packs that are not there, those that hold something that stands nowhere else.
  std::uint64_t packs_missing = 0, bytes_missing = 0;
  std::optional<Error> error;  // it could not be healed, or not to its end
};

// Repeated harmlessly, by any number of devices. An error of the home space ends it; one of another space keeps none
// from being healed.
Result<std::vector<Healed>> heal_spaces(Session& session);

}  // namespace holdfast::session
