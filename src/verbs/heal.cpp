#include "verbs/heal.h"

#include <algorithm>

namespace holdfast::verbs {

bool HealDone::nothing_was_lost() const {
  return !account_made && std::ranges::all_of(spaces, [](const session::Healed& space) {
    return !space.error && !space.lost.space && space.lost.to == 0 && !space.index_sent && space.packs_returned == 0 &&
           space.packs_missing == 0;
  });
}

bool HealDone::all_is_there() const {
  return std::ranges::all_of(spaces,
                             [](const session::Healed& space) { return !space.error && space.packs_missing == 0; });
}

Result<HealDone> heal(Session& session, const Bytes& invitation) {
  HealDone out;
  HF_TRY(out.account_made, session::make_account_again(session.server, session.doors.clock, session.state(),
                                                       session.account(), invitation));
  HF_OK(session::check_chain(session.server, session.account()));
  HF_TRY(out.spaces, session::heal_spaces(session));
  out.alarms = session.alarms;
  return out;
}

}  // namespace holdfast::verbs
