// A backup: paths on disk become a snapshot in a space (DESIGN section 5, DECISIONS F1).
//
//   scan -> compare with the file state -> read what is new -> ingest -> tree nodes -> upload -> index -> commit ->
//   file state
#pragma once

#include <functional>

#include "backup/file_state.h"
#include "session/space_session.h"
#include "space/ingest.h"

namespace holdfast::backup {

struct Problem {  // something that was left out, or saved with a doubt
  Path path;
  Error error;
  bool left_out = true;
};

// How often progress is told, and how many problems a report names; it counts all of them.
inline constexpr std::int64_t tell_every_ns = second_ns / 10;
inline constexpr std::size_t problems_kept_max = 10'000;

struct Counters {
  std::uint64_t files = 0, directories = 0, bytes = 0;  // looked at so far
  std::uint64_t files_total = 0, bytes_total = 0;       // 0: not known
  std::uint64_t bytes_read = 0;                         // of new and changed files
  std::uint64_t bytes_sent = 0;
  Path current;
};

struct BackupOptions {
  std::vector<Path> paths;  // absolute, links resolved
  std::vector<std::string> tags, excludes;
  std::vector<Path> never;  // trees that are never backed up: HOLDFAST_HOME
  bool dry_run = false, one_file_system = false;
  bool count_first = false;  // walk once before, so that the time left can be told
  std::string host, program;
  int zstd_level = 1;
  std::function<void(const Counters&)> progress;  // often; may be null
};

struct BackupReport {
  space::Snapshot snapshot;
  std::vector<Problem> problems;  // the first 10,000; `problems_count` counts all
  std::uint64_t problems_count = 0;
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_stored = 0;   // new objects, as the server holds them
  std::uint64_t bytes_resumed = 0;  // already there from an interrupted run
  std::uint64_t packs_lost = 0;     // by the server: what of them is in these paths was sent again
  space::IngestStats ingest;
};

// Files that can't be read are problems; the rest is saved. An error means that no snapshot was made; what was sent is
// kept for the same command to go on with.
Result<BackupReport> run_backup(session::SpaceSession& space, const BackupOptions& options);

}  // namespace holdfast::backup
