// Bringing forgotten snapshots back, also after a prune: what it retired is brought back with them, as long as the
// server's grace lasts (DECISIONS F1). No data is read or sent, only trees are read.
#pragma once

#include <functional>

#include "backup/report.h"
#include "backup/snapshots.h"

namespace holdfast::backup {

struct ForgottenSnapshot {
  space::Snapshot snapshot;
  std::int64_t forgotten_ns = 0;  // as the clock stated it that forgot it
  // Of the first prune since: from then on the server's grace runs for what only this snapshot needs. nullopt: none.
  std::optional<std::int64_t> pruned_ns;
};
// Every snapshot that a list of the space's log once had and the newest has not, oldest first, but for partial ones
// that a whole one followed. Of a list that the server has freed nothing is known.
[[nodiscard]] Result<std::vector<ForgottenSnapshot>> list_forgotten(session::SpaceSession& space);

struct UnforgetOptions {
  std::vector<std::string> ids;  // at least the first 4 characters of each
  bool dry_run = false;
  std::function<void(const Counters&)> progress;  // files: nodes read
};
struct UnforgetReport {
  std::vector<space::Snapshot> snapshots;                  // brought back
  std::vector<space::Snapshot> there;                      // that the space lists anyway
  std::uint64_t packs_brought_back = 0, bytes_stored = 0;  // of these packs
};
// All of them or none. NotFound: no forgotten snapshot has this id, or the server has freed a part of what it needs.
// NotAuthorized: packs have to be brought back, and this account may not.
[[nodiscard]] Result<UnforgetReport> run_unforget(session::SpaceSession& space, const UnforgetOptions& options);

}  // namespace holdfast::backup
