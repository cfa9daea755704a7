// What is said of a server whose log is not the one that this device has seen, or not all of it (DECISIONS F6).
#pragma once

#include <string>

#include "base/result.h"

namespace holdfast::session {

inline constexpr const char* what_this_device_has = "everything that this device has";

inline std::string was_it_restored(const std::string& sentence) {
  return sentence + " (was it restored from an older backup?)";
}
// whom: "the account".
inline std::unexpected<Error> does_not_know(const std::string& whom, const std::string& object) {
  return fail(Code::RolledBack, was_it_restored("the server does not know " + whom), object, what_this_device_has);
}
inline std::unexpected<Error> log_ends_too_early(const std::string& space) {
  return fail(Code::RolledBack, "the server's log of the space ends before what this device has seen", space,
              what_this_device_has);
}
// more: what of it this device can't give back.
inline std::unexpected<Error> lost_entries(std::uint64_t count, const std::string& space,
                                           const std::string& more = {}) {
  const std::string which = count == 1 ? "the last entry" : "the last " + std::to_string(count) + " entries";
  return fail(Code::RolledBack, was_it_restored("the server has lost " + which + " of the space's log") + more, space,
              what_this_device_has);
}
inline std::unexpected<Error> another_history(const std::string& space) {
  return fail(Code::Forked, "the server shows another history of the space than this device has seen", space);
}

}  // namespace holdfast::session
