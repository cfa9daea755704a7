// The server's command line: arguments, hints, signals. What it does is src/server/serve.h's.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>

#include "base/memory.h"
#include "base/system.h"
#include "command.h"
#include "complete.h"
#include "crypto/passphrase.h"
#include "man_pages.h"
#include "mistake.h"
#include "server/keys.h"
#include "server/serve.h"
#include "service_manager.h"
#include "value.h"

namespace {

using namespace holdfast;
using app::CommandLine;

enum Exit : int { done = 0, failed = 1, usage = 2 };

// A server that does not start changes nothing of what it holds; the other verbs only read it.
constexpr std::string_view nothing_done = "all that the data directory holds";

int report(const Error& error, const std::string& next) {
  std::cerr << "holdfastd: " << error.sentence;
  if (!error.object.empty()) std::cerr << ": " << printable(error.object);
  std::cerr << " (" << name_of(error.code) << ")\n";
  std::cerr << "  whole   " << (error.whole.empty() ? std::string(nothing_done) : printable(error.whole)) << "\n";
  std::cerr << "  next    " << printable(next) << "\n";
  return failed;
}

std::string hint_for(const Error& error, const CommandLine& line) {
  switch (error.code) {
    case Code::Busy:
      return "stop the other process, or choose another --data or --listen (now " + line.serve.data + " and " +
             line.serve.listen + ")";
    case Code::Missing:
      return "bring the file back from your backup of " + line.serve.data +
             "; without it clients would meet another server";
    case Code::Malformed:
      return "bring the file back from your backup of " + line.serve.data;
    case Code::PermissionDenied:
      return "let the user that runs holdfastd own " + line.serve.data + ", and nobody else write there (mode 0700)";
    case Code::NoSpaceLeft:
      return "make room on the disk of " + line.serve.data;
    case Code::AlreadyExists:
      return "let --data name an empty folder, or one that is not there yet";
    case Code::InvalidArgument:
      return "holdfastd serve --help shows the forms";
    case Code::IoError:
    case Code::NotFound:
    case Code::Unsupported:
    case Code::ReadOnly:
      return "let --data (" + line.serve.data + ") name a folder that can be made and written, and --listen (" +
             line.serve.listen + ") an address of this machine";
    default:
      return "put right what is named, then start the server again";
  }
}

// No core files and no debugger of the same user: keys are in this memory. As many connections as the system allows.
void harden() {
  ::umask(077);
  ::prctl(PR_SET_DUMPABLE, 0);
  const rlimit none{0, 0};
  ::setrlimit(RLIMIT_CORE, &none);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

// Every thread inherits the mask, so that the signals wait for sigwait.
sigset_t block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  return signals;
}

int serve(CommandLine& line) {
  const auto told = [&line](const Error& error) { return report(error, hint_for(error, line)); };
  const sigset_t stop_signals = block_signals();
  if (const auto started = crypto::start_crypto(); !started) return told(started.error());
  const auto clock = system_clock();
  const auto level = server::parse_level(line.log_level);
  if (!level) return told(level.error());
  server::EventLog log(*clock, *level, server::standard_error_sink());
  line.serve.service.bytes_max = static_cast<std::int64_t>(line.account_bytes_max);
  line.serve.service.grace_seconds = line.grace_days * 86'400;
  const auto handed_over = socket_handed_over();
  if (!handed_over) return report(handed_over.error(), "let one socket unit name one address");
  if (*handed_over) line.serve.listener = **handed_over;
  auto server = server::Server::start(line.serve, log);
  if (!server) return told(server.error());
  std::cout << api::to_text((*server)->link()) << '\n' << std::flush;
  tell_service_manager("READY=1\nSTATUS=listening on " + (*server)->address());
  int signal = 0;
  sigwait(&stop_signals, &signal);
  tell_service_manager("STOPPING=1");
  (*server)->stop();
  return done;
}

int invite(const CommandLine& line) {
  if (const auto started = crypto::start_crypto(); !started)
    return report(started.error(), "put right what is named, then repeat the command");
  const auto files = system_files(1);
  const auto random = system_random();
  const auto where = files->real_path(line.invite_data);
  const auto keys = where ? server::load_invitation_keys(*files, *random, *where)
                          : Result<server::InvitationKeys>(pass_on(where.error()));
  if (!keys)
    return report(keys.error(), "name the data directory of a server that has run once, as a user who may read it");
  const std::int64_t until_ns = system_clock()->now_ns() + std::int64_t{line.invite_days} * 86'400 * second_ns;
  for (unsigned i = 0; i < line.invite_count; ++i)
    std::cout << server::make_invitation(keys->key, keys->server_key, until_ns, *random) << '\n';
  std::cout << std::flush;
  return std::cout ? done : failed;
}

int write_man_pages(const CLI::App& app, const std::string& folder) {
  const auto files = system_files(1);
  const Path where = std::filesystem::absolute(folder).lexically_normal().string();
  const auto names = command_line::write_man_pages(*files, app, app::manual(), where);
  if (names) return done;
  return report(names.error(), "name a folder that can be made and written to");
}

}  // namespace

int main(int argc, char** argv) {
  occupy_standard_descriptors();
  keep_freed_memory();
  harden();
  CLI::App app("Holdfast's server: keeps what clients sealed, and can open none of it.", "holdfastd");
  CommandLine line;
  app::define(app, line);
  const std::vector<std::string> arguments(argv + std::min(argc, 1), argv + argc);
  auto words = command_line::for_parser(arguments);
  try {
    app.parse(words);
  } catch (const CLI::ParseError& error) {
    std::ostringstream trouble;
    if (app.exit(error, std::cout, trouble) == 0) return done;
    const auto mistake = command_line::explain(app, app::manual(), arguments, error);
    std::cerr << "holdfastd: " << mistake.text << "\n  next    " << mistake.next << "\n";
    return usage;
  }
  if (app.got_subcommand("invite")) return invite(line);
  if (app.got_subcommand("complete")) {
    const auto wanted = command_line::what_may_stand(app, command_line::words_to_complete(arguments));
    std::cout << command_line::first_line(wanted) << command_line::lines_of(wanted.candidates, wanted) << std::flush;
    return done;
  }
  if (app.got_subcommand("completion")) {
    std::cout << command_line::completion_script("holdfastd", line.shell) << std::flush;
    return std::cout ? done : failed;
  }
  return app.got_subcommand("man") ? write_man_pages(app, line.man_folder) : serve(line);
}
