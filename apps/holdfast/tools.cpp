#include "tools.h"

#include "completion.h"
#include "man_pages.h"
#include "show.h"

namespace holdfast::app {

std::optional<int> run_tool(World& world, const Command& command, const agent::ForwardedCommand& line,
                            agent::Output& output) {
  if (command.verb == "completion") {
    Command unused;
    const std::string script = command_line::completion_script(*make_parser(unused), command.name);
    output.out(command.json ? json_of_completion(command.name, script) : script);
    return exit_done;
  }
  if (command.verb == "inspect") {
    const auto path = absolute(command.target, line.directory);
    const auto inspected = path ? verbs::inspect(*world.files, *path) : Result<verbs::Inspected>(pass_on(path.error()));
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
