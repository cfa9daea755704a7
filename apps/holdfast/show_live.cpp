#include "show_live.h"

#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

std::string shown(const std::string& space, const std::string& path) {
  return printable(space) + ":" + printable(path);
}

}  // namespace

std::string text_of(const verbs::PutDone& done, const Command&, std::int64_t took_ns) {
  const auto& report = done.report;
  const auto& stats = report.snapshot.stats;
  std::string out = "put " + contents_text(stats) + " into " + shown(done.into.space, done.into.path) + " in " +
                    duration_text(took_ns) + "\n";
  if (report.snapshot.seq == 0) {
    out += "  all of it stood there already\n";
  } else {
    out += "  change " + std::to_string(report.snapshot.seq);
    if (report.bytes_stored > 0) out += ", sent " + size_text(report.bytes_stored);
    if (report.bytes_resumed > 0) out += " (" + size_text(report.bytes_resumed) + " had arrived before)";
    out += "\n";
  }
  if (report.problems_count > 0) {
    out += count_text(stats.left_out) + " left out, " + count_text(report.problems_count - stats.left_out) +
           " put with a doubt:\n" + problems_text(report.problems, report.problems_count);
  }
  return out;
}

std::string text_of(const verbs::GetDone& done, const Command& command, std::int64_t took_ns) {
  return restored_text(done.report, command, took_ns,
                       "an older version may be whole:  holdfast history " + shown(done.from.space, done.from.path));
}

std::string text_of(const verbs::LiveChanged& done, const Command& command, std::int64_t) {
  const std::string change =
      done.seq > 0 ? "  change " + std::to_string(done.seq) + "\n" : "  nothing was to be changed\n";
  if (command.verb == "mv")
    return "moved " + shown(done.space, done.paths[0]) + " to " + shown(done.space, done.paths[1]) + "\n" + change;
  std::string out;
  for (const std::string& path : done.paths)
    out += (command.verb == "rm" ? "removed " : "made ") + shown(done.space, path) + "\n";
  if (command.verb == "rm")
    out += "  " + (done.entries == 1 ? std::string("1 entry") : count_text(done.entries) + " entries") +
           "; the history keeps what was there\n";
  return out + change;
}

std::string text_of(const verbs::History& history, const Command&, std::int64_t) {
  std::string out;
  for (const auto& [seq, time_ns, device, entry] : history.versions) {
    out += padded(std::to_string(seq), 8) + "  " + time_text(time_ns) + "  ";
    if (entry) {
      const std::uint64_t size = entry->directory() != nullptr ? entry->directory()->bytes
                                 : entry->file() != nullptr    ? entry->file()->size
                                                               : 0;
      out += type_letter(*entry) + mode_text(entry->mode) + "  " + size_text(size) + "\n";
    } else {
      out += "removed\n";
    }
  }
  if (history.lost > 0) out += "of " + counted(history.lost, "change") + " the tree can't be read any more\n";
  return out + "  next    one of them:  holdfast get " + shown(history.of.space, history.of.path) +
         " DIR --version NUMBER\n";
}

std::string json_of(const verbs::PutDone& done) {
  Json out{{"space", json_name(done.into.space)}};
  put_name(out, "path", done.into.path);
  out["seq"] = done.report.snapshot.seq;
  put_report(out, done.report);
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

std::string json_of(const verbs::GetDone& done) {
  Json out{{"space", json_name(done.from.space)}};
  put_name(out, "path", done.from.path);
  put_report(out, done.report);
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

std::string json_of(const verbs::LiveChanged& done) {
  Json paths = Json::array();
  for (const std::string& path : done.paths) {
    Json one;
    put_name(one, "path", path);
    paths.push_back(std::move(one));
  }
  return written({{"space", json_name(done.space)},
                  {"paths", paths},
                  {"seq", done.seq},
                  {"entries", done.entries},
                  {"alarms", alarms_json(done.alarms)}});
}

std::string json_of(const verbs::History& history) {
  Json versions = Json::array();
  for (const auto& [seq, time_ns, device, entry] : history.versions) {
    Json one{{"seq", seq}, {"time", iso_time(time_ns)}, {"device", device.hex()}};
    one["entry"] = entry ? entry_json(*entry) : Json(nullptr);
    versions.push_back(std::move(one));
  }
  Json out{{"space", json_name(history.of.space)}};
  put_name(out, "path", history.of.path);
  out["versions"] = versions;
  out["lost"] = history.lost;
  out["alarms"] = alarms_json(history.alarms);
  return written(out);
}

}  // namespace holdfast::app
