// Everything of a space in plain form: each snapshot, and what stands in it now, as a folder with a manifest beside it
// (docs/formats/export.md). A file that the snapshot of the same paths before has in the same place, with the same
// metadata, is a hard link to that one's.
//
//   SPACE/snapshots/NAME/  SPACE/snapshots/NAME.manifest  SPACE/live/NUMBER/  SPACE/live/NUMBER.manifest
//
// A tree is made in NAME-ROOT.part, which is of this very tree, and gets its name when its manifest stands. Nothing
// else is written to or replaced: every folder above the trees is a real one of this user that nobody else may write
// to, so that no link leads out of it.
#pragma once

#include "backup/export_manifest.h"
#include "backup/restore.h"

namespace holdfast::backup {

struct ExportOptions {
  Path folder;             // of this space; it is made when it is missing
  bool set_owner = false;  // as RestoreOptions
  std::optional<std::pair<std::uint32_t, std::uint32_t>> restorer;
  std::function<void(const Counters&)> progress;
};
struct ExportReport : Problems {
  std::uint64_t trees_written = 0, trees_there = 0;      // there: whole from an earlier run
  std::uint64_t files = 0, files_linked = 0, bytes = 0;  // of the written ones
  std::vector<std::string> warnings;
};
// Makes the folder when it is missing. InvalidArgument: it is no real folder, is somebody else's, or others may write
// to it.
[[nodiscard]] Status make_private_folder(Files& files, const Path& folder, std::uint32_t user);
// That a name of SPACE/live begins with; 0: it begins with none that can be.
[[nodiscard]] std::uint64_t live_tree_number(const std::string& name);
// Of the text that stands beside a tree, or in the folder of an export: NotFound, or no regular file of fitting size.
[[nodiscard]] Result<Bytes> read_beside(Files& files, const Path& path);

// A tree of which something can't be written is left in NAME.part: the problems say why.
Status run_export(session::SpaceSession& space, const ExportOptions& options, ExportReport& report);

}  // namespace holdfast::backup
