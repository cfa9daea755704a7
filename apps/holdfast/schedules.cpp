#include "schedules.h"

#include "schedule/interval.h"
#include "show.h"
#include "systemctl.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

// Passes on what a run says, and keeps the beginning of it.
class Heard final : public agent::Output {
 public:
  explicit Heard(agent::Output& output) : output_(output) {}
  bool out(std::string_view bytes) override {
    keep(out_, bytes);
    return output_.out(bytes);
  }
  bool error(std::string_view bytes) override {
    keep(error_, bytes);
    return output_.error(bytes);
  }
  [[nodiscard]] bool reported() const { return !out_.empty(); }
  [[nodiscard]] std::string said() const { return error_ + out_; }

 private:
  static void keep(std::string& heard, std::string_view bytes) {
    heard += bytes.substr(0, schedule::said_bytes_max - std::min(heard.size(), schedule::said_bytes_max));
  }
  agent::Output& output_;
  std::string out_, error_;
};

bool is_there(Files& files, const Path& path) { return files.stat(path).has_value(); }

std::string shown(const std::vector<Path>& paths) {
  std::string out;
  for (const auto& path : paths) out += (out.empty() ? "" : ", ") + printable(path);
  return out;
}

}  // namespace

int run_scheduled(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output,
                  const RunAtHome& run) {
  const auto known = schedule::known_schedule(*world.files, world.home, command.scheduled);
  if (known.schedule && !schedule::is_due(static_cast<std::int64_t>(known.schedule->every_s),
                                          known.run ? known.run->good_ns : 0, world.clock->now_ns())) {
    if (!command.quiet) output.error("not due: the last good run is younger than the schedule's interval\n");
    return exit_done;
  }
  std::vector<Path> paths;
  for (const auto& path : command.paths) paths.push_back(absolute(path, line.directory).value_or(path));
  // A home that is not there stays so: the run itself says what is wrong.
  auto under_way =
      is_there(*world.files, world.home)
          ? schedule::RunUnderWay::begin(*world.files, *world.clock, world.home, command.scheduled,
                                         command.space.value_or(std::string(session::backups_space)), paths)
          : Result<schedule::RunUnderWay>(fail(Code::NotFound, "there is no home"));
  if (!under_way && under_way.error().code == Code::Busy) return report(under_way.error(), command, output);
  Heard heard(output);
  const int code = run(command, heard);
  const bool saved = code == exit_done || code == exit_incomplete || (code == exit_alarm && heard.reported());
  const Status ended = under_way ? under_way->end(static_cast<std::uint8_t>(code), saved,
                                                  code == exit_done ? std::string() : heard.said())
                                 : Status(pass_on(under_way.error()));
  if (ended) return code;
  output.error("holdfast: `holdfast status` can't tell of this run: " + ended.error().sentence + "\n");
  return code == exit_done ? exit_failed : code;
}

bool ScheduleView::alarmed() const {
  return judged.lasting || known.damaged || (known.schedule && manager_answered && !timer_active);
}

Result<std::vector<ScheduleView>> schedule_views(World& world) {
  HF_TRY(auto all, schedule::all_schedules(*world.files, world.home));
  std::vector<ScheduleView> out;
  for (auto& known : all) {
    ScheduleView view;
    view.judged = schedule::judge(known, world.clock->now_ns());
    if (known.schedule) {
      const TimerState state = timer_state(known.name);
      view.manager_answered = state.answered;
      view.timer_active = state.active;
      const bool ended_well = !view.judged.failed && !known.running && (!known.run || known.run->exit != exit_alarm);
      if (ended_well && state.service_result != "success") view.service_failed = state.service_result;
      if (state.next_ns)
        view.next_ns = schedule::next_run_ns(static_cast<std::int64_t>(known.schedule->every_s),
                                             known.run ? known.run->good_ns : 0, *state.next_ns);
    }
    view.known = std::move(known);
    out.push_back(std::move(view));
  }
  return out;
}

std::vector<verbs::Finding> schedule_findings(World& world) {
  std::vector<verbs::Finding> out;
  const auto views = schedule_views(world);
  if (!views) return {{"schedules", false, views.error().sentence}};
  for (const auto& view : *views) {
    const auto add = [&](std::string sentence) {
      out.push_back({"schedule", false, view.known.name + ": " + sentence});
    };
    if (view.known.damaged) add("its record can't be read: " + view.known.damaged->sentence);
    if (view.judged.lasting)
      add("no backup for too long, since " + time_text(view.judged.since_ns) + ": holdfast status");
    if (!view.known.schedule) continue;
    const schedule::Schedule& made = *view.known.schedule;
    const std::size_t before = out.size();
    if (!is_there(*world.files, made.program)) add("the program that it starts is gone: " + printable(made.program));
    for (const auto& path : made.paths)
      if (!world.files->real_path(path)) add("a path that it backs up is gone: " + printable(path));
    if (!made.passphrase.empty() && !is_there(*world.files, made.passphrase))
      add("what its passphrase comes from is gone: " + printable(made.passphrase));
    for (const std::string ending : {".service", ".timer"})
      if (const Path unit = join_path(made.unit_folder, view.known.name + ending); !is_there(*world.files, unit))
        add("its unit is gone: " + printable(unit));
    if (!view.manager_answered) add("no systemd of this user answers");
    if (view.manager_answered && !view.timer_active)
      add("its timer does not run: systemctl --user start " + view.known.name + ".timer");
    if (out.size() == before && !view.judged.lasting)
      out.push_back({"schedule", true,
                     "every " + schedule::every_text(static_cast<std::int64_t>(made.every_s)) + ": " +
                         shown(made.paths) + " into " + printable(made.space)});
  }
  return out;
}

void tell_of_lasting_failures(World& world, agent::Output& output) {
  const auto all = schedule::all_schedules(*world.files, world.home);
  if (!all) return;
  for (const auto& known : *all)
    if (const auto judged = schedule::judge(known, world.clock->now_ns()); judged.lasting)
      output.error("note: no scheduled backup since " + time_text(judged.since_ns) + ":  holdfast status\n");
}

}  // namespace holdfast::app
