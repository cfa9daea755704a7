#include "run.h"

#include <pwd.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "agent/home.h"
#include "agent/shared.h"
#include "base/system.h"
#include "generate.h"
#include "passphrase.h"
#include "session/http_remote.h"
#include "session/key_file.h"
#include "show.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

constexpr int owner_tries_max = 200;
constexpr std::int64_t owner_wait_ns = second_ns / 20;

Path home_path() {
  if (const char* home = std::getenv("HOLDFAST_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return join_path(data, "holdfast");
  const char* user = std::getenv("HOME");
  const passwd* entry = user != nullptr && *user == '/' ? nullptr : ::getpwuid(::geteuid());
  return join_path(entry != nullptr ? entry->pw_dir : user != nullptr ? user : "/", ".local/share/holdfast");
}

// What one process holds: the doors that are the same for all its verbs, and the home when it owns it.
struct World {
  std::unique_ptr<Clock> clock = system_clock();
  std::unique_ptr<Random> random = system_random();
  std::unique_ptr<Files> files = system_files(0);
  std::unique_ptr<Workers> workers = system_workers(0);
  Path home;
  std::unique_ptr<session::Shared> shared;  // null: no account is open
  std::optional<Error> no_account;          // why
};

// A verb's own connection and doors.
struct Connected {
  std::unique_ptr<Remote> remote;
  std::unique_ptr<session::Session> session;
};

std::int64_t patience_ns(const Command& command) { return command.patience_s * second_ns; }

Result<Connected> connect(World& world, const Command& command) {
  if (!world.shared) return pass_on(*world.no_account);
  HF_TRY(const auto link, api::parse_server_link(world.shared->account.profile.server));
  Connected out;
  out.remote = session::http_remote(link);
  const Doors doors{*world.clock, *world.random, *world.files, *out.remote, *world.workers};
  out.session = std::make_unique<session::Session>(doors, *world.shared, link, patience_ns(command));
  return out;
}

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "unknown";
}

// Paths are meant from where the command was typed; "": that folder is gone.
Result<Path> absolute(const std::string& path, const std::string& directory) {
  if (path.starts_with('/')) return path;
  if (directory.empty())
    return fail(Code::NotFound, "the folder that this was typed in is gone, and the path begins there",
                printable(path));
  return join_path(directory, path);
}

std::pair<std::string, std::string> split_snapshot(const std::string& text) {
  const auto colon = text.find(':');
  if (colon == std::string::npos) return {text, ""};
  std::string path = text.substr(colon + 1);
  while (path.starts_with('/')) path.erase(0, 1);
  while (path.ends_with('/')) path.pop_back();
  return {text.substr(0, colon), path};
}

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
    const auto code = carry_out();
    if (connected_.session == nullptr || session().alarms.empty()) return code;
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
    HF_TRY(connected_, connect(world_, command_));
    if (command_.verb == "whoami") return show(verbs::who_am_i(world_.shared->account));
    if (command_.verb == "status") return status();
    if (command_.verb == "space create") return space_create();
    if (command_.verb == "space list") {
      HF_TRY(const auto spaces, verbs::space_list(session()));
      return show(spaces);
    }
    if (command_.verb == "space info") {
      HF_TRY(const auto info, verbs::space_info(session(), command_.name));
      return show(info);
    }
    if (command_.verb == "backup") return backup();
    if (command_.verb == "snapshots") {
      HF_TRY(const auto snapshots, verbs::snapshots(session(), space_));
      return show(snapshots);
    }
    if (command_.verb == "restore") return restore();
    if (command_.verb == "ls") {
      const auto [which, path] = split_snapshot(command_.snapshot);
      HF_TRY(const auto listing, verbs::list(session(), space_, which, path, command_.recursive));
      return show(listing);
    }
    if (command_.verb == "diff") return diff();
    if (command_.verb == "cat") return cat();
    if (command_.verb == "check") return check();
    return fail(Code::InvalidArgument, "there is no such command", command_.verb);
  }

  session::Session& session() { return *connected_.session; }

  template <class T>
  int show(const T& value) {
    output_.out(command_.json ? json_of(value) : text_of(value));
    return exit_done;
  }

  Progress progress(std::string doing) {
    return Progress(output_, line_.error_is_terminal, line_.columns, command_.quiet || command_.json, std::move(doing));
  }

  int doctor() {
    std::vector<verbs::Finding> findings;
    auto connected = connect(world_, command_);
    findings =
        verbs::doctor(*world_.files, world_.home, connected ? connected->session.get() : nullptr, world_.no_account);
    show(findings);
    for (const auto& finding : findings)
      if (!finding.good) return exit_failed;
    return exit_done;
  }

  Result<int> status() {
    HF_TRY(const auto status, verbs::status(session()));
    show(status);
    if (!status.server_answers) return exit_unreachable;
    return status.alarmed() ? exit_alarm : exit_done;
  }

  Result<int> space_create() {
    HF_TRY(const auto listing, verbs::space_create(session(), command_.name));
    if (command_.json) return show(std::vector{listing});
    output_.out("made the space " + printable(listing.name) + "\n");
    return exit_done;
  }

  Result<int> backup() {
    backup::BackupOptions options;
    HF_TRY(const Path home, world_.files->real_path(world_.home));
    for (const auto& path : command_.paths) {
      HF_TRY(const Path typed, absolute(path, line_.directory));
      auto found = world_.files->real_path(typed);
      if (!found) {
        found.error().whole = "nothing was saved; what was saved before stands";
        return pass_on(found.error());
      }
      const Path real = *std::move(found);
      if (real == home || real.starts_with(home + "/"))
        return fail(
            Code::InvalidArgument,
            "the home directory of Holdfast changes while it works, and is not backed up by it: copy it while no "
            "command runs",
            printable(real));
      if (std::find(options.paths.begin(), options.paths.end(), real) == options.paths.end())
        options.paths.push_back(real);
    }
    options.tags = command_.tags;
    options.excludes = command_.excludes;
    options.never = {world_.home};
    options.dry_run = command_.dry_run;
    options.one_file_system = command_.one_file_system;
    options.count_first = line_.error_is_terminal && !command_.quiet && !command_.json;
    options.host = host_name();
    options.program = "holdfast " HOLDFAST_VERSION;
    const std::int64_t began = world_.clock->monotonic_ns();
    std::optional<Progress> shown(std::in_place, output_, line_.error_is_terminal, line_.columns,
                                  command_.quiet || command_.json, "backup");
    options.progress = [&](const backup::Counters& counters) { shown->show(counters); };
    auto done = verbs::backup(session(), command_.space, options);
    shown.reset();
    if (!done) return pass_on(done.error());
    output_.out(command_.json ? json_of(*done, command_.dry_run)
                              : text_of(*done, command_, world_.clock->monotonic_ns() - began));
    return done->report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> restore() {
    const auto [which, path] = split_snapshot(command_.snapshot);
    backup::RestoreOptions options;
    options.path = path;
    HF_TRY(options.target, absolute(command_.target, line_.directory));
    options.overwrite = command_.overwrite;
    options.verify = command_.verify;
    options.set_owner = ::geteuid() == 0;
    options.restorer = std::pair(::geteuid(), ::getegid());
    HF_OK(world_.files->make_directories(options.target));
    HF_TRY(options.target, world_.files->real_path(options.target));
    const std::int64_t began = world_.clock->monotonic_ns();
    std::optional<Progress> shown(std::in_place, output_, line_.error_is_terminal, line_.columns,
                                  command_.quiet || command_.json, "restore");
    options.progress = [&](const backup::Counters& counters) { shown->show(counters); };
    auto done = verbs::restore(session(), space_, which, options);
    shown.reset();
    if (!done) return pass_on(done.error());
    output_.out(command_.json ? json_of(*done) : text_of(*done, command_, world_.clock->monotonic_ns() - began));
    const bool damaged = std::ranges::any_of(done->report.problems, [](const backup::Problem& problem) {
      return problem.error.code == Code::Tampered || problem.error.code == Code::Missing;
    });
    return damaged ? exit_alarm : done->report.problems_count > 0 ? exit_incomplete : exit_done;
  }

  Result<int> diff() {
    const auto [which, path] = split_snapshot(command_.snapshot);
    const auto [other, other_path] =
        command_.other.empty() ? std::pair<std::string, std::string>("latest", path) : split_snapshot(command_.other);
    HF_TRY(const auto diff, verbs::diff(session(), space_, {which, path}, {other, other_path}));
    return show(diff);
  }

  Result<int> cat() {
    const auto [which, path] = split_snapshot(command_.snapshot);
    HF_OK(verbs::cat(session(), space_, which, path, [&](ByteView bytes) -> Status {
      if (output_.out(as_text(bytes))) return {};
      return fail(Code::Cancelled, "nobody reads the output any more");
    }));
    return exit_done;
  }

  Result<int> check() {
    backup::CheckOptions options;
    options.read_data = command_.read_data;
    std::optional<Progress> shown(std::in_place, output_, line_.error_is_terminal, line_.columns,
                                  command_.quiet || command_.json, "check");
    options.progress = [&](const backup::Counters& counters) { shown->show(counters); };
    auto report = verbs::check(session(), space_, options);
    shown.reset();
    if (!report) return pass_on(report.error());
    output_.out(command_.json ? json_of(*report) : text_of(*report, command_.read_data));
    return report->whole() ? exit_done : exit_alarm;
  }

  World& world_;
  const Command& command_;
  const agent::ForwardedCommand& line_;
  agent::Output& output_;
  std::string space_;
  Connected connected_;
};

