#include <algorithm>

#include "advice.h"
#include "show_heal.h"
#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

std::string with_space(const Command& command) { return command.space ? " --space " + *command.space : std::string(); }

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

namespace {

constexpr const char* older_copy_hint = "if its operator put it back from an older copy:  holdfast heal";

std::string row(const std::string& name, const std::string& value) { return "  " + padded(name, 12) + value + "\n"; }

std::string alarms_text(const std::vector<session::Alarm>& alarms, const std::string& space) {
  std::string out;
  for (const auto& alarm : alarms)
    out += "ALARM  " + printable(space) + ", entry " + std::to_string(alarm.seq) +
           " of its log counts for nothing: " + printable(alarm.sentence) + " (" + alarm.code + ")\n";
  return out;
}

}  // namespace

std::string others_text(std::uint64_t others) {
  if (others == 0) return {};
  return count_text(others) + (others == 1 ? " other (link, device or pipe)" : " others (links, devices, pipes)") +
         ", ";
}

std::string contents_text(const space::SnapshotStats& stats) {
  return counted(stats.files, "file") + ", " + counted(stats.directories, "folder") + ", " + others_text(stats.others) +
         size_text(stats.bytes);
}

std::string problems_text(const std::vector<backup::Problem>& problems, std::uint64_t count) {
  std::string out;
  for (std::size_t i = 0; i < std::min(problems.size(), problems_shown_max); ++i)
    out += "  " + printable(problems[i].path) + ": " + problems[i].error.sentence + " (" +
           std::string(name_of(problems[i].error.code)) + ")" +
           (problems[i].error.object.empty() || problems[i].error.object == printable(problems[i].path)
                ? ""
                : "  " + problems[i].error.object) +
           "\n";
  if (count > problems_shown_max)
    out += "  and " + count_text(count - std::min<std::uint64_t>(count, problems_shown_max)) +
           " more (--json lists them)\n";
  return out;
}

