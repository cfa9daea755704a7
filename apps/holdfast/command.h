// What can be typed, defined once: the parser, the man pages and the shell completion are all made from make_parser().
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "manual.h"

namespace holdfast::app {

// Exit codes, as `holdfast --help` and docs/CLI.md list them.
inline constexpr int exit_done = 0, exit_failed = 1, exit_usage = 2, exit_incomplete = 3, exit_alarm = 4, exit_keys = 5,
                     exit_unreachable = 6;

struct Command {
  std::string verb;  // "backup", "space create"; empty: only the program itself was named
  bool json = false, quiet = false;
  int passphrase_fd = -1;
  std::optional<unsigned> patience_s;

  std::string name;  // of a user, a space, a shell
  std::string server, device, invitation_file;
  bool no_passphrase = false;

  std::vector<std::string> paths, tags, excludes;
  std::optional<std::string> space;
  bool dry_run = false, one_file_system = false;
  std::optional<std::int64_t> every_s;  // 0: never
  std::string scheduled;                // the schedule's name: this is one of its runs
  std::string passphrase_credential;
  std::string by_cron;  // made for a hint: the line that does the same without systemd

  std::vector<std::string> snapshots;  // to forget, or to bring back
  bool forgotten = false;
  std::uint32_t keep_last = 0, keep_hourly = 0, keep_daily = 0, keep_weekly = 0, keep_monthly = 0, keep_yearly = 0;
  std::vector<std::string> keep_tags;
  std::int64_t keep_within_s = 0;
  std::uint64_t max_repack_bytes = ~std::uint64_t{0};
  bool give_up_lost = false;

  std::string snapshot;  // SNAPSHOT[:PATH], or SPACE:PATH
  std::string other;     // the same, to compare with
  std::string folder;    // on disk, to compare with
  std::string pattern;
  std::string place, place_to;      // SPACE:PATH
  std::vector<std::string> places;  // the same
  bool parents = false;
  std::optional<std::uint64_t> version;
  std::vector<std::string> words;  // to complete
  std::string target;              // folder to restore into, file to inspect, folder of man pages
  bool overwrite = false, verify = false, recursive = false, read_data = false;
};

// Fills `command` when it parses. The App refers to `command`.
std::unique_ptr<CLI::App> make_parser(Command& command);

const command_line::Manual& manual();

std::string program_name();  // with its version

struct Parsed {
  std::optional<Command> command;  // else `text` is to be printed and `code` is the exit code
  std::string text;
  int code = exit_done;
  std::string next;  // of a wrong command line, which `text` names: what to type instead
};
Parsed parse(const std::vector<std::string>& arguments);  // without the program's name

}  // namespace holdfast::app
