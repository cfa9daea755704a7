#include "advice.h"
#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::type_error&) {
    return false;
  }
}

}  // namespace

// All but ASCII is written as \u: whatever terminal or log it meets is safe, and a reader has the very name.
std::string written(const Json& json) { return json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n"; }

std::string json_name(const std::string& name) { return is_utf8(name) ? name : printable(name); }

// A name or path as JSON can hold it: as it is when it is UTF-8, else escaped, and the bytes beside it.
void put_name(Json& json, const std::string& key, const std::string& name) {
  json[key] = json_name(name);
  if (!is_utf8(name)) json[key + "_hex"] = to_hex(as_bytes(name));
}

namespace {

Json alarms_json(const std::vector<session::Alarm>& alarms) {
  Json out = Json::array();
  for (const auto& alarm : alarms)
    out.push_back({{"seq", alarm.seq}, {"code", alarm.code}, {"sentence", json_name(alarm.sentence)}});
  return out;
}

}  // namespace

Json alarms_json(const session::Alarms& alarms) {
  Json out = Json::array();
  for (const auto& [space, its] : alarms)
    for (auto alarm : alarms_json(its)) {
      alarm["space"] = json_name(space);
      out.push_back(std::move(alarm));
    }
  return out;
}

Json error_json(const Error& error) {
  return {
      {"code", name_of(error.code)}, {"sentence", error.sentence}, {"object", error.object}, {"whole", error.whole}};
}

Json stats_json(const space::SnapshotStats& stats) {
  return {{"files", stats.files},
          {"directories", stats.directories},
          {"others", stats.others},
          {"bytes", stats.bytes},
          {"files_new", stats.files_new},
          {"files_changed", stats.files_changed},
          {"files_unchanged", stats.files_unchanged},
          {"left_out", stats.left_out}};
}

Json snapshot_json(const space::Snapshot& snapshot) {
  Json out{{"id", snapshot.id.hex()},
           {"time", iso_time(snapshot.time_ns)},
           {"seq", snapshot.seq},
           {"device", snapshot.device.hex()}};
  put_name(out, "host", snapshot.host);
  out["paths"] = Json::array();
  for (const auto& path : snapshot.paths) out["paths"].push_back(json_name(path));
  out["tags"] = Json::array();
  for (const auto& tag : snapshot.tags) out["tags"].push_back(json_name(tag));
  out["partial"] = snapshot.partial;
  out["program"] = json_name(snapshot.program);
  out["stats"] = stats_json(snapshot.stats);
  return out;
}

void put_problems(Json& json, const backup::Problems& problems) {
  Json list = Json::array();
  for (const auto& problem : problems.problems) {
    Json one;
    put_name(one, "path", problem.path);
    one["code"] = name_of(problem.error.code);
    one["sentence"] = problem.error.sentence;
    one["object"] = problem.error.object;
    one["left_out"] = problem.left_out;
    list.push_back(std::move(one));
  }
  json["problems_count"] = problems.problems_count;
  json["problems"] = std::move(list);
}

namespace {

Json who_json(const verbs::WhoAmI& who) {
  return {{"name", who.user_name},           {"device_name", who.device_name}, {"account", who.account.hex()},
          {"device", who.device.hex()},      {"server", who.server},           {"chain_length", who.chain_length},
          {"circle_epoch", who.circle_epoch}};
}

std::string type_name(const space::TreeEntry& entry) {
  static constexpr const char* names[] = {"file", "directory", "symlink", "device", "fifo"};
  return names[entry.content.index()];
}

}  // namespace

std::string json_of(const verbs::WhoAmI& who) { return written(who_json(who)); }

std::string json_of(const verbs::Status& status, const Json& schedules, bool alarmed) {
  Json out = who_json(status.who);
  out["server_answers"] = status.server_answers;
  if (status.server_error) out["server_error"] = error_json(*status.server_error);
  if (status.chain_error) out["chain_error"] = error_json(*status.chain_error);
  out["has_witnesses"] = status.has_witnesses;
  out["bytes_used"] = status.bytes_used;
  out["bytes_max"] = status.bytes_max;
  out["objects"] = status.objects;
  out["spaces"] = Json::array();
  for (const auto& space : status.spaces) {
    Json one{{"name", json_name(space.named.name)},
             {"id", space.named.space.hex()},
             {"snapshots", space.snapshots},
             {"alarms", alarms_json(space.alarms)}};
    if (space.newest) one["newest"] = snapshot_json(*space.newest);
    if (space.error) one["error"] = error_json(*space.error);
    out["spaces"].push_back(std::move(one));
  }
  out["home_alarms"] = alarms_json(status.home_alarms);
  out["schedules"] = schedules;
  out["events"] = events_json(status.events);
  out["alarmed"] = alarmed;
  return written(out);
}

std::string json_of(const std::vector<verbs::Finding>& findings) {
  Json out = Json::array();
  for (const auto& finding : findings)
    out.push_back({{"what", finding.what}, {"good", finding.good}, {"sentence", finding.sentence}});
  return written({{"findings", out}});
}

std::string json_of(const std::vector<session::SpaceName>& spaces) {
  Json out = Json::array();
  for (const auto& space : spaces) out.push_back({{"name", json_name(space.name)}, {"id", space.space.hex()}});
  return written({{"spaces", out}});
}

std::string json_of(const verbs::SpaceInfo& info) {
  return written({{"name", json_name(info.named.name)},
                  {"id", info.named.space.hex()},
                  {"commits", info.commits},
                  {"epoch", info.epoch},
                  {"members", info.members},
                  {"snapshots", info.snapshots},
                  {"chunks", info.chunks},
                  {"packs", info.packs},
                  {"segments", info.segments},
                  {"bytes_stored", info.bytes_stored},
                  {"bytes_plain", info.bytes_plain},
                  {"inline_bytes", info.inline_bytes},
                  {"grace_seconds", info.grace_seconds},
                  {"alarms", alarms_json(info.alarms)}});
}

void put_report(Json& json, const backup::BackupReport& report) {
  json["stats"] = stats_json(report.snapshot.stats);
  json["bytes_read"] = report.bytes_read;
  json["bytes_stored"] = report.bytes_stored;
  json["bytes_resumed"] = report.bytes_resumed;
  put_problems(json, report);
}

void put_report(Json& json, const backup::RestoreReport& report) {
  json["stats"] = stats_json(report.stats);
  json["bytes_received"] = report.bytes_received;
  json["files_verified"] = report.files_verified;
  json["already_there"] = {
      {"files", report.files_there}, {"others", report.others_there}, {"bytes", report.bytes_there}};
  json["metadata_differs"] = report.metadata_differs;
  put_problems(json, report);
  json["warnings"] = report.warnings;
}

std::string json_of(const verbs::BackupDone& done, bool dry_run) {
  Json out{{"space", done.space}, {"space_made", done.space_made}, {"dry_run", dry_run}};
  if (!dry_run) out["snapshot"] = snapshot_json(done.report.snapshot);
  put_report(out, done.report);
  out["packs_lost"] = done.report.packs_lost;
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

std::string json_of(const verbs::Snapshots& snapshots) {
  Json list = Json::array();
  for (const auto& [snapshot, undated] : snapshots.snapshots) {
    list.push_back(snapshot_json(snapshot));
    list.back()["undated"] = undated;
  }
  return written({{"space", snapshots.space}, {"snapshots", list}, {"alarms", alarms_json(snapshots.alarms)}});
}

std::string json_of(const verbs::ForgetDone& done, bool dry_run) {
  Json kept = Json::array(), forgotten = Json::array();
  for (const auto& [listed, reasons] : done.judged) {
    Json one = snapshot_json(listed.snapshot);
    one["undated"] = listed.undated;
    if (!reasons.empty()) {
      one["reasons"] = Json::array();
      for (const auto& reason : reasons) one["reasons"].push_back(json_name(reason));
    }
    (reasons.empty() ? forgotten : kept).push_back(std::move(one));
  }
  return written({{"space", done.space},
                  {"dry_run", dry_run},
                  {"forgotten", forgotten},
                  {"kept", kept},
                  {"alarms", alarms_json(done.alarms)}});
}

std::string json_of(const verbs::PruneDone& done, bool dry_run) {
  const backup::PruneReport& report = done.report;
  return written({{"dry_run", dry_run},
                  {"snapshots", report.snapshots},
                  {"packs", report.packs},
                  {"bytes_stored", report.bytes_stored},
                  {"packs_dead", report.packs_dead},
                  {"packs_repacked", report.packs_repacked},
                  {"packs_left", report.packs_left},
                  {"packs_lost", report.packs_lost},
                  {"packs_damaged", report.packs_damaged},
                  {"chunks_lost", report.chunks_lost},
                  {"versions_lost", report.versions_lost},
                  {"bytes_retired", report.bytes_retired},
                  {"bytes_copied", report.bytes_copied},
                  {"objects_brought_back", report.objects_brought_back},
                  {"commits", report.commits},
                  {"grace_seconds", done.grace_seconds},
                  {"alarms", alarms_json(done.alarms)}});
}

std::string json_of(const verbs::RestoreDone& done) {
  Json out{{"snapshot", done.snapshot.id.hex()}};
  put_report(out, done.report);
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

Json entry_json(const space::TreeEntry& entry) {
  Json one;
  one["type"] = type_name(entry);
  if (const auto* file = entry.file()) one["size"] = file->size;
  if (const auto* folder = entry.directory()) {
    one["entries"] = folder->entries;
    one["size"] = folder->bytes;
  }
  if (const auto* link = std::get_if<space::SymlinkContent>(&entry.content)) put_name(one, "target", link->target);
  one["mode"] = entry.mode;
  one["uid"] = entry.uid;
  one["gid"] = entry.gid;
  one["user"] = json_name(entry.user);
  one["group"] = json_name(entry.group);
  one["mtime"] = iso_time(entry.mtime_ns);
  return one;
}

std::string json_of(const verbs::Listing& listing) {
  Json list = Json::array();
  for (const auto& [path, entry] : listing.entries) {
    Json one = entry_json(entry);
    put_name(one, "path", path);
    list.push_back(std::move(one));
  }
  Json out;
  if (listing.snapshot) out["snapshot"] = listing.snapshot->id.hex();
  out["entries"] = list;
  out["alarms"] = alarms_json(listing.alarms);
  return written(out);
}

std::string json_of(const verbs::Diff& diff) {
  Json list = Json::array();
  for (const auto& [path, before, after, changed] : diff.differences) {
    Json one;
    put_name(one, "path", path);
    if (before) one["before"] = entry_json(*before);
    if (after) one["after"] = entry_json(*after);
    if (before && after) one["changed"] = changed;
    list.push_back(std::move(one));
  }
  const auto name = [](const std::optional<space::Snapshot>& snapshot, const std::string& shown) {
    return snapshot ? snapshot->id.hex() : json_name(shown);
  };
  Json out{{"before", name(diff.snapshot_before, diff.before)},
           {"after", name(diff.snapshot_after, diff.after)},
           {"differences", list}};
  put_problems(out, diff.left_out);
  out["alarms"] = alarms_json(diff.alarms);
  return written(out);
}

std::string json_of(const verbs::TreeStats& stats) {
  Json out;
  if (stats.snapshot) out["snapshot"] = stats.snapshot->id.hex();
  out["files"] = stats.files;
  out["directories"] = stats.directories;
  out["others"] = stats.others;
  out["bytes"] = stats.bytes;
  out["chunks"] = stats.chunks;
  out["bytes_once"] = stats.bytes_once;
  out["nodes"] = stats.nodes;
  out["largest"] = stats.largest;
  if (stats.newest_mtime_ns) out["newest_mtime"] = iso_time(*stats.newest_mtime_ns);
  out["alarms"] = alarms_json(stats.alarms);
  return written(out);
}

std::string json_of(const backup::CheckReport& report) {
  Json findings = Json::array();
  for (const auto& finding : report.findings) {
    Json paths = Json::array();
    for (const auto& path : finding.paths) paths.push_back(json_name(path));
    findings.push_back({{"code", name_of(finding.code)},
                        {"object", finding.object},
                        {"sentence", finding.sentence},
                        {"paths", paths},
                        {"paths_count", finding.paths_count}});
  }
  return written({{"whole", report.whole()},
                  {"snapshots", report.snapshots},
                  {"objects", report.objects},
                  {"chunks", report.chunks},
                  {"bytes_read", report.bytes_read},
                  {"findings", findings}});
}

std::string json_of(const verbs::Inspected& inspected) {
  Json fields = Json::object();
  for (const auto& [name, value] : inspected.fields) fields[name] = value;
  return written({{"kind", inspected.kind}, {"fields", fields}, {"damage", inspected.damage}});
}

std::string json_of(const session::Alarms& alarms) { return written({{"alarms", alarms_json(alarms)}}); }

std::string json_of(const Error& error, const Command& command) {
  Json out = error_json(error);
  out["whole"] = whole_of(error, command);
  out["next"] = hint_of(error, command);
  return written({{"error", out}});
}

int report(const Parsed& parsed, const std::vector<std::string>& arguments, agent::Output& output) {
  if (parsed.code == exit_done) {
    output.out(parsed.text);
    return parsed.code;
  }
  Json wrong = error_json({Code::InvalidArgument, parsed.text, {}, "everything: nothing was begun"});
  wrong["next"] = parsed.next;
  const bool json = std::ranges::find(arguments, "--json") != arguments.end();
  output.error(json ? written({{"error", wrong}}) : "holdfast: " + parsed.text + "\n  next    " + parsed.next + "\n");
  return parsed.code;
}

std::string json_of_completion(const std::string& shell, const std::string& script) {
  return written({{"shell", shell}, {"script", script}});
}

std::string json_of_man(const Path& folder, const std::vector<std::string>& pages) {
  Json out;
  put_name(out, "folder", folder);
  out["pages"] = pages;
  return written(out);
}

}  // namespace holdfast::app
