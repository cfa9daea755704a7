#include "tools.h"

#include "complete.h"
#include "man_pages.h"
#include "schedule/interval.h"
#include "schedule/record.h"
#include "show.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

void field(verbs::Inspected& out, std::string name, std::string value) {
  out.fields.emplace_back(std::move(name), std::move(value));
}

verbs::Inspected of_schedule(const std::string& kind, const std::string& space, const std::vector<Path>& paths) {
  verbs::Inspected out;
  out.kind = kind;
  field(out, "space", printable(space));
  for (const auto& path : paths) field(out, "path", printable(path));
  return out;
}

// Schedules are this program's, and no room below knows of them.
std::optional<verbs::Inspected> inspect_schedule(Files& files, const Path& path) {
  constexpr std::size_t bytes_max = 1 << 20;
  const auto real = files.real_path(path);
  const auto stat = real ? files.stat(*real) : Result<FileStat>(pass_on(real.error()));
  if (!stat || stat->type != FileType::regular) return std::nullopt;
  const auto bytes = files.read_file(*real, bytes_max);
  if (!bytes) return std::nullopt;
  if (const auto made = decode<schedule::Schedule>(*bytes, "a schedule")) {
    auto out = of_schedule("schedule", made->space, made->paths);
    field(out, "every", schedule::every_text(static_cast<std::int64_t>(made->every_s)));
    field(out, "made", time_text(made->made_ns));
    field(out, "program", printable(made->program));
    field(out, "units", "in " + printable(made->unit_folder));
    if (!made->passphrase.empty()) field(out, "passphrase", "from " + printable(made->passphrase));
    return out;
  }
  if (const auto run = decode<schedule::Run>(*bytes, "a scheduled run")) {
    auto out = of_schedule("last run of a schedule", run->space, run->paths);
    field(out, "began", time_text(run->began_ns));
    field(out, "ended",
          run->ended_ns ? time_text(*run->ended_ns) + ", with exit code " + std::to_string(run->exit)
                        : "it runs, or was killed");
    if (!run->said.empty()) field(out, "said", printable(run->said));
    field(out, "last good run", run->good_ns == 0 ? "none" : time_text(run->good_ns));
    if (run->failures > 0) field(out, "failures", std::to_string(run->failures) + " in a row");
    return out;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> run_tool(World& world, const Command& command, const agent::ForwardedCommand& line,
                            agent::Output& output) {
  if (command.verb == "completion") {
    const std::string script = command_line::completion_script("holdfast", command.name);
    output.out(command.json ? json_of_completion(command.name, script) : script);
    return exit_done;
  }
  if (command.verb == "inspect") {
    const auto path = absolute(command.target, line.directory);
    auto inspected = path ? verbs::inspect(*world.files, *path) : Result<verbs::Inspected>(pass_on(path.error()));
    if (!inspected && inspected.error().code == Code::Unsupported)
      if (auto of_schedule = inspect_schedule(*world.files, *path)) inspected = *std::move(of_schedule);
    if (!inspected) return report(inspected.error(), command, output);
    output.out(command.json ? json_of(*inspected) : text_of(*inspected));
    return inspected->damage.empty() ? exit_done : exit_alarm;
  }
  if (command.verb == "man") {
    const auto typed = absolute(command.target, line.directory);
    if (!typed) return report(typed.error(), command, output);
    Command unused;
    const auto names = command_line::write_man_pages(*world.files, *make_parser(unused), manual(), *typed);
    if (!names) return report(names.error(), command, output);
    if (command.json) output.out(json_of_man(*typed, *names));
    return exit_done;
  }
  return std::nullopt;
}

}  // namespace holdfast::app
