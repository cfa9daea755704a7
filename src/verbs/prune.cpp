#include "verbs/verbs.h"

namespace holdfast::verbs {

Result<ForgetDone> forget(Session& session, const std::string& name, const backup::ForgetOptions& options) {
  if (options.ids.empty() == options.rules.empty())
    return fail(Code::InvalidArgument,
                "say which snapshots are to be forgotten: either by their ids, or by rules that keep some");
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(auto judged, backup::run_forget(*space, options));
  return ForgetDone{name, std::move(judged), session.alarms};
}

Result<PruneDone> prune(Session& session, const std::string& name, const backup::PruneOptions& options) {
  HF_TRY(const auto space, session::open_space(session, name));
  HF_TRY(const auto server, session.server.info());
  HF_TRY(const auto report, backup::run_prune(*space, options));
  return PruneDone{report, server.grace_seconds, session.alarms};
}

}  // namespace holdfast::verbs
