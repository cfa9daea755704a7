#include "command.h"

#include <map>
#include <sstream>

#include "mistake.h"
#include "schedule/interval.h"
#include "schedule/record.h"
#include "value.h"

namespace holdfast::app {

namespace {

constexpr const char* footer =
    "Exit codes: 0 done; 1 failed; 2 wrong command line; 3 done, but something was left out;\n"
    "4 done, with alarms or damage found; 5 wrong passphrase or keys; 6 no server answers.\n"
    "Environment: HOLDFAST_HOME (default ~/.local/share/holdfast), HOLDFAST_PASSPHRASE_FILE.";

void add_common(CLI::App& app, Command& command) {
  app.add_flag("--json", command.json, "print one JSON object instead of text");
  app.add_flag("-q,--quiet", command.quiet, "print no progress");
  app.add_option("--passphrase-fd", command.passphrase_fd, "read the passphrase from this file descriptor")
      ->type_name("NUMBER");
  app.add_option("--patience", command.patience_s,
                 "how long to ask a server again that does not answer (default: 120; status, doctor: 10)")
      ->check(command_line::between(0u, 86'400u))
      ->type_name("SECONDS");
}

CLI::App& verb(CLI::App& parent, Command& command, const std::string& name, const std::string& what,
               const std::string& full = {}) {
  CLI::App& app = *parent.add_subcommand(name, what);
  add_common(app, command);
  app.callback([&command, full = full.empty() ? name : full] { command.verb = full; });
  return app;
}

void add_space(CLI::App& app, Command& command, const std::string& what) {
  app.add_option("-s,--space", command.space, what)->type_name("NAME");
}

void add_snapshot(CLI::App& app, Command& command, const std::string& what) {
  app.add_option("snapshot", command.snapshot, what)->required()->type_name("SNAPSHOT[:PATH]");
}

void add_account_verbs(CLI::App& app, Command& command) {
  CLI::App& signup = verb(app, command, "signup", "make an account on a server, and this device as its first");
  signup.add_option("name", command.name, "name of the account: a-z 0-9 . _ -")->required()->type_name("NAME");
  signup
      .add_option("--server", command.server,
                  "the server's link, hf://host:port#pin.policy, as `holdfastd serve` prints it")
      ->required()
      ->type_name("LINK");
  signup.add_option("--device", command.device, "name of this device (default: the host's)")->type_name("NAME");
  signup
      .add_option("--invitation-file", command.invitation_file,
                  "holds what the operator gave, where sign-up is by invitation")
      ->type_name("FILE");
  signup.add_flag("--no-passphrase", command.no_passphrase,
                  "leave the keys unsealed: whoever can read the key file has this device");
  verb(app, command, "whoami", "the account and device that this home belongs to");
  verb(app, command, "status", "account, server and spaces, with every alarm");
  verb(app, command, "doctor", "check this installation, the home and the server");
  CLI::App& heal = verb(app, command, "heal",
                        "give back to a server that was put back from an older copy what it lost and this device has");
  heal.add_option("--invitation-file", command.invitation_file,
                  "holds what the operator gave, where sign-up is by invitation and the account itself was lost")
      ->type_name("FILE");
}

void add_space_verbs(CLI::App& app, Command& command) {
  CLI::App& space = *app.add_subcommand("space", "the spaces of this account");
  space.require_subcommand(1);
  CLI::App& create = verb(space, command, "create", "make a space", "space create");
  create.add_option("name", command.name, "letters, digits, . _ -")->required()->type_name("NAME");
  verb(space, command, "list", "all spaces", "space list");
  CLI::App& info = verb(space, command, "info", "what a space holds", "space info");
  info.add_option("name", command.name, "the space")->required()->type_name("NAME");
}

void add_schedule(CLI::App& backup, Command& command, CLI::Option* dry_run) {
  auto* every =
      backup
          .add_option_function<std::string>(
              "--every",
              [&command](const std::string& typed) {
                const auto every_s = typed == "never" ? Result<std::int64_t>(0) : schedule::parse_every(typed);
                if (!every_s) throw CLI::ValidationError("--every", every_s.error().sentence);
                command.every_s = *every_s;
              },
              "instead: from now on, by a timer of systemd: 15min, 1h, 12h, 1d, 2w; never: not any more (without "
              "a PATH: none of this home's schedules)")
          ->type_name("INTERVAL")
          ->excludes(dry_run);
  backup
      .add_option("--passphrase-credential", command.passphrase_credential,
                  "with --every: the passphrase, as `systemd-creds encrypt --name=holdfast.passphrase` sealed it")
      ->type_name("FILE")
      ->needs(every);
  backup
      .add_option("--scheduled", command.scheduled,
                  "a timer or cron starts this: `holdfast status` tells how it went, under this name")
      ->type_name("NAME")
      ->check([](const std::string& name) {
        return schedule::is_name(name) ? std::string() : "a name has a-z, 0-9 and -, at most 64 of them";
      });
  backup.callback([&command] {
    command.verb = "backup";
    const bool never = command.every_s == 0;
    if (command.paths.empty() && !never) throw CLI::RequiredError("paths");
    if (command.every_s && !never && !command.scheduled.empty()) throw CLI::ExcludesError("--every", "--scheduled");
  });
}

void add_backup_verbs(CLI::App& app, Command& command) {
  CLI::App& backup = verb(app, command, "backup", "save paths as a new snapshot");
  backup.add_option("paths", command.paths, "files and folders")->type_name("PATH");
  add_space(backup, command, "the space to save into (default: backups, made when it is missing)");
  backup.add_option("-t,--tag", command.tags, "a word that stands beside the snapshot in lists; may be repeated")
      ->type_name("TAG")
      ->allow_extra_args(false);  // one word each time: what follows is a path
  backup
      .add_option(
          "-e,--exclude", command.excludes,
          "leave out what matches, in gitignore syntax; may be repeated. A .holdfastignore in a folder does the same")
      ->type_name("PATTERN")
      ->allow_extra_args(false);
  backup.add_flag("-x,--one-file-system", command.one_file_system, "don't enter other file systems");
  auto* dry_run = backup.add_flag("-n,--dry-run", command.dry_run, "only tell what would be saved");
  add_schedule(backup, command, dry_run);

  CLI::App& snapshots = verb(app, command, "snapshots", "the snapshots of a space");
  add_space(snapshots, command, "the space (default: backups)");
  auto* forgotten = snapshots.add_flag("--forgotten", command.forgotten,
                                       "instead: those that were forgotten and can be brought back, and until when");
  snapshots.add_option("-t,--tag", command.tags, "only those that carry this tag, or one of them; may be repeated")
      ->type_name("TAG")
      ->excludes(forgotten)
      ->allow_extra_args(false);

  CLI::App& restore = verb(app, command, "restore", "put a snapshot, or a path in it, into a folder");
  add_snapshot(restore, command, "latest, or the first characters of an id; :PATH for a part of it");
  restore.add_option("folder", command.target, "where to; it is made when it is missing")->required()->type_name("DIR");
  add_space(restore, command, "the space (default: backups)");
  restore.add_flag("--overwrite", command.overwrite, "replace files that exist");
  restore.add_flag("--verify", command.verify, "read everything back from disk and compare");

  CLI::App& ls = verb(app, command, "ls", "list a folder of a snapshot, or of what stands in a space");
  add_snapshot(ls, command, "latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  add_space(ls, command, "the space (default: backups)");
  ls.add_flag("-R,--recursive", command.recursive, "everything below, too");

  CLI::App& diff = verb(app, command, "diff", "what differs between two folders: of snapshots, of a space, on disk");
  add_snapshot(diff, command,
               "the older one: latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  auto* other = diff.add_option("other", command.other, "the newer one (default: the same folder in latest)")
                    ->type_name("SNAPSHOT[:PATH]");
  diff.add_option("--folder", command.folder, "the newer one is this folder on disk, whose files are all read")
      ->type_name("DIR")
      ->excludes(other);
  add_space(diff, command, "the space (default: backups)");

  CLI::App& find = verb(app, command, "find", "find files and folders by their names");
  add_snapshot(find, command,
               "where: latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  find.add_option("pattern", command.pattern, "in gitignore syntax: *.txt, /a/**/b, folders/")
      ->required()
      ->type_name("PATTERN");
  add_space(find, command, "the space (default: backups)");

  CLI::App& stats = verb(app, command, "stats", "what a folder holds, and how much of it is there more than once");
  add_snapshot(stats, command, "latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  add_space(stats, command, "the space (default: backups)");

  CLI::App& cat = verb(app, command, "cat", "print a file of a snapshot, or of what stands in a space");
  add_snapshot(cat, command, "latest, or the first characters of an id, and :PATH of the file; or SPACE:PATH");
  add_space(cat, command, "the space (default: backups)");

  CLI::App& check = verb(app, command, "check", "see whether a space is whole");
  add_space(check, command, "the space (default: backups)");
  check.add_flag("--read-data", command.read_data, "read and open every block too");
}

void add_place(CLI::App& app, std::string& place, const std::string& name, const std::string& what) {
  app.add_option(name, place, what)->required()->type_name("SPACE:PATH");
}

// What stands in a space now, its live tree.
void add_live_verbs(CLI::App& app, Command& command) {
  CLI::App& put = verb(app, command, "put", "put files and folders into a space");
  put.add_option(
         "paths", command.paths,
         "files and folders, each of which keeps its last name; then the folder of a space to put them into, which "
         "is made when it is missing (SPACE: is the top)")
      ->required()
      ->expected(2, CLI::detail::expected_max_vector_size)
      ->type_name("PATH... SPACE:PATH");
  put.callback([&command] {
    command.verb = "put";
    command.place = std::move(command.paths.back());
    command.paths.pop_back();
  });

  CLI::App& get = verb(app, command, "get", "get a file or folder of a space");
  add_place(get, command.place, "from", "what to get; SPACE: is everything");
  get.add_option("folder", command.target, "where to; it is made when it is missing")->required()->type_name("DIR");
  get.add_option("--version", command.version, "as it was after this change, which `holdfast history` tells")
      ->type_name("NUMBER");
  get.add_flag("--overwrite", command.overwrite, "replace files that exist");
  get.add_flag("--verify", command.verify, "read everything back from disk and compare");

  CLI::App& mkdir = verb(app, command, "mkdir", "make folders in a space");
  mkdir.add_option("places", command.places, "the new folders, all in one space")->required()->type_name("SPACE:PATH");
  mkdir.add_flag("-p,--parents", command.parents, "make the folders above, too; what is there already is fine");

  CLI::App& rm = verb(app, command, "rm", "remove files and folders of a space; its history keeps them");
  rm.add_option("places", command.places, "what to remove, all in one space")->required()->type_name("SPACE:PATH");
  rm.add_flag("-r,--recursive", command.recursive, "folders too, with all that they hold");

  CLI::App& mv = verb(app, command, "mv", "move or rename a file or folder of a space");
  add_place(mv, command.place, "from", "what to move");
  add_place(mv, command.place_to, "to", "its new path; with / at the end: the folder to move it into");
  mv.add_flag("--overwrite", command.overwrite, "a file may replace a file");

  CLI::App& history = verb(app, command, "history", "all versions of a file or folder of a space");
  add_place(history, command.place, "of", "the file or folder; it need not be there any more");
}

// "12h", "30d", "8w", "2y".
std::string seconds_of(const std::string& typed, std::int64_t& seconds) {
  static const std::map<char, std::int64_t> units{
      {'h', 3600}, {'d', 24 * 3600}, {'w', 7 * 24 * 3600}, {'m', 31 * 24 * 3600}, {'y', 366 * 24 * 3600}};
  const std::string digits = typed.substr(0, typed.empty() ? 0 : typed.size() - 1);
  const auto unit = typed.empty() ? units.end() : units.find(typed.back());
  if (unit == units.end() || digits.empty() || digits.size() > 5 ||
      digits.find_first_not_of("0123456789") != std::string::npos)
    return "a time is a number and one of h, d, w, m, y: 30d";
  seconds = std::stoll(digits) * unit->second;
  return {};
}

void add_forget_verbs(CLI::App& app, Command& command) {
  CLI::App& forget = verb(app, command, "forget", "forget snapshots: those that are named, or all that no rule keeps");
  forget.add_option("snapshots", command.snapshots, "latest, or the first characters of an id, at least 4")
      ->type_name("SNAPSHOT");
  add_space(forget, command, "the space (default: backups)");
  const auto number = [&](const char* name, std::uint32_t& value, const char* what) {
    forget.add_option(name, value, what)->type_name("N")->check(command_line::between(0u, 1'000'000u));
  };
  number("--keep-last", command.keep_last, "keep the newest N");
  number("--keep-hourly", command.keep_hourly, "keep the newest of each of the last N hours that have one");
  number("--keep-daily", command.keep_daily, "the same for days");
  number("--keep-weekly", command.keep_weekly, "the same for weeks, which begin on Monday");
  number("--keep-monthly", command.keep_monthly, "the same for months");
  number("--keep-yearly", command.keep_yearly, "the same for years");
  forget
      .add_option_function<std::string>(
          "--keep-within",
          [&command](const std::string& typed) {
            if (const std::string wrong = seconds_of(typed, command.keep_within_s); !wrong.empty())
              throw CLI::ValidationError("--keep-within", wrong);
          },
          "keep all that are at most so much older than the newest: 12h, 30d, 8w, 6m, 2y")
      ->type_name("TIME");
  forget.add_option("--keep-tag", command.keep_tags, "keep all that carry this tag; may be repeated")
      ->type_name("TAG")
      ->allow_extra_args(false);
  forget.add_flag("-n,--dry-run", command.dry_run, "only tell what would be forgotten");

  CLI::App& unforget = verb(app, command, "unforget",
                            "bring forgotten snapshots back, also after a prune as long as the server's grace lasts");
  unforget.add_option("snapshots", command.snapshots, "the first characters of an id, at least 4")
      ->required()
      ->type_name("SNAPSHOT");
  add_space(unforget, command, "the space (default: backups)");
  unforget.add_flag("-n,--dry-run", command.dry_run, "only tell whether they can be brought back");

  CLI::App& prune =
      verb(app, command, "prune", "have the server free what nothing needs any more, when its grace is over");
  add_space(prune, command, "the space (default: backups)");
  prune
      .add_option("--max-repack", command.max_repack_bytes,
                  "copy the rest of at most so much of mostly dead packs: 500M, 20G (default: no limit)")
      ->transform(command_line::size_in_bytes())
      ->type_name("SIZE");
  prune.add_flag(
      "--give-up-lost", command.give_up_lost,
      "go on where an old version of what stands in the space can't be read whole, and free what only it needs");
  prune.add_flag("-n,--dry-run", command.dry_run, "only tell what would be freed");
}

void add_export_verbs(CLI::App& app, Command& command) {
  CLI::App& out = verb(app, command, "export",
                       "write everything of the account in plain form: each snapshot, and what stands in each space");
  out.add_option("folder", command.target, "an empty folder, or one that an export was begun in")
      ->required()
      ->type_name("DIR");
  CLI::App& in = verb(app, command, "import", "take the folder of an export into the spaces of this account");
  in.add_option("folder", command.target,
                "what `holdfast export` wrote; all of it is compared with its manifests first")
      ->required()
      ->type_name("DIR");
}

void add_tool_verbs(CLI::App& app, Command& command) {
  CLI::App& inspect = verb(app, command, "inspect", "explain a file that this program or the server wrote");
  inspect.add_option("file", command.target, "a pack, key file, log entry, index segment, ...")
      ->required()
      ->type_name("FILE");
  CLI::App& completion =
      verb(app, command, "completion",
           "print the completion script of a shell, to be read when it starts: source <(holdfast completion bash)");
  completion.add_option("shell", command.name, "bash, zsh or fish")
      ->required()
      ->type_name("SHELL")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  CLI::App& man = verb(app, command, "man", "write the man pages into a folder");
  man.add_option("folder", command.target, "where to")->required()->type_name("DIR");
}

}  // namespace

std::string program_name() { return "holdfast " HOLDFAST_VERSION; }

std::unique_ptr<CLI::App> make_parser(Command& command) {
  auto app = std::make_unique<CLI::App>("End-to-end encrypted backup, on a server that holds no key.", "holdfast");
  app->set_version_flag("--version", program_name());
  app->set_help_flag("-h,--help", "print this help");
  app->require_subcommand(1);
  app->footer(footer);
  add_account_verbs(*app, command);
  add_space_verbs(*app, command);
  add_backup_verbs(*app, command);
  add_live_verbs(*app, command);
  add_forget_verbs(*app, command);
  add_export_verbs(*app, command);
  add_tool_verbs(*app, command);
  return app;
}

Parsed parse(const std::vector<std::string>& arguments) {
  Command command;
  const auto app = make_parser(command);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());  // as CLI11 takes them
  try {
    app->parse(reversed);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, trouble;
    if (app->exit(error, out, trouble) == 0) return {std::nullopt, out.str(), exit_done, {}};
    auto [text, next] = command_line::explain(*app, arguments, error);
    return {std::nullopt, std::move(text), exit_usage, std::move(next)};
  }
  return {command, {}, exit_done, {}};
}

}  // namespace holdfast::app