namespace {

// What stands in a space, as far as it is to be listed to find a path.
bool is_live(const Command& command) { return !command.place.empty() || !command.places.empty(); }
std::string space_of(const Command& command) {
  if (!is_live(command)) return {};
  const std::string& place = command.place.empty() ? command.places.front() : command.place;
  return place.substr(0, place.find(':'));
}

std::string hint_about(const Error& error, const Command& command) {
  switch (error.about) {
    case About::account:
      return "make one:  holdfast signup NAME --server LINK";
    case About::home:
      return "look whether anything in it is not yours, then:  chmod 700 DIRECTORY; or choose another HOLDFAST_HOME";
    case About::passphrase:
      if (command.every_s)
        return "put it into a file that only you can read, and type  HOLDFAST_PASSPHRASE_FILE=FILE holdfast backup "
               "...; "
               "or have systemd, 256 or newer, keep it sealed:  --passphrase-credential FILE";
      return "give it by HOLDFAST_PASSPHRASE_FILE or --passphrase-fd" +
             std::string(command.verb == "signup" ? ", or sign up with --no-passphrase" : "");
    case About::space:
      if (command.verb == "put" || command.verb == "mkdir")
        return "make it:  holdfast space create " + space_of(command);
      if (command.verb == "backup" && command.space)
        return "make it:  holdfast space create " + printable(*command.space) + "; all there are:  holdfast space list";
      return error.object == session::backups_space ? "make the first backup:  holdfast backup PATH"
                                                    : "all spaces:  holdfast space list";
    case About::snapshot:
      return (command.verb == "restore"        ? "what stands in a space:  holdfast get SPACE:PATH DIR; "
              : command.snapshot.contains(':') ? "all spaces:  holdfast space list; "
              : command.snapshot.empty()       ? ""
                                               : "what stands in a space is named SPACE:PATH; ") +
             ("all snapshots:  holdfast snapshots" + with_space(command));
    case About::open_keys:
      return "sign up with --no-passphrase; or remove that file, which no account uses, and sign up again";
    case About::local_state:
      return "put your copy of the home directory back; the server still has what was backed up";
    case About::old_version:
      return "see what is lost:  holdfast check --read-data" + with_space(command) +
             "; to go on without it:  holdfast prune --give-up-lost" + with_space(command);
    case About::path_in_snapshot:
      if (is_live(command))
        return "what is there:  holdfast ls --recursive " + space_of(command) + ":; what was:  holdfast history " +
               (command.place.empty() ? "SPACE:PATH" : printable(command.place));
      return "what is there (a backed-up path stands under its last name):  holdfast ls " +
             command.snapshot.substr(0, command.snapshot.find(':')) + ":" + with_space(command);
    case About::unsaid:
      return {};
  }
  return {};
}

// Empty: nothing better is known than general_hint().
std::string known_hint(const Error& error, const Command& command) {
  if (error.about != About::unsaid) return hint_about(error, command);
  if (!command.by_cron.empty()) return "have cron run it, a line of `crontab -e`:  " + command.by_cron;
  if (command.every_s == 0) return "all schedules:  holdfast status";
  switch (error.code) {
    case Code::WrongPin:
    case Code::PolicySplit:
      return "ask the operator for the server's link; if it really changed, somebody has another key or policy: do not "
             "go on before you know why";
    case Code::WrongPassphrase:
      return "try again: it comes from a prompt, --passphrase-fd or HOLDFAST_PASSPHRASE_FILE" +
             std::string(command.verb == "signup" ? "; or remove the key file, if no account uses it" : "");
    case Code::Unreachable:
    case Code::Timeout:
      return command.verb == "backup" || command.verb == "put"
                 ? "the same command goes on where this one ended; what has arrived is not sent again"
             : command.verb == "restore" || command.verb == "get"
                 ? "is the server running? the same command goes on where this one ended"
                 : "is the server running? the same command can be repeated";
    case Code::NoSpaceLeft:
    case Code::QuotaExceeded:
      if (error.sentence.starts_with("the server"))
        return "ask who runs the server to make room" +
               std::string(command.verb == "backup" || command.verb == "put"
                               ? "; then the same command goes on where this one ended"
                               : "");
      return command.verb == "backup" || command.verb == "put" || command.verb == "restore" || command.verb == "get"
                 ? "make room, then the same command goes on where this one ended"
                 : "make room, then repeat the command";
    case Code::Tampered:
    case Code::Missing:
      return "all that is touched:  holdfast check --read-data" + with_space(command);
    case Code::NotFound:
      return command.verb == "unforget"
                 ? "what can be brought back:  holdfast snapshots --forgotten" + with_space(command)
                 : "";
    case Code::RolledBack:
      return command.verb == "heal"
                 ? "ask its operator for a newer copy of the server; what this device keeps does not reach so far back"
                 : "ask its operator whether it was put back from an older copy; if it was, what it lost and this "
                   "device "
                   "has is given back by:  holdfast heal";
    case Code::Forked:
      return "nothing was accepted from the server; ask its operator whether it was restored from an older copy, and "
             "used since";
    case Code::PermissionDenied:
      if (command.verb == "heal" && command.invitation_file.empty())
        return "ask its operator for an invitation, and give it in a file:  holdfast heal --invitation-file FILE";
      return command.verb == "signup" && command.invitation_file.empty()
                 ? "an invitation in a file:  holdfast signup NAME --server LINK --invitation-file FILE"
                 : "";
    case Code::AlreadyExists:
      if (is_live(command) && command.verb != "get")
        return "choose another name, or remove what is there:  holdfast rm [--recursive] SPACE:PATH";
      return command.verb == "signup" ? "another device or account needs another HOLDFAST_HOME" : "";
    default:
      return {};
  }
}

}  // namespace

std::string hint_of(const Error& error, const Command& command) {
  std::string hint = known_hint(error, command);
  return hint.empty() ? general_hint(error.code, command) : hint;
}

std::string type_letter(const space::TreeEntry& entry) {
  if (entry.directory() != nullptr) return "d";
  if (std::holds_alternative<space::SymlinkContent>(entry.content)) return "l";
  if (const auto* device = std::get_if<space::DeviceContent>(&entry.content)) return device->block ? "b" : "c";
  return std::holds_alternative<space::FifoContent>(entry.content) ? "p" : "-";
}

