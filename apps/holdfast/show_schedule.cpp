#include "show_schedule.h"

#include <array>

#include "schedule/interval.h"
#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

std::string paths_text(const std::vector<Path>& paths) {
  std::string out;
  for (const auto& path : paths) out += (out.empty() ? "" : ", ") + printable(path);
  return out;
}

Json paths_json(const std::vector<Path>& paths) {
  Json out = Json::array();
  for (const auto& path : paths) out.push_back(json_name(path));
  return out;
}

Json time_json(std::optional<std::int64_t> ns) { return ns && *ns != 0 ? Json(iso_time(*ns)) : Json(nullptr); }

Path unit_of(const schedule::Schedule& made, const std::string& name, const std::string& ending) {
  return join_path(made.unit_folder, name + ending);
}

std::string every_of(const schedule::Schedule& made) {
  return schedule::every_text(static_cast<std::int64_t>(made.every_s));
}

std::string exit_text(std::uint8_t exit) {
  constexpr std::array names{"saved",
                             "failed",
                             "failed: the command line is wrong",
                             "saved, but something was left out",
                             "alarms",
                             "failed: wrong passphrase or keys",
                             "failed: no server answers"};
  return (exit < names.size() ? names[exit] : "failed") + (exit == 0 ? "" : " (" + std::to_string(exit) + ")");
}

std::string last_text(const ScheduleView& view) {
  const auto& run = view.known.run;
  if (!run) return "it has not run yet";
  const std::string began = time_text(run->began_ns) + ": ";
  if (view.known.running) return began + "it runs";
  if (view.judged.killed) return began + "it was ended or killed before it was done";
  return began + (run->exit == exit_alarm && !run->saved ? "failed (4)" : exit_text(run->exit));
}

// The first line of what it said, without the program's name.
std::string said_text(const schedule::Run& run) {
  const std::string line = run.said.substr(0, run.said.find('\n'));
  const std::string name = "holdfast: ";
  return printable(line.starts_with(name) ? line.substr(name.size()) : line);
}

std::string view_text(const ScheduleView& view) {
  const auto& [name, made, run, running, damaged] = view.known;
  const auto& paths = made ? made->paths : run ? run->paths : std::vector<Path>();
  const std::string space = made ? made->space : run ? run->space : "";
  std::string out = "  " + padded(made ? "every " + every_of(*made) : printable(name), 14) + paths_text(paths) +
                    " into " + printable(space) + "\n";
  const auto line = [&](const std::string& text) { out += "      " + text + "\n"; };
  if (damaged) line("ALARM   its record can't be read: " + damaged->sentence);
  line("last    " + last_text(view));
  const auto& judged = view.judged;
  if (judged.failed) {
    line("LOOK    failed " +
         (judged.failures == 1 ? std::string() : count_text(judged.failures) + " times in a row, ") + "since " +
         time_text(judged.since_ns) +
         "; the last good one: " + (run && run->good_ns != 0 ? time_text(run->good_ns) : "none"));
  }
  if (run && !running && !judged.killed && run->exit != exit_done && !run->said.empty())
    line("said    " + said_text(*run));
  if (!view.service_failed.empty())
    line("LOOK    systemd could not start it (" + printable(view.service_failed) + "):  systemctl --user status " +
         name);
  if (made && !view.manager_answered)
    line("LOOK    no systemd of this user answers here: whether it runs is not known");
  if (made && view.manager_answered && !view.timer_active)
    line("ALARM   its timer does not run:  systemctl --user start " + name + ".timer");
  if (view.next_ns && view.timer_active) line("next    " + time_text(*view.next_ns));
  if (judged.lasting)
    line("ALARM   no good run since " +
         time_text(std::max(run ? run->good_ns : 0, made ? made->made_ns : judged.since_ns)));
  if (made && (judged.failed || !view.service_failed.empty())) line("all of it:  journalctl --user -u " + name);
  return out;
}

}  // namespace

