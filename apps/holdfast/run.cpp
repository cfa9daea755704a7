#include "run.h"

#include "account.h"
#include "agent/home.h"
#include "complete_verb.h"
#include "last_word.h"
#include "schedules.h"
#include "show.h"
#include "tools.h"
#include "verb.h"

namespace holdfast::app {

namespace {

constexpr int owner_tries_max = 200;
constexpr std::int64_t owner_wait_ns = second_ns / 20;

int run_as_owner(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  if (command.verb == "signup") {
    const auto code = sign_up(world, command, line, output);
    return code ? *code : report(code.error(), command, output);
  }
  auto shared = open_account(world, command);
  if (shared) {
    world.shared = *std::move(shared);
  } else {
    world.no_account = shared.error();
    if (command.verb != "doctor") return report(shared.error(), command, output);
  }
  const auto serve_other = [&world](const agent::ForwardedCommand& other, agent::Output& its_output) {
    const auto parsed = parse(other.arguments);
    return parsed.command ? run_verb(world, *parsed.command, other, its_output)
                          : report(parsed, other.arguments, its_output);
  };
  std::unique_ptr<agent::ControlServer> control;
  if (world.shared && command.verb != "complete") {  // which ends soon: no long command is to hang on it
    auto started = agent::ControlServer::start(world.home, serve_other);
    if (!started) return report(started.error(), command, output);
    control = *std::move(started);
  }
  const int code = run_verb(world, command, line, output);
  if (control) control->finish();
  return code;
}

int run_at_home(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  if (command.verb != "signup" && command.verb != "doctor") {
    const auto keys = world.files->stat(join_path(world.home, "keys"));
    const auto home = world.files->stat(world.home);
    if (home && home->type == FileType::regular)
      return report({Code::InvalidArgument, "HOLDFAST_HOME names a file, and not a folder", printable(world.home), {}},
                    command, output);
    if (!keys && keys.error().code != Code::NotFound) return report(keys.error(), command, output);
    if (!keys) return report(no_account_yet(world.home).error(), command, output);
  }
  if (const auto made = world.files->make_durable_directories(world.home); !made)
    return report(made.error(), command, output);
  if (const auto safe = agent::check_home(*world.files, world.home); !safe && command.verb != "doctor")
    return report(safe.error(), command, output);
  const auto network = world.files->is_network_file_system(world.home);
  if (network && *network && command.verb != "doctor")
    return report({Code::Unsupported,
                   "the home lies on a network file system, whose locks can't be trusted",
                   printable(world.home),
                   {}},
                  command, output);

  const int tries_max = command.verb == "complete" ? 1 : owner_tries_max;
  for (int tries = 0; tries < tries_max; ++tries) {
    auto lock = world.files->lock(join_path(world.home, "lock"));
    if (lock) return run_as_owner(world, command, line, output);
    if (lock.error().code != Code::Busy) return report(lock.error(), command, output);
    if (command.verb != "signup") {
      last_word_is_of_owner(true);
      const auto code = agent::run_at_owner(world.home, line, output);
      last_word_is_of_owner(false);
      if (code) return *code;
    }
    world.clock->sleep_ns(owner_wait_ns);
  }
  return report({Code::Busy, "another process owns the home and does not answer", printable(world.home), {}}, command,
                output);
}

}  // namespace

int run(const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  World world;
  world.home = home_path();
  if (const auto code = run_tool(world, command, line, output)) return *code;
  const RunAtHome at_home = [&](const Command& given, agent::Output& its_output) {
    return run_at_home(world, given, line, its_output);
  };
  if (command.verb == "complete") return complete(command, line, output, at_home);
  if (command.every_s) return schedule_backup(world, command, line, output, at_home);
  if (!command.scheduled.empty()) return run_scheduled(world, command, line, output, at_home);
  const int code = at_home(command, output);
  const bool tells_itself = command.verb == "status" || command.verb == "doctor";
  if (line.error_is_terminal && !command.json && !command.quiet && !tells_itself)
    tell_of_lasting_failures(world, output);
  return code;
}

}  // namespace holdfast::app
