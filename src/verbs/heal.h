// What a server that was put back from an older copy has lost, given back to it (DECISIONS F6).
#pragma once

#include "session/heal.h"
#include "verbs/verbs.h"

namespace holdfast::verbs {

struct HealDone {
  bool account_made = false;            // the server did not know it any more
  std::vector<session::Healed> spaces;  // all of the account, the home space first
  session::Alarms alarms;
  [[nodiscard]] bool nothing_was_lost() const;
  [[nodiscard]] bool all_is_there() const;  // nothing that only files on a disk still hold, or nobody
};
// `invitation`: for a server that wants one, and has lost the account.
[[nodiscard]] Result<HealDone> heal(Session& session, const Bytes& invitation);

}  // namespace holdfast::verbs
