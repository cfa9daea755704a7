#include "verb_live.h"

#include <unistd.h>

#include "address.h"
#include "show_live.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

struct Places {
  std::string space;
  std::vector<std::string> paths;
};

class LiveVerb {
 public:
  LiveVerb(World& world, session::Session& session, const Command& command, const agent::ForwardedCommand& line,
           agent::Output& output)
      : world_(world),
        session_(session),
        command_(command),
        line_(line),
        output_(output),
        began_ns_(world.clock->monotonic_ns()) {}

 private:
  template <class T>
  void show(const T& value) {
    output_.out(command_.json ? json_of(value) : text_of(value, command_, world_.clock->monotonic_ns() - began_ns_));
  }
  template <class Options, class Work>
  auto with_progress(Options& options, const Work& work) {
    return app::with_progress(output_, line_, command_, options, work);
  }

 public:
  Result<int> put() {
    HF_TRY(const auto into, live_path(command_.place));
    HF_TRY(auto options, backup_options(world_, command_, line_));
    HF_TRY(const auto done, with_progress(options, [&] { return verbs::put(session_, into, options); }));
    show(done);
    return done.report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> get() {
    HF_TRY(const auto from, live_path(command_.place));
    HF_TRY(auto options, restore_options(command_, line_));
    HF_TRY(const auto done,
           with_progress(options, [&] { return verbs::get(session_, from, command_.version, options); }));
    show(done);
    return done.report.damaged() ? exit_alarm : done.report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> mkdir() {
    HF_TRY(const auto named, places());
    return changed(
        verbs::make_folders(session_, named.space, {named.paths, command_.parents, ::geteuid(), ::getegid()}));
  }

  Result<int> rm() {
    HF_TRY(const auto named, places());
    return changed(verbs::remove(session_, named.space, named.paths, command_.recursive));
  }

  Result<int> mv() {
    HF_TRY(const auto from, live_path(command_.place));
    HF_TRY(const auto to, live_path(command_.place_to, EndingSlash::keep));
    HF_OK(same_space(from.space, to.space));
    return changed(verbs::move(session_, from, to.path, command_.overwrite));
  }

  Result<int> history() {
    HF_TRY(const auto of, live_path(command_.place));
    HF_TRY(const auto history, verbs::history(session_, of));
    show(history);
    return history.lost > 0 ? exit_incomplete : exit_done;
  }

 private:
  Result<int> changed(Result<verbs::LiveChanged> done) {
    if (!done) return pass_on(std::move(done).error());
    show(*done);
    return exit_done;
  }
  static Status same_space(const std::string& one, const std::string& other) {
    if (one == other) return {};
    return fail(Code::InvalidArgument, "one command changes one space", printable(one) + " and " + printable(other));
  }
  Result<Places> places() {
    Places out;
    for (const std::string& typed : command_.places) {
      HF_TRY(auto place, live_path(typed));
      if (!out.paths.empty()) HF_OK(same_space(out.space, place.space));
      out.space = std::move(place.space);
      out.paths.push_back(std::move(place.path));
    }
    return out;
  }

  World& world_;
  session::Session& session_;
  const Command& command_;
  const agent::ForwardedCommand& line_;
  agent::Output& output_;
  std::int64_t began_ns_;
};

}  // namespace

std::optional<Result<int>> run_live_verb(World& world, session::Session& session, const Command& command,
                                         const agent::ForwardedCommand& line, agent::Output& output) {
  LiveVerb verb(world, session, command, line, output);
  if (command.verb == "put") return verb.put();
  if (command.verb == "get") return verb.get();
  if (command.verb == "mkdir") return verb.mkdir();
  if (command.verb == "rm") return verb.rm();
  if (command.verb == "mv") return verb.mv();
  if (command.verb == "history") return verb.history();
  return std::nullopt;
}

}  // namespace holdfast::app