int report(const Error& error, const Command& command, agent::Output& output) {
  output.error(command.json ? json_of(error, command) : text_of(error, command));
  return exit_code_of(error);
}

int run_verb(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  const auto code = Verb(world, command, line, output).run();
  return code ? *code : report(code.error(), command, output);
}

// Makes the home and its keys when they are missing, and goes on with a sign-up that was interrupted.
Result<int> sign_up(World& world, const Command& command, agent::Output& output) {
  HF_TRY(const auto link, api::parse_server_link(command.server));
  const Path keys = join_path(world.home, "keys");
  const auto there = session::look_at_key_file(*world.files, keys);
  if (!there && there.error().code != Code::NotFound) return pass_on(there.error());

  std::optional<crypto::SecretBytes> passphrase;
  const bool sealed = there ? there->has_passphrase : !command.no_passphrase;
  if (sealed) {
    HF_TRY(passphrase, get_passphrase(command.passphrase_fd, !there));
  }
  if (!there)
    HF_OK(session::write_key_file(*world.files, keys, identity::DeviceSeeds::make(*world.random),
                                  passphrase ? &*passphrase : nullptr, *world.random));
  HF_TRY(const auto seeds, session::read_key_file(*world.files, keys, passphrase ? &*passphrase : nullptr));

  HF_TRY(auto state,
         session::open_local_state(*world.files, *world.clock, *world.random, join_path(world.home, "state")));
  const auto remote = session::http_remote(link);
  const Doors doors{*world.clock, *world.random, *world.files, *remote, *world.workers};
  utsname system{};
  ::uname(&system);
  {
    session::ApiClient server(doors, link, patience_ns(command));
    const std::string device = command.device.empty() ? host_name() : command.device;
    HF_OK(session::sign_up(doors, *state, server, seeds,
                           {command.name, device, std::string(system.sysname) + " " + system.machine,
                            to_bytes(as_bytes(command.invitation))}));
  }
  HF_TRY(auto account, session::load_account(*state, seeds));
  session::Shared shared{std::move(account), std::move(state), session::make_claims(), world.home};
  session::Session session(doors, shared, link, patience_ns(command));
  HF_OK(session::make_home(session));
  HF_OK(session::open_home(session));
  const auto who = verbs::who_am_i(shared.account);
  if (command.json) {
    output.out(json_of(who));
  } else {
    output.out("signed up as " + text_of(who) + "  keys        in " + printable(keys) +
               (sealed ? ", sealed by the passphrase\n" : ", not sealed: whoever can read the file has this device\n") +
               "  note        there is no recovery yet: without this folder, what is backed up can't be opened again\n"
               "  next        holdfast backup PATH\n");
  }
  return exit_done;
}

