#include "command.h"

#include <sstream>

#include "address.h"
#include "complete.h"
#include "mistake.h"
#include "schedule/interval.h"
#include "values.h"

namespace holdfast::app {

namespace {

using command_line::number;
using command_line::path;
using command_line::takes;
using command_line::WrongWords;

constexpr std::uint64_t number_max = ~std::uint64_t{0} >> 1;

void add_common(CLI::App& app, Command& command) {
  app.add_flag("--json", command.json, "print one JSON object instead of text");
  app.add_flag("-q,--quiet", command.quiet, "print no progress");
  takes(app.add_option("--passphrase-fd", command.passphrase_fd, "read the passphrase from this file descriptor"),
        number("NUMBER", 0, 1'048'575, "3"));
  takes(app.add_option("--patience", command.patience_s,
                       "how long to ask a server again that does not answer (default: 120; status, doctor: 10)"),
        number("SECONDS", 0, 86'400, "30"));
}

CLI::App& verb(CLI::App& parent, Command& command, const std::string& name, const std::string& what,
               const std::string& full = {}) {
  CLI::App& app = *parent.add_subcommand(name, what);
  add_common(app, command);
  app.callback([&command, full = full.empty() ? name : full] { command.verb = full; });
  app.footer(manual().help_footer("holdfast " + (full.empty() ? name : full)));
  return app;
}

void add_space(CLI::App& app, Command& command, const std::string& what) {
  takes(app.add_option("-s,--space", command.space, what), space_name());
}

void add_snapshot(CLI::App& app, Command& command, const Value& value, const std::string& what) {
  takes(app.add_option("snapshot", command.snapshot, what), value)->required();
}
void add_folder(CLI::App& app, Command& command, const std::string& what) {
  takes(app.add_option("folder", command.target, what), path("DIR", "~/restored"))->required();
}

// What is judged when all words are there. The verb stands already.
void then(CLI::App& app, Command& command, std::function<void()> judge) {
  app.callback([&command, verb = app.get_name(), judge = std::move(judge)] {
    command.verb = verb;
    judge();
  });
}

void add_account_verbs(CLI::App& app, Command& command) {
  CLI::App& signup = verb(app, command, "signup", "make an account on a server, and this device as its first");
  takes(signup.add_option("name", command.name, "name of the account: a-z 0-9 . _ -"), account_name())->required();
  takes(signup.add_option("--server", command.server,
                          "the server's link, hf://host:port#pin.policy, as `holdfastd serve` prints it"),
        server_link())
      ->required();
  takes(signup.add_option("--device", command.device, "name of this device (default: the host's)"), device_name());
  takes(signup.add_option("--invitation-file", command.invitation_file,
                          "holds what the operator gave, where sign-up is by invitation"),
        path("FILE", "invitation"));
  signup.add_flag("--no-passphrase", command.no_passphrase,
                  "leave the keys unsealed: whoever can read the key file has this device");
  verb(app, command, "whoami", "the account and device that this home belongs to");
  verb(app, command, "status", "account, server and spaces, with every alarm");
  verb(app, command, "doctor", "check this installation, the home and the server");
  CLI::App& heal = verb(app, command, "heal",
                        "give back to a server that was put back from an older copy what it lost and this device has");
  takes(heal.add_option("--invitation-file", command.invitation_file,
                        "holds what the operator gave, where sign-up is by invitation and the account itself was lost"),
        path("FILE", "invitation"));
}

void add_space_verbs(CLI::App& app, Command& command) {
  CLI::App& space = *app.add_subcommand("space", "the spaces of this account");
  space.require_subcommand(1);
  space.footer(manual().help_footer("holdfast space"));
  CLI::App& create = verb(space, command, "create", "make a space", "space create");
  takes(create.add_option("name", command.name, "letters, digits, . _ -"), new_space_name())->required();
  verb(space, command, "list", "all spaces", "space list");
  CLI::App& info = verb(space, command, "info", "what a space holds", "space info");
  takes(info.add_option("name", command.name, "the space"), space_name())->required();
}

void add_schedule(CLI::App& backup, Command& command, CLI::Option* dry_run) {
  auto* every = takes(backup.add_option_function<std::string>(
                          "--every",
                          [&command](const std::string& typed) {
                            command.every_s = typed == "never" ? 0 : schedule::parse_every(typed).value_or(0);
                          },
                          "instead: from now on, by a timer of systemd: 15min, 1h, 12h, 1d, 2w; never: not any more "
                          "(without a PATH: none of this home's schedules)"),
                      interval())
                    ->excludes(dry_run);
  takes(backup.add_option("--passphrase-credential", command.passphrase_credential,
                          "with --every: the passphrase, as `systemd-creds encrypt --name=holdfast.passphrase` sealed "
                          "it"),
        path("FILE", "passphrase.credential"))
      ->needs(every);
  takes(backup.add_option("--scheduled", command.scheduled,
                          "a timer or cron starts this: `holdfast status` tells how it went, under this name"),
        schedule_name());
  then(backup, command, [&command] {
    const bool never = command.every_s == 0;
    if (command.paths.empty() && !never) throw WrongWords("PATH is missing: what is to be saved", {});
    if (command.every_s && !never && !command.scheduled.empty())
      throw WrongWords("--every makes a schedule, and --scheduled is one of its runs: only one of them fits", {});
  });
}

void add_backup_verbs(CLI::App& app, Command& command) {
  CLI::App& backup = verb(app, command, "backup", "save paths as a new snapshot");
  takes(backup.add_option("paths", command.paths, "files and folders"), path("PATH", "~/Documents"));
  add_space(backup, command, "the space to save into (default: backups, made when it is missing)");
  takes(backup.add_option("-t,--tag", command.tags, "a word that stands beside the snapshot in lists; may be repeated"),
        tag());
  takes(
      backup.add_option(
          "-e,--exclude", command.excludes,
          "leave out what matches, in gitignore syntax; may be repeated. A .holdfastignore in a folder does the same"),
      exclude_pattern());
  backup.add_flag("-x,--one-file-system", command.one_file_system, "don't enter other file systems");
  auto* dry_run = backup.add_flag("-n,--dry-run", command.dry_run, "only tell what would be saved");
  add_schedule(backup, command, dry_run);

  CLI::App& snapshots = verb(app, command, "snapshots", "the snapshots of a space");
  add_space(snapshots, command, "the space (default: backups)");
  auto* forgotten = snapshots.add_flag("--forgotten", command.forgotten,
                                       "instead: those that were forgotten and can be brought back, and until when");
  takes(
      snapshots.add_option("-t,--tag", command.tags, "only those that carry this tag, or one of them; may be repeated"),
      tag())
      ->excludes(forgotten);

  CLI::App& restore = verb(app, command, "restore", "put a snapshot, or a path in it, into a folder");
  add_snapshot(restore, command, snapshot_path(), "latest, or the first characters of an id; :PATH for a part of it");
  add_folder(restore, command, "where to; it is made when it is missing");
  add_space(restore, command, "the space (default: backups)");
  restore.add_flag("--overwrite", command.overwrite,
                   "replace what is there and differs, set the rights and times of what is equal");
  restore.add_flag("--verify", command.verify, "read everything back from disk and compare");

  CLI::App& ls = verb(app, command, "ls", "list a folder of a snapshot, or of what stands in a space");
  add_snapshot(ls, command, tree(),
               "latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  add_space(ls, command, "the space (default: backups)");
  ls.add_flag("-R,--recursive", command.recursive, "everything below, too");

  CLI::App& diff = verb(app, command, "diff", "what differs between two folders: of snapshots, of a space, on disk");
  add_snapshot(diff, command, tree(),
               "the older one: latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  auto* other =
      takes(diff.add_option("other", command.other, "the newer one (default: the same folder in latest)"), tree());
  takes(diff.add_option("--folder", command.folder, "the newer one is this folder on disk, whose files are all read"),
        path("DIR", "~/Documents"))
      ->excludes(other);
  add_space(diff, command, "the space (default: backups)");

  CLI::App& find = verb(app, command, "find", "find files and folders by their names");
  add_snapshot(find, command, tree(),
               "where: latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  takes(find.add_option("pattern", command.pattern, "in gitignore syntax: *.txt, /a/**/b, folders/"), find_pattern())
      ->required();
  add_space(find, command, "the space (default: backups)");

  CLI::App& stats = verb(app, command, "stats", "what a folder holds, and how much of it is there more than once");
  add_snapshot(stats, command, tree(),
               "latest, or the first characters of an id; :PATH for a folder in it; or SPACE:[PATH]");
  add_space(stats, command, "the space (default: backups)");

  CLI::App& cat = verb(app, command, "cat", "print a file of a snapshot, or of what stands in a space");
  add_snapshot(cat, command, file_in_tree(),
               "latest, or the first characters of an id, and :PATH of the file; or SPACE:PATH");
  add_space(cat, command, "the space (default: backups)");

  CLI::App& check = verb(app, command, "check", "see whether a space is whole");
  add_space(check, command, "the space (default: backups)");
  check.add_flag("--read-data", command.read_data, "read and open every block too");
}

// Of two words that are places.
void check_one_space(const std::string& one, const std::string& other) {
  const auto space = [](const std::string& place) { return place.substr(0, place.find(':')); };
  if (space(one) != space(other))
    throw WrongWords("one command changes one space, and these are two: " + space(one) + " and " + space(other), {});
}

void add_place(CLI::App& app, std::string& place, const Value& value, const std::string& name,
               const std::string& what) {
  takes(app.add_option(name, place, what), value)->required();
}
void add_places(CLI::App& app, Command& command, const std::string& what) {
  takes(app.add_option("places", command.places, what), place_below())->required();
  then(app, command, [&command] {
    for (const std::string& one : command.places) check_one_space(command.places.front(), one);
  });
}

// What stands in a space now, its live tree.
void add_live_verbs(CLI::App& app, Command& command) {
  CLI::App& put = verb(app, command, "put", "put files and folders into a space");
  takes(put.add_option(
            "paths", command.paths,
            "files and folders, each of which keeps its last name; then the folder of a space to put them into, which "
            "is made when it is missing (SPACE: is the top)"),
        paths_and_place())
      ->required()
      ->expected(2, CLI::detail::expected_max_vector_size);
  then(put, command, [&command] {
    command.place = std::move(command.paths.back());
    command.paths.pop_back();
    std::string typed = command.place;
    if (const Value into = place(); !into.fits(typed))
      throw WrongWords("the last word of put, \"" + typed + "\", is not what it takes: " + into.takes, {});
  });

  CLI::App& get = verb(app, command, "get", "get a file or folder of a space");
  add_place(get, command.place, place(), "from", "what to get; SPACE: is everything");
  add_folder(get, command, "where to; it is made when it is missing");
  takes(get.add_option("--version", command.version, "as it was after this change, which `holdfast history` tells"),
        number("NUMBER", 0, number_max, "17"));
  get.add_flag("--overwrite", command.overwrite,
               "replace what is there and differs, set the rights and times of what is equal");
  get.add_flag("--verify", command.verify, "read everything back from disk and compare");

  CLI::App& mkdir = verb(app, command, "mkdir", "make folders in a space");
  add_places(mkdir, command, "the new folders, all in one space");
  mkdir.add_flag("-p,--parents", command.parents, "make the folders above, too; what is there already is fine");

  CLI::App& rm = verb(app, command, "rm", "remove files and folders of a space; its history keeps them");
  add_places(rm, command, "what to remove, all in one space");
  rm.add_flag("-r,--recursive", command.recursive, "folders too, with all that they hold");

  CLI::App& mv = verb(app, command, "mv", "move or rename a file or folder of a space");
  add_place(mv, command.place, place_below(), "from", "what to move");
  add_place(mv, command.place_to, place(), "to", "its new path; with / at the end: the folder to move it into");
  mv.add_flag("--overwrite", command.overwrite, "a file may replace a file");
  then(mv, command, [&command] {
    check_one_space(command.place, command.place_to);
    const auto from = live_path(command.place), to = live_path(command.place_to, EndingSlash::keep);
    if (!from || !to) return;  // neither parsed
    if (const auto target = verbs::target_of_move(from->path, to->path); !target)
      throw WrongWords(target.error().sentence + ": " + command.place_to, {});
  });

  CLI::App& history = verb(app, command, "history", "all versions of a file or folder of a space");
  add_place(history, command.place, place_below(), "of", "the file or folder; it need not be there any more");
}

void add_forget_verbs(CLI::App& app, Command& command) {
  CLI::App& forget = verb(app, command, "forget", "forget snapshots: those that are named, or all that no rule keeps");
  takes(forget.add_option("snapshots", command.snapshots, "latest, or the first characters of an id, at least 4"),
        snapshot());
  add_space(forget, command, "the space (default: backups)");
  const auto keep = [&](const char* name, std::uint32_t& value, const char* what) {
    takes(forget.add_option(name, value, what), number("N", 0, 1'000'000, "7"));
  };
  keep("--keep-last", command.keep_last, "keep the newest N");
  keep("--keep-hourly", command.keep_hourly, "keep the newest of each of the last N hours that have one");
  keep("--keep-daily", command.keep_daily, "the same for days");
  keep("--keep-weekly", command.keep_weekly, "the same for weeks, which begin on Monday");
  keep("--keep-monthly", command.keep_monthly, "the same for months");
  keep("--keep-yearly", command.keep_yearly, "the same for years");
  takes(forget.add_option_function<std::string>(
            "--keep-within",
            [&command](const std::string& typed) { command.keep_within_s = parse_age(typed).value_or(0); },
            "keep all that are at most so much older than the newest: 12h, 30d, 8w, 6m, 2y"),
        age());
  takes(forget.add_option("--keep-tag", command.keep_tags, "keep all that carry this tag; may be repeated"), tag());
  forget.add_flag("-n,--dry-run", command.dry_run, "only tell what would be forgotten");
  then(forget, command, [&command] {
    const bool rules = command.keep_last + command.keep_hourly + command.keep_daily + command.keep_weekly +
                               command.keep_monthly + command.keep_yearly + command.keep_tags.size() >
                           0 ||
                       command.keep_within_s > 0;
    if (rules == !command.snapshots.empty())
      throw WrongWords(
          "say which snapshots are to be forgotten: either by their ids, or by rules that keep some (--keep-...)", {});
  });

  CLI::App& unforget = verb(app, command, "unforget",
                            "bring forgotten snapshots back, also after a prune as long as the server's grace lasts");
  takes(unforget.add_option("snapshots", command.snapshots, "the first characters of an id, at least 4"),
        forgotten_snapshot())
      ->required();
  add_space(unforget, command, "the space (default: backups)");
  unforget.add_flag("-n,--dry-run", command.dry_run, "only tell whether they can be brought back");

  CLI::App& prune =
      verb(app, command, "prune", "have the server free what nothing needs any more, when its grace is over");
  add_space(prune, command, "the space (default: backups)");
  takes(prune.add_option("--max-repack", command.max_repack_bytes,
                         "copy the rest of at most so much of mostly dead packs: 500M, 20G (default: no limit)"),
        command_line::size(0, number_max, "500M"));
  prune.add_flag(
      "--give-up-lost", command.give_up_lost,
      "go on where an old version of what stands in the space can't be read whole, and free what only it needs");
  prune.add_flag("-n,--dry-run", command.dry_run, "only tell what would be freed");
}

void add_export_verbs(CLI::App& app, Command& command) {
  CLI::App& out = verb(app, command, "export",
                       "write everything of the account in plain form: each snapshot, and what stands in each space");
  add_folder(out, command, "an empty folder, or one that an export was begun in");
  CLI::App& in = verb(app, command, "import", "take the folder of an export into the spaces of this account");
  add_folder(in, command, "what `holdfast export` wrote; all of it is compared with its manifests first");
}

void add_tool_verbs(CLI::App& app, Command& command) {
  CLI::App& inspect = verb(app, command, "inspect", "explain a file that this program or the server wrote");
  takes(inspect.add_option("file", command.target, "a file of a home directory, a pack, a log entry, ..."),
        path("FILE", "~/.local/share/holdfast/keys"))
      ->required();
  CLI::App& completion =
      verb(app, command, "completion",
           "print the completion script of a shell, to be read when it starts: source <(holdfast completion bash)");
  takes(completion.add_option("shell", command.name, "bash, zsh or fish"), command_line::shell())->required();
  CLI::App& complete = *app.add_subcommand(
      "complete", "what may stand in place of the last word: what the completion of a shell asks for");
  complete.add_option("words", command.words, "behind --: the line as typed so far, without the program")
      ->type_name("WORD");
  complete.footer(manual().help_footer("holdfast complete"));
  then(complete, command, [] {});
  CLI::App& man = verb(app, command, "man", "write the man pages into a folder");
  add_folder(man, command, "where to");
}

}  // namespace

std::string program_name() { return "holdfast " HOLDFAST_VERSION; }

std::unique_ptr<CLI::App> make_parser(Command& command) {
  auto app = std::make_unique<CLI::App>("End-to-end encrypted backup, on a server that holds no key.", "holdfast");
  app->set_version_flag("--version", program_name());
  app->set_help_flag("-h,--help", "print this help");
  app->require_subcommand(1);
  app->footer(manual().help_footer("holdfast"));
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
  auto words = command_line::for_parser(arguments);
  try {
    app->parse(words);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, trouble;
    if (app->exit(error, out, trouble) == 0) return {std::nullopt, out.str(), exit_done, {}};
    auto [text, next] = command_line::explain(*app, manual(), arguments, error);
    return {std::nullopt, std::move(text), exit_usage, std::move(next)};
  }
  return {command, {}, exit_done, {}};
}

}  // namespace holdfast::app
