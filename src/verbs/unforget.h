// Commands on snapshots that were forgotten.
#pragma once

#include "backup/unforget.h"
#include "verbs/verbs.h"

namespace holdfast::verbs {

struct Forgotten {
  std::string space;
  std::vector<backup::ForgottenSnapshot> snapshots;  // oldest first; without those whose grace is over
  std::uint64_t over = 0;                            // so many of these; perhaps all that they need is still there
  std::uint32_t grace_seconds = 0;
  session::Alarms alarms;
  // Until when the server keeps all that this one needs; nullopt: until a prune, and the grace after it.
  [[nodiscard]] std::optional<std::int64_t> until_ns(const backup::ForgottenSnapshot& one) const;
};
[[nodiscard]] Result<Forgotten> forgotten(Session& session, const std::string& space);

struct UnforgetDone {
  std::string space;
  backup::UnforgetReport report;
  session::Alarms alarms;
};
[[nodiscard]] Result<UnforgetDone> unforget(Session& session, const std::string& space,
                                            const backup::UnforgetOptions& options);

}  // namespace holdfast::verbs