std::string text_of(const Scheduled& done, const Command& command) {
  std::string words;
  for (const auto& path : command.paths) words += " " + printable(path);
  if (command.space) words += " --space " + *command.space;
  const std::string service = done.name + ".service";
  return std::string(done.replaced ? "changed: every " : "every ") + every_of(done.schedule) +
         " from now on: " + paths_text(done.schedule.paths) + " into " + printable(done.schedule.space) +
         "\n  units   " + printable(unit_of(done.schedule, done.name, ".timer")) + ", .service\n" +
         (done.next_ns ? "  first   " + time_text(*done.next_ns) +
                             (done.replaced ? "" : ";  at once:  systemctl --user start " + service) + "\n"
                       : "") +
         (done.lingers
              ? ""
              : "  note    it runs while you are logged in; to have it run without:  loginctl enable-linger\n") +
         "  note    how it goes:  holdfast status;  journalctl --user -u " + done.name +
         "\n  note    no more of it:  holdfast backup" + words + " --every never\n";
}

std::string text_of(const Unscheduled& done, const Command&) {
  std::string out;
  for (const auto& [name, made] : done.schedules)
    out += "removed " + name +
           (made ? ": every " + every_of(*made) + ", " + paths_text(made->paths) + " into " + printable(made->space)
                 : "") +
           "\n";
  if (!done.manager_answered)
    out += "  note    no systemd of this user answered: one that runs elsewhere forgets it when it starts again\n";
  return out + "  note    what was saved stays; a run that is under way goes on\n";
}

std::string json_of(const Scheduled& done) {
  return written({{"schedule", done.name},
                  {"space", json_name(done.schedule.space)},
                  {"paths", paths_json(done.schedule.paths)},
                  {"every_seconds", done.schedule.every_s},
                  {"timer", json_name(unit_of(done.schedule, done.name, ".timer"))},
                  {"service", json_name(unit_of(done.schedule, done.name, ".service"))},
                  {"replaced", done.replaced},
                  {"next", time_json(done.next_ns)},
                  {"lingers", done.lingers}});
}

std::string json_of(const Unscheduled& done) {
  Json removed = Json::array();
  for (const auto& [name, made] : done.schedules) {
    Json one{{"schedule", name}};
    if (made) {
      one["space"] = json_name(made->space);
      one["paths"] = paths_json(made->paths);
      one["every_seconds"] = made->every_s;
    }
    removed.push_back(std::move(one));
  }
  return written({{"removed", removed}, {"manager_answered", done.manager_answered}});
}

std::string text_of(const std::vector<ScheduleView>& views) {
  std::string out;
  for (const auto& view : views) out += view_text(view);
  return out.empty() ? out : "schedules\n" + out;
}

std::string json_of(const verbs::Status& status, const std::vector<ScheduleView>& views, bool alarmed) {
  Json out = Json::array();
  for (const auto& view : views) {
    const auto& [name, made, run, running, damaged] = view.known;
    Json one{{"schedule", name},
             {"space", json_name(made  ? made->space
                                 : run ? run->space
                                       : "")},
             {"paths", paths_json(made  ? made->paths
                                  : run ? run->paths
                                        : std::vector<Path>())},
             {"every_seconds", made ? Json(made->every_s) : Json(nullptr)},
             {"manager_answered", view.manager_answered},
             {"timer_active", view.timer_active},
             {"next", time_json(view.next_ns)},
             {"running", running},
             {"last", nullptr}};
    if (run)
      one["last"] = {{"began", iso_time(run->began_ns)},
                     {"ended", time_json(run->ended_ns)},
                     {"exit", run->ended_ns ? Json(run->exit) : Json(nullptr)},
                     {"saved", run->ended_ns && run->saved},
                     {"said", json_name(run->said)}};
    one["last_good"] = time_json(run ? run->good_ns : 0);
    one["failed"] = view.judged.failed;
    one["killed"] = view.judged.killed;
    one["failures"] = view.judged.failures;
    one["since"] = time_json(view.judged.since_ns);
    one["lasting"] = view.judged.lasting;
    if (!view.service_failed.empty()) one["service_failed"] = json_name(view.service_failed);
    if (damaged) one["damaged"] = damaged->sentence;
    one["alarmed"] = view.alarmed();
    out.push_back(std::move(one));
  }
  return json_of(status, out, alarmed);
}

}  // namespace holdfast::app
