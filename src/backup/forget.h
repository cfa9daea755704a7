// Forgetting snapshots: they leave the list of the space; what only they need stays where it is until a prune
// (prune.h). unforget.h brings them back.
#pragma once

#include "backup/keep.h"

namespace holdfast::backup {

struct ForgetOptions {
  KeepRules rules;               // or:
  std::vector<std::string> ids;  // as find_snapshot takes them
  bool dry_run = false;
};
// REQUIRES: rules or ids. All snapshots, oldest first; those without a reason were forgotten.
[[nodiscard]] Result<std::vector<Judged>> run_forget(session::SpaceSession& space, const ForgetOptions& options);

}  // namespace holdfast::backup
