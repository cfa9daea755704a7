// The whole account in plain form, and back: into this account, or another on another server.
#pragma once

#include "backup/export.h"
#include "verbs/verbs.h"

namespace holdfast::verbs {

inline constexpr std::string_view own_file = "holdfast export";  // in the export's folder; no space can have this name

struct ExportDone {
  Path folder;
  std::vector<std::string> spaces;
  backup::ExportReport report;
  session::Alarms alarms;
};
// options.folder: of the whole export, whose own file says which account's it is. AlreadyExists: it holds something
// else.
[[nodiscard]] Result<ExportDone> export_all(Session& session, backup::ExportOptions options);

struct ImportOptions {
  Path folder;  // absolute, links resolved
  std::function<void(const backup::Counters&)> progress;
};
struct ImportDone {
  Path folder;
  std::vector<std::string> spaces, spaces_made;
  std::uint64_t snapshots_taken = 0, snapshots_there = 0, trees_taken = 0;
  std::vector<backup::ExportDifference> differences;  // to the manifests: then nothing was taken
  backup::Problems problems;                          // of what was taken
  session::Alarms alarms;
};
// Every file is held against its manifest first. NotFound: no export is there.
[[nodiscard]] Result<ImportDone> import_all(Session& session, const ImportOptions& options);

}  // namespace holdfast::verbs
