#include "verb.h"

#include <algorithm>

#include "account.h"
#include "address.h"
#include "complete_verb.h"
#include "schedules.h"
#include "session/spaces.h"
#include "show.h"
#include "show_heal.h"
#include "show_schedule.h"
#include "terminal.h"
#include "verb_keep.h"
#include "verb_live.h"

namespace holdfast::app {

namespace {

class Verb {
 public:
  Verb(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output)
      : world_(world),
        command_(command),
        line_(line),
        output_(output),
        space_(command.space.value_or(std::string(session::backups_space))) {}

  // Alarms are told of every space that was opened on the way. They go to standard error where the command's own output
  // has no place for them.
  Result<int> run() {
    auto code = carry_out();
    if (connected_.session == nullptr) return code;
    if (const auto& events = session().events; !events.empty()) {
      const bool told = command_.verb == "status" || (command_.json && !code);
      if (!told) output_.error(command_.json ? json_of(events) : text_of(events));
      if (code && (*code == exit_done || *code == exit_incomplete)) code = exit_alarm;
    }
    if (session().alarms.empty()) return code;
    const bool told =
        command_.json ? has_alarms_in_json() || !code : command_.verb == "status" || command_.verb == "check";
    if (!told) output_.error(command_.json ? json_of(session().alarms) : text_of(session().alarms));
    return code && (*code == exit_done || *code == exit_incomplete) ? exit_alarm : code;
  }

 private:
  [[nodiscard]] bool has_alarms_in_json() const {
    return command_.verb != "cat" && command_.verb != "space list" && command_.verb != "space create";
  }

  Result<int> carry_out() {
    if (command_.verb == "doctor") return doctor();
    HF_TRY(connected_, connect(world_, command_, line_.error_is_terminal, output_));
    if (command_.verb == "complete") return complete_names(session(), line_, output_);
    if (command_.verb == "whoami") return show(verbs::who_am_i(world_.shared->account));
    if (command_.verb == "status") return status();
    if (command_.verb == "heal") return heal();
    if (command_.verb == "space create") return space_create();
    if (command_.verb == "space list") {
      HF_TRY(const auto spaces, verbs::space_list(session()));
      return show(spaces);
    }
    if (command_.verb == "space info") {
      HF_TRY(const auto info, verbs::space_info(session(), command_.name));
      return show(info);
    }
    if (const auto code = run_keep_verb(session(), command_, line_, output_)) return *code;
    if (command_.verb == "backup") return backup();
    if (command_.verb == "snapshots") {
      HF_TRY(auto snapshots, verbs::snapshots(session(), space_));
      if (!command_.tags.empty())
        std::erase_if(snapshots.snapshots, [&](const auto& listed) {
          return std::ranges::none_of(listed.snapshot.tags, [&](const auto& tag) {
            return std::ranges::find(command_.tags, tag) != command_.tags.end();
          });
        });
      if (!command_.json && !command_.tags.empty() && snapshots.snapshots.empty()) {
        output_.out("no snapshot with this tag\n");
        return exit_done;
      }
      return show(snapshots);
    }
    if (command_.verb == "restore") return restore();
    if (command_.verb == "ls") {
      HF_TRY(const auto listing, verbs::list(session(), space_, tree_path(command_.snapshot), command_.recursive));
      return show(listing);
    }
    if (command_.verb == "diff") return diff();
    if (command_.verb == "find") {
      HF_TRY(const auto found, verbs::find(session(), space_, tree_path(command_.snapshot), command_.pattern));
      if (found.entries.empty() && !command_.json && !command_.quiet)
        output_.error("nothing matches " + printable(command_.pattern) + " in " + printable(command_.snapshot) + "\n");
      return show(found);
    }
    if (command_.verb == "stats") {
      HF_TRY(const auto stats, verbs::tree_stats(session(), space_, tree_path(command_.snapshot)));
      return show(stats);
    }
    if (command_.verb == "cat") return cat();
    if (command_.verb == "check") return check();
    if (command_.verb == "forget") return forget();
    if (command_.verb == "prune") return prune();
    if (const auto code = run_live_verb(world_, session(), command_, line_, output_)) return *code;
    return fail(Code::InvalidArgument, "there is no such command", command_.verb);
  }

  session::Session& session() { return *connected_.session; }

  template <class T>
  int show(const T& value) {
    output_.out(command_.json ? json_of(value) : text_of(value));
    return exit_done;
  }

  template <class Options, class Work>
  auto with_progress(Options& options, const Work& work) {
    return app::with_progress(output_, line_, command_, options, work);
  }

  int doctor() {
    std::vector<verbs::Finding> findings;
    auto connected = connect(world_, command_, line_.error_is_terminal, output_);
    findings =
        verbs::doctor(*world_.files, world_.home, connected ? connected->session.get() : nullptr, world_.no_account);
    std::ranges::move(schedule_findings(world_), std::back_inserter(findings));
    show(findings);
    for (const auto& finding : findings)
      if (!finding.good) return exit_failed;
    return exit_done;
  }

