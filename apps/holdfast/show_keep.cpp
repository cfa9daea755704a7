#include "show_keep.h"

#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

std::string with_space(const Command& command) { return command.space ? " --space " + *command.space : std::string(); }

}  // namespace

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

}  // namespace holdfast::app
