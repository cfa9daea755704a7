// A backup: paths on disk become a snapshot in a space (DESIGN section 5, DECISIONS F1).
//
//   scan -> compare with the file state -> read what is new -> ingest -> tree nodes -> upload -> index -> commit ->
//   file state
#pragma once

#include <functional>

#include "backup/file_state.h"
#include "backup/report.h"
#include "session/space_session.h"
#include "space/ingest.h"

namespace holdfast::backup {

struct PathToSave {
  PathToSave(Path real_path, std::string saved_as = {})  // NOLINT(google-explicit-constructor): most have no other name
      : path(std::move(real_path)), name(saved_as.empty() ? std::string(last_component(path)) : std::move(saved_as)) {}
  Path path;         // absolute, links resolved
  std::string name;  // in the snapshot; "" for the root of the file system
};

struct BackupOptions {
  std::vector<PathToSave> paths;
  std::vector<std::string> tags, excludes;
  std::vector<Path> never;  // trees that are never backed up: HOLDFAST_HOME
  bool dry_run = false, one_file_system = false;
  bool ignore_files = true;  // what .holdfastignore files say counts
  bool count_first = false;  // walk once before, so that the time left can be told
  std::string host, program;
  int zstd_level = 1;
  // Instead of a snapshot: the paths are laid over this folder of the live tree ("" is its top; it is made when it is
  // missing), in one commit. Nothing that stands there goes; a file replaces a file. AlreadyExists: a folder stands
  // where something else is to be, or the other way round.
  std::optional<std::string> into_live;
  // Of an export: the snapshot gets this id and time, these paths and tags, this host and program, and is as partial as
  // it says. `paths` are the entries of one folder.
  std::optional<space::Snapshot> label;
  std::function<Status()> before_commit = {};     // when all was read; an error, and nothing is committed
  bool only_read = false;                         // local_tree.h: nothing is sent or kept; run_backup refuses it
  std::function<void(const Counters&)> progress;  // often; may be null
};

struct BackupReport : Problems {
  space::Snapshot snapshot;  // into the live tree: what it would say, and the commit's seq; 0: all stood there
  std::uint64_t bytes_read = 0;
  std::uint64_t bytes_stored = 0;   // new objects, as the server holds them
  std::uint64_t bytes_resumed = 0;  // already there from an interrupted run
  std::uint64_t packs_lost = 0;     // by the server: what of them is in these paths was sent again
};

// Files that can't be read are problems; the rest is saved. An error means that nothing was committed; what was sent is
// kept for the same command to go on with.
Result<BackupReport> run_backup(session::SpaceSession& space, const BackupOptions& options);

}  // namespace holdfast::backup
