#include "complete_verb.h"

#include <unistd.h>

#include <csignal>
#include <set>

#include "complete.h"
#include "session/spaces.h"
#include "terminal.h"
#include "values.h"
#include "verbs/unforget.h"
#include "verbs/verbs.h"

namespace holdfast::app {

namespace {

using command_line::Candidate;
using command_line::Wanted;

constexpr unsigned seconds_max = 2;

Wanted wanted_of(const agent::ForwardedCommand& line) {
  Command unused;
  return command_line::what_may_stand(*make_parser(unused), command_line::words_to_complete(line.arguments));
}

std::string about(const space::Snapshot& snapshot) {
  std::string out = time_text(snapshot.time_ns);
  for (const auto& path : snapshot.paths) out += " " + path;
  return out;
}

class Names {
 public:
  Names(session::Session& session, const Wanted& wanted)
      : session_(session), space_(wanted.space.empty() ? std::string(session::backups_space) : wanted.space) {}

  Status add_spaces(const std::string& end) {
    HF_TRY(const auto spaces, verbs::space_list(session_));
    for (const auto& space : spaces) found.push_back({space.name + end, ""});
    return {};
  }
  Status add_snapshots() {
    HF_TRY(const auto listed, verbs::snapshots(session_, space_));
    for (const auto& one : listed.snapshots) found.push_back({one.snapshot.id.short_hex(), about(one.snapshot)});
    return {};
  }
  Status add_forgotten() {
    HF_TRY(const auto forgotten, verbs::forgotten(session_, space_));
    for (const auto& one : forgotten.snapshots) found.push_back({one.snapshot.id.short_hex(), about(one.snapshot)});
    return {};
  }
  Status add_tags() {
    HF_TRY(const auto listed, verbs::snapshots(session_, space_));
    std::set<std::string> tags;
    for (const auto& one : listed.snapshots) tags.insert(one.snapshot.tags.begin(), one.snapshot.tags.end());
    for (const auto& tag : tags) found.push_back({tag, ""});
    return {};
  }

  std::vector<Candidate> found;

 private:
  session::Session& session_;
  std::string space_;
};

// Errors are not for a line that is being typed.
class WithoutErrors final : public agent::Output {
 public:
  explicit WithoutErrors(agent::Output& output) : output_(output) {}
  bool out(std::string_view bytes) override { return output_.out(bytes); }
  bool error(std::string_view) override { return true; }

 private:
  agent::Output& output_;
};

}  // namespace

Result<int> complete_names(session::Session& session, const agent::ForwardedCommand& line, agent::Output& output) {
  const Wanted wanted = wanted_of(line);
  const std::string& source = wanted.source;
  Names names(session, wanted);
  // What one of them can't tell keeps nobody from the others.
  if (source == names_of_spaces) (void)names.add_spaces("");
  if (source == names_of_places || source == names_of_trees || source == files_and_places) (void)names.add_spaces(":");
  if (source == names_of_snapshots || source == names_of_trees) (void)names.add_snapshots();
  if (source == names_of_forgotten) (void)names.add_forgotten();
  if (source == names_of_tags) (void)names.add_tags();
  output.out(command_line::lines_of(names.found, wanted));
  return exit_done;
}

int complete(const Command& command, const agent::ForwardedCommand& line, agent::Output& output, const RunAtHome& run) {
  std::signal(SIGALRM, [](int) { ::_exit(exit_done); });
  ::alarm(seconds_max);
  const Wanted wanted = wanted_of(line);
  std::vector<Candidate> known = wanted.candidates;
  if (wanted.source == names_of_snapshots || wanted.source == names_of_trees)
    known.push_back({std::string(backup::latest_snapshot), "the newest snapshot"});
  output.out(command_line::first_line(wanted) + command_line::lines_of(known, wanted));
  const bool of_account = !wanted.source.empty() && wanted.source != command_line::files_of_disk &&
                          wanted.source != command_line::folders_of_disk;
  if (!of_account || wanted.typed.find(':') != std::string::npos) return exit_done;
  WithoutErrors quiet(output);
  (void)run(command, quiet);
  return exit_done;
}

}  // namespace holdfast::app
