#include "verb_keep.h"

#include <unistd.h>

#include "address.h"
#include "session/spaces.h"
#include "show_keep.h"
#include "terminal.h"
#include "world.h"

namespace holdfast::app {

namespace {

class KeepVerb {
 public:
  KeepVerb(session::Session& session, const Command& command, const agent::ForwardedCommand& line,
           agent::Output& output)
      : session_(session),
        command_(command),
        line_(line),
        output_(output),
        space_(command.space.value_or(std::string(session::backups_space))) {}

 private:
  template <class T>
  void show(const T& value) {
    output_.out(command_.json ? json_of(value, command_) : text_of(value, command_));
  }
  template <class Options, class Work>
  auto with_progress(Options& options, const Work& work) {
    return app::with_progress(output_, line_, command_, options, work);
  }

 public:
  Result<int> forgotten() {
    HF_TRY(const auto forgotten, verbs::forgotten(session_, space_));
    show(forgotten);
    return exit_done;
  }

  Result<int> unforget() {
    backup::UnforgetOptions options;
    options.ids = command_.snapshots;
    options.dry_run = command_.dry_run;
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::unforget(session_, space_, options); }));
    show(done);
    return exit_done;
  }

  Result<int> export_all() {
    backup::ExportOptions options;
    HF_TRY(options.folder, absolute(command_.target, line_.directory));
    options.set_owner = ::geteuid() == 0;
    options.restorer = std::pair(::geteuid(), ::getegid());
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::export_all(session_, options); }));
    show(done);
    return done.report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> import_all() {
    verbs::ImportOptions options;
    HF_TRY(const Path typed, absolute(command_.target, line_.directory));
    HF_TRY(options.folder, session_.doors.files.real_path(typed));
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::import_all(session_, options); }));
    show(done);
    if (!done.differences.empty()) return exit_alarm;
    return done.problems.problems_count > 0 ? exit_incomplete : exit_done;
  }

 private:
  session::Session& session_;
  const Command& command_;
  const agent::ForwardedCommand& line_;
  agent::Output& output_;
  std::string space_;
};

}  // namespace

std::optional<Result<int>> run_keep_verb(session::Session& session, const Command& command,
                                         const agent::ForwardedCommand& line, agent::Output& output) {
  KeepVerb verb(session, command, line, output);
  if (command.verb == "snapshots" && command.forgotten) return verb.forgotten();
  if (command.verb == "unforget") return verb.unforget();
  if (command.verb == "export") return verb.export_all();
  if (command.verb == "import") return verb.import_all();
  return std::nullopt;
}

}  // namespace holdfast::app