std::string mode_text(std::uint16_t mode) {
  std::string out;
  for (int shift = 8; shift >= 0; --shift) out += (mode >> shift & 1) != 0 ? "rwx"[2 - shift % 3] : '-';
  if ((mode & 04000) != 0) out[2] = out[2] == 'x' ? 's' : 'S';
  if ((mode & 02000) != 0) out[5] = out[5] == 'x' ? 's' : 'S';
  if ((mode & 01000) != 0) out[8] = out[8] == 'x' ? 't' : 'T';
  return out;
}

std::string text_of(const verbs::WhoAmI& who) {
  return who.user_name + " on " + who.device_name + "\n" + row("account", who.account.hex()) +
         row("device", who.device.hex()) + row("server", who.server);
}

std::string text_of(const verbs::Status& status) {
  std::string out = text_of(status.who);
  if (!status.server_answers) {
    out += row("", "it does not answer: " + status.server_error->sentence);
    return out;
  }
  out += row("record", status.has_witnesses ? "witnessed" : "no witnesses: this server has no transparency record yet");
  if (status.chain_error)
    out += "ALARM  " + status.chain_error->sentence + " (" + std::string(name_of(status.chain_error->code)) + ")\n" +
           (status.chain_error->code == Code::RolledBack ? row("", older_copy_hint) : "");
  out += row("used", size_text(status.bytes_used) + (status.bytes_max > 0 ? " of " + size_text(status.bytes_max) : "") +
                         " in " + counted(status.objects, "object"));
  out += alarms_text(status.home_alarms, std::string(session::home_space));
  for (const auto& space : status.spaces) {
    std::string line = space.error ? "ALARM: " + space.error->sentence : counted(space.snapshots, "snapshot");
    if (space.newest)
      line += ", the newest of " + time_text(space.newest->time_ns) + (space.newest->partial ? " (partial)" : "");
    out += row(printable(space.named.name), line);
    if (space.error && space.error->code == Code::RolledBack) out += row("", older_copy_hint);
    out += alarms_text(space.alarms, space.named.name);
  }
  if (status.spaces.empty()) out += row("spaces", "none yet; `holdfast backup PATH` makes the first");
  return out + text_of(status.events);
}

std::string text_of(const std::vector<verbs::Finding>& findings) {
  std::string out;
  for (const auto& finding : findings)
    out += (finding.good ? "ok    " : "LOOK  ") + padded(finding.what, 14) + finding.sentence + "\n";
  return out;
}

std::string text_of(const std::vector<session::SpaceName>& spaces) {
  std::string out;
  for (const auto& space : spaces) out += padded(printable(space.name), 24) + space.space.hex() + "\n";
  return out.empty() ? "no spaces yet\n" : out;
}

