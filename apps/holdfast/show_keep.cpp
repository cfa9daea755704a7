#include "show_keep.h"

#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

std::string text_of(const verbs::Forgotten& forgotten, const Command& command) {
  std::string out;
  for (const auto& one : forgotten.snapshots) {
    const auto until = forgotten.until_ns(one);
    out += one.snapshot.id.short_hex() + "  " + time_text(one.snapshot.time_ns) + "  " +
           padded(size_text(one.snapshot.stats.bytes), 10) + "  forgotten " + time_text(one.forgotten_ns) + ", kept " +
           (until ? "until " + time_text(*until)
                  : "until a prune and " + std::to_string(forgotten.grace_seconds / 86'400) + " days more") +
           (one.snapshot.partial ? "  (partial)\n" : "\n");
  }
  if (out.empty()) out = "no forgotten snapshot can be brought back\n";
  if (forgotten.over > 0)
    out += "  of " + counted(forgotten.over, "more snapshot") + " the server has freed what nothing else needs\n";
  if (!forgotten.snapshots.empty())
    out += "  next    bring one back:  holdfast unforget SNAPSHOT" + with_space(command) + "\n";
  return out;
}

std::string text_of(const verbs::UnforgetDone& done, const Command& command) {
  std::string out;
  for (const auto& snapshot : done.report.snapshots)
    out += snapshot.id.short_hex() + "  " + time_text(snapshot.time_ns) +
           (command.dry_run ? "  would be brought back\n" : "  brought back\n");
  for (const auto& snapshot : done.report.there)
    out += snapshot.id.short_hex() + "  " + time_text(snapshot.time_ns) + "  is not forgotten\n";
  if (done.report.packs_brought_back > 0)
    out += "  with " + counted(done.report.packs_brought_back, "pack") + " of " + size_text(done.report.bytes_stored) +
           " that a prune had retired\n";
  return out;
}

std::string json_of(const verbs::Forgotten& forgotten, const Command&) {
  Json list = Json::array();
  for (const auto& one : forgotten.snapshots) {
    Json snapshot = snapshot_json(one.snapshot);
    const auto until = forgotten.until_ns(one);
    snapshot["forgotten"] = iso_time(one.forgotten_ns);
    snapshot["until"] = until ? Json(iso_time(*until)) : Json(nullptr);
    list.push_back(std::move(snapshot));
  }
  return written({{"space", forgotten.space},
                  {"forgotten", list},
                  {"over", forgotten.over},
                  {"grace_seconds", forgotten.grace_seconds},
                  {"alarms", alarms_json(forgotten.alarms)}});
}

std::string json_of(const verbs::UnforgetDone& done, const Command& command) {
  Json back = Json::array(), there = Json::array();
  for (const auto& snapshot : done.report.snapshots) back.push_back(snapshot_json(snapshot));
  for (const auto& snapshot : done.report.there) there.push_back(snapshot_json(snapshot));
  return written({{"space", done.space},
                  {"dry_run", command.dry_run},
                  {"brought_back", back},
                  {"not_forgotten", there},
                  {"packs_brought_back", done.report.packs_brought_back},
                  {"bytes_brought_back", done.report.bytes_stored},
                  {"alarms", alarms_json(done.alarms)}});
}

std::string text_of(const verbs::ExportDone& done, const Command&) {
  const backup::ExportReport& report = done.report;
  std::string out = "exported " + counted(done.spaces.size(), "space") + " to " + printable(done.folder) +
                    "\n  wrote " + counted(report.trees_written, "tree") + " with " + counted(report.files, "file") +
                    ", " + size_text(report.bytes) + " (" + count_text(report.files_linked) +
                    " of them links to the tree before)\n";
  if (report.trees_there > 0) out += "  " + counted(report.trees_there, "tree") + " stood there whole\n";
  if (report.problems_count > 0)
    out += count_text(report.problems_count) + " could not be written; their trees are not whole:\n" +
           problems_text(report.problems, report.problems_count) + "  next    the same command goes on with them\n";
  for (std::size_t i = 0; i < report.warnings.size() && i < problems_shown_max; ++i)
    out += "  note    " + report.warnings[i] + "\n";
  out += "  note    what stands there is plain: whoever can read the folder reads all of it\n";
  return out;
}

std::string text_of(const verbs::ImportDone& done, const Command&) {
  std::string out;
  if (!done.differences.empty()) {
    out = "nothing was imported: " + count_text(done.differences.size()) + " of the export differ from its manifests\n";
    for (std::size_t i = 0; i < done.differences.size() && i < problems_shown_max; ++i)
      out += "  " + printable(done.differences[i].path) + ": " + done.differences[i].what + "\n";
    if (done.differences.size() > problems_shown_max)
      out += "  and " + count_text(done.differences.size() - problems_shown_max) + " more (--json lists them)\n";
    return out + "  next    an unfinished export: the same `holdfast export` goes on; else copy the export anew\n";
  }
  out = "imported " + counted(done.snapshots_taken, "snapshot") + " and " + counted(done.trees_taken, "live tree") +
        " into " + counted(done.spaces.size(), "space") + " (" + count_text(done.spaces_made.size()) +
        " of them new)\n";
  if (done.snapshots_there > 0) out += "  " + counted(done.snapshots_there, "snapshot") + " were there\n";
  if (done.problems.problems_count > 0)
    out += count_text(done.problems.problems_count) + " left out, or taken with a doubt:\n" +
           problems_text(done.problems.problems, done.problems.problems_count);
  return out;
}

std::string json_of(const verbs::ExportDone& done, const Command&) {
  const backup::ExportReport& report = done.report;
  Json out;
  put_name(out, "folder", done.folder);
  out["spaces"] = done.spaces;
  out["trees_written"] = report.trees_written;
  out["trees_there"] = report.trees_there;
  out["files"] = report.files;
  out["files_linked"] = report.files_linked;
  out["bytes"] = report.bytes;
  put_problems(out, report);
  out["warnings"] = report.warnings;
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

std::string json_of(const verbs::ImportDone& done, const Command&) {
  Json out;
  put_name(out, "folder", done.folder);
  out["spaces"] = done.spaces;
  out["spaces_made"] = done.spaces_made;
  out["snapshots_taken"] = done.snapshots_taken;
  out["snapshots_there"] = done.snapshots_there;
  out["trees_taken"] = done.trees_taken;
  out["differences"] = Json::array();
  for (const auto& difference : done.differences) {
    Json one;
    put_name(one, "path", difference.path);
    one["what"] = difference.what;
    out["differences"].push_back(std::move(one));
  }
  put_problems(out, done.problems);
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

}  // namespace holdfast::app