std::unexpected<Error> no_account_yet(const Path& home) {
  return fail(Code::NotFound, About::account, "this home belongs to no account yet", printable(home));
}

Result<std::unique_ptr<session::Shared>> open_account(World& world, const Command& command) {
  const Path keys = join_path(world.home, "keys");
  const auto there = session::look_at_key_file(*world.files, keys);
  if (!there && there.error().code == Code::NotFound) return no_account_yet(world.home);
  if (!there) return pass_on(there.error());
  std::optional<crypto::SecretBytes> passphrase;
  if (there->has_passphrase) {
    HF_TRY(passphrase, get_passphrase(command.passphrase_fd, false));
  }
  HF_TRY(const auto seeds, session::read_key_file(*world.files, keys, passphrase ? &*passphrase : nullptr));
  HF_TRY(auto state,
         session::open_local_state(*world.files, *world.clock, *world.random, join_path(world.home, "state")));
  HF_TRY(auto account, session::load_account(*state, seeds));
  return std::make_unique<session::Shared>(
      session::Shared{std::move(account), agent::locked_state(std::move(state)), agent::locked_claims(), world.home});
}

int run_as_owner(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  if (command.verb == "signup") {
    const auto code = sign_up(world, command, output);
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
    return parsed.command ? run_verb(world, *parsed.command, other, its_output) : exit_usage;
  };
  std::unique_ptr<agent::ControlServer> control;
  if (world.shared) {
    auto started = agent::ControlServer::start(world.home, serve_other);
    if (!started) return report(started.error(), command, output);
    control = *std::move(started);
  }
  const int code = run_verb(world, command, line, output);
  if (control) control->finish();
  return code;
}