std::string text_of(const verbs::SpaceInfo& info) {
  std::string out = printable(info.named.name) + "\n" + row("id", info.named.space.hex());
  out += row("members", std::to_string(info.members) + ", key epoch " + std::to_string(info.epoch));
  out += row("commits", count_text(info.commits)) + row("snapshots", count_text(info.snapshots));
  out += row("chunks", count_text(info.chunks) + " in " + counted(info.packs, "pack") + ", " +
                           count_text(info.segments) + " index segments");
  out += row("stored", size_text(info.bytes_stored) + " for " + size_text(info.bytes_plain) +
                           (info.inline_bytes > 0 ? ", and " + size_text(info.inline_bytes) + " inside commits" : ""));
  out +=
      row("grace", "what is deleted can be brought back for " + std::to_string(info.grace_seconds / 86'400) + " days");
  return out;
}

std::string text_of(const verbs::BackupDone& done, const Command& command, std::int64_t took_ns) {
  const auto& stats = done.report.snapshot.stats;
  std::string out;
  if (done.space_made) out += (command.dry_run ? "would make the space " : "made the space ") + done.space + "\n";
  const std::string what = contents_text(stats);
  const std::string changes = count_text(stats.files_new) + " new, " + count_text(stats.files_changed) + " changed, " +
                              count_text(stats.files_unchanged) + " unchanged";
  if (command.dry_run) {
    out += "would save " + what + " (" + changes + "), reading " + size_text(done.report.bytes_read) + "\n";
  } else {
    out += "snapshot " + done.report.snapshot.id.short_hex() + "  " + what + " (" + changes + ")\n";
    out += "  sent " + size_text(done.report.bytes_stored);
    if (done.report.bytes_resumed > 0) out += " (" + size_text(done.report.bytes_resumed) + " had arrived before)";
    out += " in " + duration_text(took_ns) + "\n";
  }
  if (done.report.packs_lost > 0)
    out += "  " + counted(done.report.packs_lost, "pack") +
           " of the server lost or damaged: what of it is in these paths " + (command.dry_run ? "would be" : "was") +
           " sent again\n";
  if (done.report.problems_count > 0) {
    out += count_text(stats.left_out) + " left out, " + count_text(done.report.problems_count - stats.left_out) +
           " saved with a doubt:\n";
    out += problems_text(done.report.problems, done.report.problems_count);
  }
  return out;
}

std::string text_of(const verbs::Snapshots& snapshots) {
  std::string out;
  for (const auto& [snapshot, undated] : snapshots.snapshots) {
    out += snapshot.id.short_hex() + "  " + time_text(snapshot.time_ns) + (undated ? " (undated)" : "") + "  " +
           padded(printable(snapshot.host), 12) + "  " + padded(size_text(snapshot.stats.bytes), 10) + "  ";
    for (std::size_t i = 0; i < snapshot.paths.size(); ++i) out += (i > 0 ? ", " : "") + printable(snapshot.paths[i]);
    for (const auto& tag : snapshot.tags) out += "  #" + printable(tag);
    out += snapshot.partial ? "  (partial)\n" : "\n";
  }
  return out.empty() ? "no snapshots yet\n" : out;
}

std::string text_of(const verbs::ForgetDone& done, const Command& command) {
  std::string out;
  std::size_t forgotten = 0;
  for (const auto& [listed, reasons] : done.judged) {
    std::string why;
    for (const auto& reason : reasons) why += (why.empty() ? "" : ", ") + printable(reason);
    if (reasons.empty()) ++forgotten;
    if (command.snapshots.empty() || reasons.empty())
      out += listed.snapshot.id.short_hex() + "  " + time_text(listed.snapshot.time_ns) + "  " +
             (reasons.empty() ? "forgotten" : "kept: " + why) + "\n";
  }
  out += (command.dry_run ? "would forget " : "forgot ") + count_text(forgotten) + " of " +
         counted(done.judged.size(), "snapshot") + "\n";
  if (forgotten > 0 && !command.dry_run)
    out += "  next    free what only they need:  holdfast prune" + with_space(command) + "\n";
  return out;
}

std::string text_of(const verbs::PruneDone& done, const Command& command) {
  const backup::PruneReport& report = done.report;
  const std::uint64_t leave = report.packs_dead + report.packs_repacked;
  std::string out = counted(report.snapshots, "snapshot") + ", " + counted(report.packs, "pack") + " with " +
                    size_text(report.bytes_stored) + "\n";
  if (leave == 0) {
    out += "nothing to free\n";
  } else {
    const std::int64_t freed =
        static_cast<std::int64_t>(report.bytes_retired) - static_cast<std::int64_t>(report.bytes_copied);
    out += (command.dry_run ? "would retire " : "retired ") + counted(leave, "pack") + " with " +
           size_text(report.bytes_retired) + " (" + count_text(report.packs_repacked) + " of them after " +
           size_text(report.bytes_copied) + " was copied)\n";
    out += "  the server frees them, " + size_text(static_cast<std::uint64_t>(std::max<std::int64_t>(freed, 0))) +
           " in all, in " + std::to_string(done.grace_seconds / 86'400) + " days\n";
  }
  if (report.packs_left > 0)
    out += "  " + counted(report.packs_left, "mostly dead pack") + " left for a prune with a larger --max-repack\n";
  if (report.packs_lost > 0)
    out += "  " + counted(report.packs_lost, "pack") + " that the server lost: needed no more\n";
  if (report.objects_brought_back > 0)
    out += "  " + counted(report.objects_brought_back, "object") +
           " that somebody had retired: needed, and brought back\n";
  if (report.packs_damaged > 0)
    out += count_text(report.packs_damaged) + " packs are damaged on the server and were left as they are\n";
  if (report.chunks_lost > 0)
    out += count_text(report.chunks_lost) + " chunks that snapshots need are lost or damaged on the server\n";
  if (report.versions_lost > 0)
    out +=
        count_text(report.versions_lost) + " old versions of what stands in the space can't be read whole any more\n";
  if (report.packs_damaged > 0 || report.chunks_lost > 0)
    out +=
        "  whole   everything else; nothing was retired that these could be read from\n"
        "  next    all that is touched:  holdfast check --read-data" +
        with_space(command) + "\n";
  return out;
}

std::string restored_text(const backup::RestoreReport& report, const Command& command, std::int64_t took_ns,
                          const std::string& older) {
  const auto& stats = report.stats;
  std::string out = "restored " + contents_text(stats) + " into " + printable(command.target) + " in " +
                    duration_text(took_ns) + "\n";
  if (report.files_there + report.others_there > 0)
    out += "  were there already, equal: " + counted(report.files_there, "file") + ", " +
           others_text(report.others_there) + size_text(report.bytes_there) + "\n";
  if (command.verify) out += "  " + counted(report.files_verified, "file") + " read back, equal\n";
  if (report.problems_count > 0) {
    out +=
        count_text(report.problems_count) + " not restored:\n" + problems_text(report.problems, report.problems_count);
    out += "  whole   everything else, in " + printable(command.target) + "\n";
    const bool exists = std::ranges::any_of(
        report.problems, [](const backup::Problem& problem) { return problem.error.code == Code::AlreadyExists; });
    if (exists)
      out += command.overwrite
                 ? "  next    something of another kind stands there: move it away, and repeat the command\n"
                 : "  next    what differs is replaced with --overwrite; or choose another folder\n";
    if (report.damaged())
      out += "  next    " + older + "\n          all that is touched:  holdfast check --read-data\n";
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(report.warnings.size(), problems_shown_max); ++i)
    out += "  note    " + report.warnings[i] + "\n";
  if (report.warnings.size() > problems_shown_max)
    out += "  note    and " + count_text(report.warnings.size() - problems_shown_max) + " more (--json lists them)\n";
  if (report.metadata_differs > 0)
    out += "  next    modes, owners, times and attributes of what was there are set with --overwrite\n";
  return out;
}

std::string text_of(const verbs::RestoreDone& done, const Command& command, std::int64_t took_ns) {
  return restored_text(done.report, command, took_ns, "an older snapshot may have it:  holdfast snapshots");
}

std::string text_of(const verbs::Listing& listing) {
  std::string out;
  for (const auto& [path, entry] : listing.entries) {
    std::uint64_t size = 0;
    if (const auto* file = entry.file()) size = file->size;
    if (const auto* folder = entry.directory()) size = folder->bytes;
    const std::string owner = (entry.user.empty() ? std::to_string(entry.uid) : printable(entry.user)) + " " +
                              (entry.group.empty() ? std::to_string(entry.gid) : printable(entry.group));
    out += type_letter(entry) + mode_text(entry.mode) + "  " + padded(owner, 14) + "  " + padded(size_text(size), 10) +
           "  " + time_text(entry.mtime_ns) + "  " + printable(path);
    if (const auto* link = std::get_if<space::SymlinkContent>(&entry.content)) out += " -> " + printable(link->target);
    out += "\n";
  }
  return out;
}

// One letter for what happened, as git has them.
std::string text_of(const verbs::Diff& diff) {
  std::string out;
  std::size_t added = 0, removed = 0, changed = 0;
  for (const auto& [path, before, after, what] : diff.differences) {
    const space::TreeEntry& entry = after ? *after : *before;
    const std::string name = printable(path) + (entry.directory() != nullptr ? "/" : "");
    if (before && after) {
      ++changed;
      std::string list;
      for (const std::string& one : what) list += (list.empty() ? "" : ", ") + one;
      out += "M  " + name + "  (" + list + ")\n";
    } else {
      ++(after ? added : removed);
      out += (after ? "A  " : "D  ") + name + "\n";
    }
  }
  return out + count_text(added) + " added, " + count_text(removed) + " deleted, " + count_text(changed) +
         " modified, from " + printable(diff.before) + " to " + printable(diff.after) + "\n" +
         (diff.left_out.problems_count == 0
              ? ""
              : "on disk, left out or read with a doubt: " + count_text(diff.left_out.problems_count) + "\n" +
                    problems_text(diff.left_out.problems, diff.left_out.problems_count));
}

std::string text_of(const verbs::TreeStats& stats) {
  return row("holds", counted(stats.files, "file") + ", " + counted(stats.directories, "folder") + ", " +
                          count_text(stats.others) + " others, " + size_text(stats.bytes)) +
         row("once", size_text(stats.bytes_once) + " in " + counted(stats.chunks, "chunk") +
                         ", each counted once; and " + counted(stats.nodes, "node") + " of the tree itself") +
         row("largest", size_text(stats.largest)) +
         (stats.newest_mtime_ns ? row("newest", time_text(*stats.newest_mtime_ns)) : "");
}

std::string text_of(const backup::CheckReport& report, bool read_data) {
  std::string out = counted(report.snapshots, "snapshot") + ", " + counted(report.objects, "object");
  out += read_data ? ", " + counted(report.chunks, "chunk") + " opened (" + size_text(report.bytes_read) + " read)"
                   : " (their content was not read: --read-data)";
  out += !report.whole() ? ":\n" : read_data ? ": all is whole\n" : ": the server has all of it\n";
  for (const auto& finding : report.findings) {
    out += finding.object + ": " + finding.sentence + " (" + std::string(name_of(finding.code)) + ")\n";
    const std::size_t shown = std::min(finding.paths.size(), problems_shown_max);
    for (std::size_t i = 0; i < shown; ++i) out += "  " + printable(finding.paths[i]) + "\n";
    if (finding.paths_count > shown)
      out += "  and " + count_text(finding.paths_count - shown) + " more (--json lists them)\n";
  }
  const bool needed = std::ranges::any_of(report.findings, [](const auto& finding) { return finding.paths_count > 0; });
  if (needed)
    out +=
        "  whole   everything else\n"
        "  next    back the same paths up again: what is lost or damaged on the server, and is still here, is sent "
        "again\n";
  else if (!report.whole())
    out += "  whole   all files of all snapshots\n";
  return out;
}

std::string text_of(const verbs::Inspected& inspected) {
  std::string out = inspected.kind + "\n";
  std::size_t width = 0;
  for (const auto& [name, value] : inspected.fields) width = std::max(width, name.size());
  for (const auto& [name, value] : inspected.fields) out += "  " + padded(name, width + 2) + value + "\n";
  for (const auto& damage : inspected.damage) out += "  damage: " + damage + "\n";
  return out;
}

std::string text_of(const session::Alarms& alarms) {
  std::string out;
  for (const auto& [space, its] : alarms) out += alarms_text(its, space);
  return out;
}

std::string text_of(const Error& error, const Command& command) {
  std::string out = "holdfast: " + error.sentence + " (" + std::string(name_of(error.code)) + ")\n";
  if (!error.object.empty()) out += "  " + error.object + "\n";
  return out + "  whole   " + whole_of(error, command) + "\n  next    " + hint_of(error, command) + "\n";
}

int exit_code_of(const Error& error) {
  switch (error.code) {
    case Code::WrongPassphrase:
      return exit_keys;
    case Code::Unreachable:
    case Code::Timeout:
    case Code::RateLimited:
      return exit_unreachable;
    case Code::Tampered:
    case Code::Missing:
    case Code::RolledBack:
    case Code::Forked:
    case Code::PolicySplit:
    case Code::WrongPin:
      return exit_alarm;
    default:
      return exit_failed;
  }
}

int report(const Error& error, const Command& command, agent::Output& output) {
  output.error(command.json ? json_of(error, command) : text_of(error, command));
  return exit_code_of(error);
}

}  // namespace holdfast::app
