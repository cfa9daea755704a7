#include "verbs/unforget.h"

#include <limits>

namespace holdfast::verbs {

std::optional<std::int64_t> Forgotten::until_ns(const backup::ForgottenSnapshot& one) const {
  if (!one.pruned_ns) return std::nullopt;
  const std::int64_t grace_ns = grace_seconds * second_ns;  // the time is what somebody's clock stated
  return *one.pruned_ns > std::numeric_limits<std::int64_t>::max() - grace_ns ? std::numeric_limits<std::int64_t>::max()
                                                                              : *one.pruned_ns + grace_ns;
}

Result<Forgotten> forgotten(Session& session, const std::string& name) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(const auto server, session.server.info());
  HF_TRY(auto all, backup::list_forgotten(*space));
  Forgotten out{name, {}, 0, server.grace_seconds, session.alarms};
  for (backup::ForgottenSnapshot& one : all) {
    const auto until = out.until_ns(one);
    if (until && *until < server.time_ns) {
      ++out.over;
    } else {
      out.snapshots.push_back(std::move(one));
    }
  }
  return out;
}

Result<UnforgetDone> unforget(Session& session, const std::string& name, const backup::UnforgetOptions& options) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(auto report, backup::run_unforget(*space, options));
  return UnforgetDone{name, std::move(report), session.alarms};
}

}  // namespace holdfast::verbs