  Result<int> status() {
    HF_TRY(const auto status, verbs::status(session()));
    HF_TRY(const auto schedules, schedule_views(world_));
    const bool alarmed = status.alarmed() || std::ranges::any_of(schedules, &ScheduleView::alarmed);
    output_.out(command_.json ? json_of(status, schedules, alarmed) : text_of(status) + text_of(schedules));
    if (!status.server_answers) return exit_unreachable;
    return alarmed ? exit_alarm : exit_done;
  }

  Result<int> heal() {
    HF_TRY(const Bytes invitation, read_invitation(world_, command_, line_.directory));
    HF_TRY(const auto done, verbs::heal(session(), invitation));
    output_.out(command_.json ? json_of(done) : text_of(done, command_));
    return done.all_is_there() ? exit_done : exit_alarm;
  }

  Result<int> space_create() {
    HF_TRY(const auto made, verbs::space_create(session(), command_.name));
    if (command_.json) return show(std::vector{made});
    output_.out("made the space " + printable(made.name) + "\n");
    return exit_done;
  }

  Result<int> backup() {
    HF_TRY(auto options, backup_options(world_, command_, line_));
    if (command_.every_s) return say_whether_it_can_run();
    const std::int64_t began = world_.clock->monotonic_ns();
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::backup(session(), command_.space, options); }));
    output_.out(command_.json ? json_of(done, command_.dry_run)
                              : text_of(done, command_, world_.clock->monotonic_ns() - began));
    return done.report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> say_whether_it_can_run() {
    const auto space = session::open_space(session(), space_);
    const bool made_later = !space && space.error().code == Code::NotFound && space_ == session::backups_space;
    if (!space && !made_later) return pass_on(space.error());
    output_.out(can_run);
    return exit_done;
  }

  Result<int> restore() {
    const auto [which, colon, path] = tree_path(command_.snapshot);
    HF_TRY(auto options, restore_options(command_, line_));
    options.path = path;
    const std::int64_t began = world_.clock->monotonic_ns();
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::restore(session(), space_, which, options); }));
    output_.out(command_.json ? json_of(done) : text_of(done, command_, world_.clock->monotonic_ns() - began));
    return done.report.damaged() ? exit_alarm : done.report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> diff() {
    const auto before = tree_path(command_.snapshot);
    if (!command_.folder.empty()) return diff_with_folder(before);
    const auto after = command_.other.empty()
                           ? verbs::TreePath{std::string(backup::latest_snapshot), false, before.path}
                           : tree_path(command_.other);
    HF_TRY(const auto diff, verbs::diff(session(), space_, before, after));
    return show(diff);
  }

  Result<int> diff_with_folder(const verbs::TreePath& before) {
    HF_TRY(const Path typed, absolute(command_.folder, line_.directory));
    HF_TRY(const Path folder, world_.files->real_path(typed));
    backup::BackupOptions options;  // for its progress
    HF_TRY(const auto diff, with_progress(options, [&] {
             return verbs::diff_with_folder(session(), space_, before, folder, options.progress);
           }));
    show(diff);
    return diff.left_out.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> cat() {
    const auto at = tree_path(command_.snapshot);
    if (at.path.empty())
      return fail(Code::InvalidArgument, "which file? It is named as in " + printable(at.tree) + ":PATH",
                  command_.snapshot);
    HF_OK(verbs::cat(session(), space_, at, [&](ByteView bytes) -> Status {
      if (output_.out(as_text(bytes))) return {};
      return fail(Code::Cancelled, "the output can't be written");
    }));
    return exit_done;
  }

  Result<int> check() {
    backup::CheckOptions options;
    options.read_data = command_.read_data;
    HF_TRY(const auto report, with_progress(options, [&] { return verbs::check(session(), space_, options); }));
    output_.out(command_.json ? json_of(report) : text_of(report, command_.read_data));
    return report.whole() ? exit_done : exit_alarm;
  }

  Result<int> forget() {
    backup::ForgetOptions options;
    options.rules = {command_.keep_last,
                     command_.keep_hourly,
                     command_.keep_daily,
                     command_.keep_weekly,
                     command_.keep_monthly,
                     command_.keep_yearly,
                     command_.keep_within_s * second_ns,
                     command_.keep_tags};
    options.ids = command_.snapshots;
    options.dry_run = command_.dry_run;
    HF_TRY(const auto done, verbs::forget(session(), space_, options));
    output_.out(command_.json ? json_of(done, command_.dry_run) : text_of(done, command_));
    return exit_done;
  }

  Result<int> prune() {
    backup::PruneOptions options;
    options.dry_run = command_.dry_run;
    options.repack_bytes_max = command_.max_repack_bytes;
    options.give_up_lost = command_.give_up_lost;
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::prune(session(), space_, options); }));
    output_.out(command_.json ? json_of(done, command_.dry_run) : text_of(done, command_));
    const bool lost = done.report.chunks_lost + done.report.packs_damaged + done.report.versions_lost > 0;
    return lost ? exit_alarm : exit_done;
  }

  World& world_;
  const Command& command_;
  const agent::ForwardedCommand& line_;
  agent::Output& output_;
  std::string space_;
  Connected connected_;
};

}  // namespace

int run_verb(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  const auto code = Verb(world, command, line, output).run();
  return code ? *code : report(code.error(), command, output);
}

}  // namespace holdfast::app
