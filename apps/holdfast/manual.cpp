// The texts of the manual that no definition of the parser says. docs/CLI.md has all of it at length.
#include "manual.h"

#include "command.h"

namespace holdfast::app {

namespace {

using command_line::Page;

constexpr const char* tree_words =
    "SNAPSHOT is latest, the newest whole snapshot of the space, or the first characters of an id, at least 4. "
    "SPACE:PATH, always with its colon, is what stands in a space now; where a snapshot could be meant as well, the "
    "name of a space wins.";

std::map<std::string, Page> account_pages() {
  return {
      {"holdfast",
       {"Holdfast keeps files on a server that can open none of them: all is sealed on this device, with keys that the "
        "server never has. A backup makes snapshots in a space; what put, mkdir, mv and rm change stands in a space, "
        "with its history.\n\nOf two commands on one home at once the first owns the home, and carries out the others, "
        "too.",
        {{"holdfast backup ~/Documents", "save a folder as a new snapshot"},
         {"holdfast restore latest ~/restored", "put the newest snapshot into a folder"}}}},
      {"holdfast signup",
       {"Makes an account on a server, and this device as its first. The keys are sealed by a passphrase, which is "
        "asked for twice on the terminal, or comes from --passphrase-fd or HOLDFAST_PASSPHRASE_FILE.\n\nThere is no "
        "recovery yet: without the home directory what was saved can't be opened again.",
        {{"holdfast signup anna --server "
          "hf://"
          "cloud.example:8470#2fffd6f20fcc5766ae44603e9291d3ef8afcd0445c9d52073ba7a5c2773bf47f."
          "f953afff28703211be76b305edfec2820d64a4733845fc35b21dd611cc8e2f02",
          "an account named anna, with the link that the operator gave"}}}},
      {"holdfast whoami",
       {"Tells which account and device this home belongs to, and on which server.",
        {{"holdfast whoami", "name, device, ids and server"}}}},
      {"holdfast status",
       {"Tells of the account, its server and spaces, with every alarm, every event (a server or a home that came from "
        "an older copy), and how the last run of each schedule ended. With an alarm it ends with 4.",
        {{"holdfast status", "how all is"}, {"holdfast status --json", "the same for a program"}}}},
      {"holdfast doctor",
       {"Looks at this installation, the home, the server and the schedules; each line is ok or LOOK. It ends with 1 "
        "when something is amiss.",
        {{"holdfast doctor", "when something does not work"}}}},
      {"holdfast heal",
       {"A server that was put back from an older copy of its data has lost what came after it: each command then ends "
        "with RolledBack, and changes nothing. When its operator says that it was so, heal gives back what this device "
        "has: entries of logs, spaces, the account itself, the index. It may be repeated.",
        {{"holdfast heal", "give back what the server lost"},
         {"holdfast heal --invitation-file invitation",
          "where the account was lost, too, and sign-up is by invitation"}}}},
      {"holdfast space",
       {"An account has spaces, each with its own keys, snapshots and history.",
        {{"holdfast space list", "all of them"}}}},
      {"holdfast space create",
       {"Makes a space. A backup without --space goes into backups, which it makes itself.",
        {{"holdfast space create photos", "a space named photos"}}}},
      {"holdfast space list", {"Lists the spaces of this account, with their ids.", {{"holdfast space list", "all"}}}},
      {"holdfast space info",
       {"Tells what a space holds, what it takes on the server, and for how long deleted things can be brought back.",
        {{"holdfast space info photos", "what photos holds"}}}},
  };
}

std::map<std::string, Page> snapshot_pages() {
  return {
      {"holdfast backup",
       {"Saves files and folders as one new snapshot; what the space has already is not sent again, and an interrupted "
        "backup goes on where it ended. What can't be read is named, the rest is saved, and the exit code is 3. "
        ".holdfastignore files hold patterns of gitignore.\n\nWith --every it is run from now on by a timer of this "
        "user's systemd, which makes up for what was slept through; status tells how the runs went. Without a login "
        "such timers run only when the user lingers: loginctl enable-linger.",
        {{"holdfast backup ~/Documents ~/Pictures", "save two folders into the space backups"},
         {"holdfast backup ~/src --space work --exclude '*.o' --tag release",
          "leave out objects, and tag the snapshot"},
         {"holdfast backup ~/Documents --every 6h", "from now on, four times a day"},
         {"holdfast backup --every never", "remove all schedules of this home"}}}},
      {"holdfast snapshots",
       {"Lists the snapshots of a space, oldest first. A snapshot is undated when its stated time does not fit its "
        "place in the log; it is partial while a backup is under way, or was interrupted.",
        {{"holdfast snapshots", "those of the space backups"},
         {"holdfast snapshots --space work --tag release", "with this tag only"},
         {"holdfast snapshots --forgotten", "what unforget can bring back"}}}},
      {"holdfast restore",
       {"Puts each backed-up path below DIR by its last name, as it was typed. What is there already is refused, "
        "unless --overwrite is given. Owners are set when root restores.",
        {{"holdfast restore latest ~/restored", "the newest snapshot"},
         {"holdfast restore latest:Documents/letter.txt ~/restored", "one file of it"},
         {"holdfast restore 6c02ee1f ~/restored --space work --verify", "an older one, compared with what it wrote"}}}},
      {"holdfast ls",
       {std::string("Lists a folder without restoring it. ") + tree_words,
        {{"holdfast ls latest:Documents", "a folder of the newest snapshot"},
         {"holdfast ls docs: --recursive", "all that stands in the space docs"}}}},
      {"holdfast diff",
       {std::string("Tells what was added (A), deleted (D) and modified (M), from one folder to another. ") +
            tree_words + " With --folder all files of the folder are read.",
        {{"holdfast diff 6c02ee1f", "what has changed since that snapshot"},
         {"holdfast diff latest:Documents --folder ~/Documents", "what has changed on the disk since the backup"}}}},
      {"holdfast find",
       {std::string("Finds files and folders by their names, with patterns of gitignore: without a slash in it a "
                    "pattern is for a name in any folder. When nothing matches, that is said on standard error, and "
                    "the exit code is 0. ") +
            tree_words,
        {{"holdfast find latest '*.txt'", "all texts of the newest snapshot"},
         {"holdfast find docs: '/letters/**/2026*'", "below one folder of what stands in docs"}}}},
      {"holdfast stats",
       {std::string("Counts what a folder holds, and how much of it is there more than once. ") + tree_words,
        {{"holdfast stats latest", "of the newest snapshot"}}}},
      {"holdfast cat",
       {std::string("Prints one file, whatever it holds, also with --json. ") + tree_words,
        {{"holdfast cat latest:Documents/letter.txt", "a file of the newest snapshot"},
         {"holdfast cat docs:letters/may.txt", "a file that stands in the space docs"}}}},
      {"holdfast check",
       {"Looks whether a space is whole, and the account and the home space that lead to it, by what the server says "
        "it has. With --read-data nothing is taken from its word: every block is fetched and opened. Damage ends with "
        "4.",
        {{"holdfast check", "the space backups"},
         {"holdfast check --space work --read-data", "everything of the space work"}}}},
      {"holdfast forget",
       {"Forgets snapshots: those that are named, or all that none of the rules keeps. Rules count for each device and "
        "set of paths by itself, in UTC. The newest snapshot of each and undated ones are never forgotten by a rule. "
        "Nothing is freed until a prune.",
        {{"holdfast forget 6c02ee1f", "one snapshot"},
         {"holdfast forget --keep-daily 7 --keep-weekly 4 --keep-monthly 12 --dry-run",
          "what these rules would forget"},
         {"holdfast forget --keep-within 30d --keep-tag release", "all older ones but those with the tag"}}}},
      {"holdfast unforget",
       {"Brings forgotten snapshots back, all that are named or none; also after a prune, as long as the server's "
        "grace lasts.",
        {{"holdfast unforget 6c02ee1f", "bring it back"}}}},
      {"holdfast prune",
       {"Has the server free what no snapshot needs any more, and no version of what stands in the space, when its "
        "grace (space info) is over. Backups may run meanwhile. It may be killed at any time; the same command goes "
        "on.",
        {{"holdfast prune --dry-run", "what would be freed"},
         {"holdfast prune --space work --max-repack 500M", "copy at most so much of mostly dead packs"}}}},
  };
}

std::map<std::string, Page> live_pages() {
  return {
      {"holdfast put",
       {"Puts files and folders, each by its last name, into a folder of what stands in a space. A file replaces a "
        "file, a folder is laid over a folder, and nothing goes; the history keeps what was replaced.",
        {{"holdfast put letter.txt notes docs:letters", "a file and a folder into the folder letters"},
         {"holdfast put letter.txt docs:", "into the top"}}}},
      {"holdfast get",
       {"Gets a file or folder of a space into DIR by its last name: as it is now, or as it was after a change that "
        "history tells.",
        {{"holdfast get docs:letters ~/got", "a folder as it is now"},
         {"holdfast get docs:letters/may.txt ~/got --version 17", "a file as it was"}}}},
      {"holdfast mkdir",
       {"Makes folders in a space, in one commit.",
        {{"holdfast mkdir docs:letters/2026 --parents", "with the one above"}}}},
      {"holdfast rm",
       {"Removes files and folders of a space, in one commit. Its history keeps them.",
        {{"holdfast rm docs:letters/may.txt", "a file"}, {"holdfast rm docs:letters --recursive", "a folder"}}}},
      {"holdfast mv",
       {"Moves or renames within a space, in one commit. With / at its end the second path is the folder to move into.",
        {{"holdfast mv docs:may.txt docs:june.txt", "rename a file"},
         {"holdfast mv docs:june.txt docs:letters/", "move it into a folder"}}}},
      {"holdfast history",
       {"Tells all versions of a file or folder of a space, also of one that is not there any more. The number of each "
        "is what get --version takes.",
        {{"holdfast history docs:letters/may.txt", "its versions"}}}},
  };
}

std::map<std::string, Page> other_pages() {
  return {
      {"holdfast export",
       {"Writes everything of the account in plain form: every space, each snapshot and what stands in it as a folder, "
        "with a manifest of SHA-256 hashes beside it. The same command goes on where it was interrupted.",
        {{"holdfast export /media/disk/holdfast", "everything onto a disk"}}}},
      {"holdfast import",
       {"Takes what export wrote into the spaces of this account, which are made where they are missing, after every "
        "file was compared with its manifest. What differs is named, and then nothing is taken (4).",
        {{"holdfast import /media/disk/holdfast", "everything from that disk"}}}},
      {"holdfast inspect",
       {"Explains a file that this program or the server wrote: each file of a home directory, packs, log entries, key "
        "boxes. It changes nothing, shows no secret, and goes on past damage, which ends with 4.",
        {{"holdfast inspect ~/.local/share/holdfast/keys", "by what the keys are sealed"},
         {"holdfast inspect ~/.local/share/holdfast/state", "what the device remembers"}}}},
      {"holdfast completion",
       {"Prints what a shell reads when it starts, to complete commands, options and their values.",
        {{"holdfast completion bash", "in ~/.bashrc: source <(holdfast completion bash)"},
         {"holdfast completion fish", "into ~/.config/fish/completions/holdfast.fish"}}}},
      {"holdfast complete",
       {"What the scripts of completion ask: the first line says whether the shell adds files, folders or only words; "
        "each other line is a word that may stand in place of the last one, a tab, and what it is. Spaces, snapshots "
        "and tags are the account's own. It never asks for a passphrase, gives up after two seconds, says no error, "
        "and ends with 0 whatever it found.",
        {{"holdfast complete -- restore --space ph", "spaces that begin with ph"},
         {"holdfast complete -- backup --every ''", "all intervals"}}}},
      {"holdfast man",
       {"Writes a page of the manual for each command into a folder, which is made when it is missing.",
        {{"holdfast man ~/.local/share/man/man1", "where man(1) looks for them"}}}},
  };
}

}  // namespace

const command_line::Manual& manual() {
  static const command_line::Manual all = [] {
    command_line::Manual out;
    for (auto pages : {account_pages(), snapshot_pages(), live_pages(), other_pages()}) out.pages.merge(pages);
    out.exit_codes = {{"0", "done"},
                      {"1", "failed"},
                      {"2", "wrong command line"},
                      {"3", "done, but something was left out"},
                      {"4", "done, with alarms or damage found"},
                      {"5", "wrong passphrase or keys"},
                      {"6", "no server answers"}};
    out.environment = {
        {"HOLDFAST_HOME",
         "the home directory of this device (default: ~/.local/share/holdfast, or holdfast below XDG_DATA_HOME)"},
        {"HOLDFAST_PASSPHRASE_FILE", "a file whose first line is the passphrase"}};
    out.files = {{"~/.local/share/holdfast",
                  "the home: keys, state (with state-wal), lock, control, and the folders index, file_state, uploads "
                  "and schedules. holdfast inspect explains each file"},
                 {".holdfastignore", "in a folder that is saved: patterns of gitignore for what is left out"},
                 {"~/.config/systemd/user/holdfast-backup-*", "the units of schedules"}};
    out.see_also = {{"holdfastd", 8}};
    return out;
  }();
  return all;
}

}  // namespace holdfast::app
