// Prune: what no snapshot and no version of the live tree needs any more is taken out of the index and retired; the
// server frees it when its grace is over (DECISIONS F1, D5, D21). Forgets no snapshot: forget.h.
//
//   mark what is needed -> choose packs -> copy what is still needed of mostly dead ones -> verify -> commit
//
// Of packs that are more than 30 % dead those are copied that free more than the new packs and their index take up.
//
// Needs no lock: a commit that came in between is looked at before the prune's own, and whoever deduplicated against
// what the prune took away starts over, any other goes on. A prune that ends anywhere leaves a whole space; the next
// one goes on.
#pragma once

#include <functional>

#include "backup/report.h"
#include "session/space_session.h"

namespace holdfast::backup {

struct PruneOptions {
  bool dry_run = false;
  bool give_up_lost = false;  // old versions that can't be read whole: what only their lost nodes lead to is retired
  std::uint64_t repack_bytes_max = ~std::uint64_t{0};  // of packs that are copied, with their padding
  std::function<void(const Counters&)> progress;       // files: nodes read; bytes: of packs copied
};
struct PruneReport {
  std::uint64_t snapshots = 0, packs = 0, bytes_stored = 0;  // before; packs as the server holds them, with padding
  std::uint64_t packs_dead = 0, packs_repacked = 0;          // retired: whole, and after copying
  std::uint64_t packs_lost = 0;                              // of packs_dead: the server did not have them as they were
  std::uint64_t packs_left = 0;                              // would be repacked, but for repack_bytes_max
  // As the server holds them. Of a dry run bytes_copied is what comes of it where zstd does not shrink what is copied,
  // and else by how much each block shrank as a whole.
  std::uint64_t bytes_retired = 0, bytes_copied = 0;
  std::uint64_t objects_brought_back = 0;  // somebody had retired what is needed
  std::uint64_t chunks_lost = 0;           // needed, and in no place that is good: nothing of these places was touched
  std::uint64_t versions_lost = 0;         // of the live tree, given up
  std::uint64_t packs_damaged = 0;         // could not be copied, and were left as they are
  std::uint64_t commits = 0;
};

// NotAuthorized: this account may not retire here. Missing, Tampered, Malformed: a tree can't be read whole; nothing
// was changed.
[[nodiscard]] Result<PruneReport> run_prune(session::SpaceSession& space, const PruneOptions& options);

}  // namespace holdfast::backup
