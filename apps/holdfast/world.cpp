#include "world.h"

#include <pwd.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "session/http_remote.h"

namespace holdfast::app {

namespace {

// What a link is called by who typed it; "": the path has no name of its own there, as with "..".
std::string typed_name(Path typed) {
  while (typed.size() > 1 && typed.ends_with('/')) typed.pop_back();
  const std::string name(last_component(typed));
  return name == "." || name == ".." ? "" : name;
}

Result<std::vector<backup::PathToSave>> paths_to_save(World& world, const Command& command,
                                                      const std::string& directory) {
  std::vector<backup::PathToSave> out;
  HF_TRY(const Path home, world.files->real_path(world.home));
  for (const auto& path : command.paths) {
    HF_TRY(const Path typed, absolute(path, directory));
    auto found = world.files->real_path(typed);
    if (!found) {
      found.error().whole = "nothing was saved; what was saved before stands";
      return pass_on(found.error());
    }
    if (*found == home || found->starts_with(home + "/"))
      return fail(
          Code::InvalidArgument,
          "the home directory of Holdfast changes while it works, and is not backed up by it: copy it while no command "
          "runs",
          printable(*found));
    if (std::ranges::find(out, *found, &backup::PathToSave::path) != out.end()) continue;
    out.emplace_back(*std::move(found), typed_name(typed));
  }
  return out;
}

}  // namespace

Path home_path() {
  if (const char* home = std::getenv("HOLDFAST_HOME"); home != nullptr && *home != '\0') return home;
  if (const char* data = std::getenv("XDG_DATA_HOME"); data != nullptr && *data == '/')
    return join_path(data, "holdfast");
  const char* user = std::getenv("HOME");
  const passwd* entry = user != nullptr && *user == '/' ? nullptr : ::getpwuid(::geteuid());
  return join_path(entry != nullptr ? entry->pw_dir : user != nullptr ? user : "/", ".local/share/holdfast");
}

// Who only asks how things are wants to know it soon.
std::int64_t patience_ns(const Command& command) {
  if (command.verb == "complete") return 0;
  const bool asks = command.verb == "status" || command.verb == "doctor";
  return std::int64_t{command.patience_s.value_or(asks ? 10 : 120)} * second_ns;
}

void tell_of_waiting(session::ApiClient& server, const Command& command, bool on_terminal, agent::Output& output) {
  if (command.json || command.quiet) return;
  server.when_waiting([&output, on_terminal](std::int64_t patience_ns) {
    output.error(std::string(on_terminal ? "\r\x1b[K" : "") + "no answer from the server; it is asked again for " +
                 std::to_string(patience_ns / second_ns) + " s (--patience)\n");
  });
}

Result<Connected> connect(World& world, const Command& command, bool on_terminal, agent::Output& output) {
  if (!world.shared) return pass_on(*world.no_account);
  HF_TRY(const auto link, api::parse_server_link(world.shared->account.profile.server));
  Connected out;
  out.remote = session::http_remote(link);
  const Doors doors{*world.clock, *world.random, *world.files, *out.remote, *world.workers};
  out.session = std::make_unique<session::Session>(doors, *world.shared, link, patience_ns(command));
  tell_of_waiting(out.session->server, command, on_terminal, output);
  return out;
}

std::string host_name() {
  utsname names{};
  return ::uname(&names) == 0 ? names.nodename : "unknown";
}

Result<Path> absolute(const std::string& path, const std::string& directory) {
  if (path.empty()) return fail(Code::InvalidArgument, "an empty word is no path");
  if (path.starts_with('/')) return path;
  if (directory.empty())
    return fail(Code::NotFound, "the folder that this was typed in is gone, and the path begins there",
                printable(path));
  return join_path(directory, path);
}

Result<backup::BackupOptions> backup_options(World& world, const Command& command,
                                             const agent::ForwardedCommand& line) {
  backup::BackupOptions options;
  HF_TRY(options.paths, paths_to_save(world, command, line.directory));
  options.tags = command.tags;
  options.excludes = command.excludes;
  options.never = {world.home};
  options.dry_run = command.dry_run;
  options.one_file_system = command.one_file_system;
  options.count_first = line.error_is_terminal && !command.quiet && !command.json;
  options.host = host_name();
  options.program = program_name();
  return options;
}

Result<backup::RestoreOptions> restore_options(const Command& command, const agent::ForwardedCommand& line) {
  backup::RestoreOptions options;
  HF_TRY(options.target, absolute(command.target, line.directory));
  options.overwrite = command.overwrite;
  options.verify = command.verify;
  options.set_owner = ::geteuid() == 0;
  options.restorer = std::pair(::geteuid(), ::getegid());
  return options;
}

}  // namespace holdfast::app
