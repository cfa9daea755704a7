#include "advice.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"

namespace holdfast::app {

namespace {

bool only_reads(const Command& command) {
  constexpr std::array<std::string_view, 16> readers{
      "whoami", "status", "doctor", "space list", "space info", "snapshots", "ls",         "diff",
      "find",   "stats",  "cat",    "check",      "history",    "inspect",   "completion", "complete"};
  return command.dry_run || std::ranges::find(readers, command.verb) != readers.end();
}

// Nothing was begun: the home or its keys could not be opened.
bool is_before_all(const Error& error) {
  return error.code == Code::WrongPassphrase || error.about == About::account || error.about == About::home ||
         error.about == About::passphrase || error.about == About::open_keys;
}

// The server, or what came from it, is not to be believed.
bool is_distrust(Code code) {
  switch (code) {
    case Code::RolledBack:
    case Code::Forked:
    case Code::Stale:
    case Code::PolicySplit:
    case Code::WrongPin:
    case Code::BadProof:
    case Code::BadCheckpoint:
    case Code::NotInRecord:
    case Code::NoQuorum:
    case Code::CodeMismatch:
      return true;
    default:
      return false;
  }
}

std::string help_of(const Command& command) {
  return "how it is typed:  holdfast " + (command.verb.empty() ? "" : command.verb + " ") + "--help";
}

bool writes_here(const Command& command) { return command.verb == "restore" || command.verb == "get"; }
bool sends(const Command& command) {
  return (command.verb == "backup" || command.verb == "put") && !command.dry_run && !command.every_s;
}

}  // namespace

std::string whole_after(const Command& command) {
  const std::string& verb = command.verb;
  if (only_reads(command)) return "everything: this command changes nothing that was saved";
  if (command.every_s == 0) return "everything that was saved; a schedule that was not removed goes on";
  if (command.every_s) return "everything that was saved; no unit of systemd was left half written";
  if (verb == "backup")
    return "all earlier snapshots; what has arrived is kept, and not sent again by the same command";
  if (verb == "put")
    return "all that stood in the space, by its history; what has arrived is kept, and not sent again by the same "
           "command";
  if (writes_here(command))
    return "the space, of which this command only reads; what was written so far stays in " + printable(command.target);
  if (verb == "mkdir" || verb == "rm" || verb == "mv")
    return "all content, by the space's history; the change is there as a whole or not at all";
  if (verb == "space create") return "all other spaces";
  if (verb == "forget") return "all that was saved: forgetting alone frees nothing";
  if (verb == "prune") return "every snapshot; what was retired is kept by the server until its grace is over";
  if (verb == "signup") return "what this home held before, and every account that there is";
  if (verb == "export")
    return "the account, of which this command only reads; what was written so far stays in " +
           printable(command.target) + ", and is not written again";
  if (verb == "import")
    return "all that the account holds, and the folder; what was taken so far is not taken again by the same command";
  if (verb == "heal") return "everything that this device has; what the server was given stays there";
  if (verb == "unforget") return "every snapshot; nothing was brought back in part";
  if (verb == "man") return "everything but the pages in " + printable(command.target);
  return "everything that was saved before";
}

std::string whole_of(const Error& error, const Command& command) {
  if (!error.whole.empty()) return error.whole;
  if (is_before_all(error)) return "everything: nothing was begun";
  if (is_distrust(error.code))
    return "this device's keys and what it knew: what the server said was not accepted" +
           std::string(writes_here(command) ? "; what was written so far stays in " + printable(command.target) : "");
  return whole_after(command);
}

std::string again_hint(const Command& command) {
  if (sends(command) || command.verb == "import")
    return "the same command goes on where this one ended; what has arrived is not sent again";
  if (writes_here(command) || command.verb == "export") return "the same command goes on where this one ended";
  if (command.verb == "space create") return "see whether it is there:  holdfast space list; then repeat the command";
  if (command.verb == "mkdir" || command.verb == "rm" || command.verb == "mv")
    return "see whether it was done:  holdfast ls SPACE:; then repeat the command";
  return "repeat the command";
}

std::string general_hint(Code code, const Command& command) {
  const std::string& verb = command.verb;
  switch (code) {
    case Code::InvalidArgument:
    case Code::Unsupported:
      if (verb == "inspect") return "name a file of a home directory, or of a server's data directory";
      if (verb == "space create") return "choose a name of letters, digits and . _ - only";
      return help_of(command);
    case Code::NotFound:
      if (verb == "backup" || verb == "put" || verb == "inspect" || verb == "man")
        return "see how the path is written, and repeat the command with it";
      if (verb == "get") return "see what was there, and when:  holdfast history SPACE:PATH";
      if (verb == "import") return "name the folder that `holdfast export` wrote";
      return "see how it is written:  holdfast snapshots, holdfast space list, holdfast ls";
    case Code::AlreadyExists:
      if (verb == "space create") return "choose another name, or use it; all spaces:  holdfast space list";
      [[fallthrough]];
    case Code::NotEmpty:
      if (writes_here(command)) return "choose another folder, or repeat the command with --overwrite";
      return "choose another name";
    case Code::PermissionDenied:
    case Code::ReadOnly:
      if (writes_here(command) || verb == "man") return "choose a folder that you may write to";
      return "see who may do this:  ls -ld of what is named; or ask who runs the server, when it refused";
    case Code::IoError:
    case Code::Malformed:
      if (writes_here(command)) return "look at the disk, or choose another folder; then " + again_hint(command);
      if (verb == "inspect") return "name a file of a home directory, or of a server's data directory";
      return "look at this installation and its disk:  holdfast doctor";
    case Code::TooLarge:
      return "leave it out, or save it in parts";
    case Code::TooOld:
      return "the older one of program and server has to be brought up to date";
    case Code::Tampered:
    case Code::Missing:
      return "all that is touched:  holdfast check --read-data";
    case Code::NotAuthorized:
    case Code::Revoked:
      return "see what this device and account may do:  holdfast status";
    case Code::RolledBack:
    case Code::Forked:
    case Code::Stale:
    case Code::PolicySplit:
    case Code::NotInRecord:
    case Code::NoQuorum:
    case Code::BadProof:
    case Code::BadCheckpoint:
    case Code::CodeMismatch:
    case Code::WrongPin:
      return "ask who runs the server, and do not go on before you know why";
    case Code::WrongPassphrase:
      return "try again: it comes from a prompt, --passphrase-fd or HOLDFAST_PASSPHRASE_FILE";
    case Code::NoSpaceLeft:
    case Code::QuotaExceeded:
      return "make room; then " + again_hint(command);
    case Code::RateLimited:
      return "wait for a minute; then " + again_hint(command);
    case Code::Busy:
      return "wait until the other command has ended; then " + again_hint(command);
    case Code::SelfCheckFailed:
    case Code::Internal:
    case Code::Crashed:
      return "test the memory of this machine; when it is good this is a defect of the program: please report it";
    case Code::Unreachable:
    case Code::Timeout:
    case Code::Behind:
    case Code::UploadGone:
    case Code::Changed:
    case Code::Incomplete:
    case Code::Cancelled:
      return again_hint(command);
  }
  return again_hint(command);
}

}  // namespace holdfast::app
