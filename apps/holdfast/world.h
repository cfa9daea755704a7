// What one process holds while it carries out commands, and where their words lead.
#pragma once

#include "agent/control.h"
#include "backup/backup.h"
#include "backup/restore.h"
#include "base/system.h"
#include "command.h"
#include "session/session.h"

namespace holdfast::app {

// The doors that are the same for all verbs of the process, and the home when it owns it.
struct World {
  std::unique_ptr<Clock> clock = system_clock();
  std::unique_ptr<Random> random = system_random();
  std::unique_ptr<Files> files = system_files(0);
  std::unique_ptr<Workers> workers = system_workers(0);
  Path home;
  std::unique_ptr<session::Shared> shared;  // null: no account is open
  std::optional<Error> no_account;          // why
};

// A verb's own connection.
struct Connected {
  std::unique_ptr<Remote> remote;
  std::unique_ptr<session::Session> session;
};

[[nodiscard]] Result<Connected> connect(World& world, const Command& command, bool on_terminal, agent::Output& output);
[[nodiscard]] std::int64_t patience_ns(const Command& command);
// A person sees it on standard error while the server does not answer; on a terminal, in place of a progress line.
void tell_of_waiting(session::ApiClient& server, const Command& command, bool on_terminal, agent::Output& output);

[[nodiscard]] Path home_path();  // HOLDFAST_HOME, or where it is without
[[nodiscard]] std::string host_name();
// A path is meant from where the command was typed. NotFound: that folder is gone (`directory` is empty).
[[nodiscard]] Result<Path> absolute(const std::string& path, const std::string& directory);

// Of a command that saves paths. They are absolute, links resolved, each once, under the name that was typed.
// InvalidArgument: the home is among them.
[[nodiscard]] Result<backup::BackupOptions> backup_options(World& world, const Command& command,
                                                           const agent::ForwardedCommand& line);
// Of a command that writes files.
[[nodiscard]] Result<backup::RestoreOptions> restore_options(const Command& command,
                                                             const agent::ForwardedCommand& line);

}  // namespace holdfast::app