// Verbs that need neither home nor account.
std::optional<int> run_tool(World& world, const Command& command, const agent::ForwardedCommand& line,
                            agent::Output& output) {
  if (command.verb == "completion") {
    const std::string script = completion_script(command.name);
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
    const Path& folder = *typed;
    std::vector<std::string> names;
    for (const auto& [name, text] : man_pages()) {
      names.push_back(name);
      auto file = world.files->open(join_path(folder, name), OpenMode::create_or_truncate);
      const Status written = file ? (*file)->write_at(0, as_bytes(text)) : Status(pass_on(file.error()));
      if (!written) return report(written.error(), command, output);
    }
    if (command.json) output.out(json_of_man(folder, names));
    return exit_done;
  }
  return std::nullopt;
}

}  // namespace

int run(const Command& command, const agent::ForwardedCommand& line, agent::Output& output) {
  World world;
  world.home = home_path();
  if (const auto code = run_tool(world, command, line, output)) return *code;
  if (command.verb != "signup" && !world.files->stat(join_path(world.home, "keys")) && command.verb != "doctor")
    return report(no_account_yet(world.home).error(), command, output);
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

  for (int tries = 0; tries < owner_tries_max; ++tries) {
    auto lock = world.files->lock(join_path(world.home, "lock"));
    if (lock) return run_as_owner(world, command, line, output);
    if (lock.error().code != Code::Busy) return report(lock.error(), command, output);
    if (command.verb != "signup") {
      const auto code = agent::run_at_owner(world.home, line, output);
      if (code) return *code;
    }
    world.clock->sleep_ns(owner_wait_ns);
  }
  return report({Code::Busy, "another process owns the home and does not answer", printable(world.home), {}}, command,
                output);
}

}  // namespace holdfast::app
