// One function per command: takes values, returns values; words and colours are the command line's (apps/holdfast).
// `alarms` are of every space that the command opened (session.h); a command that gives none leaves them in the
// session.
#pragma once

#include "backup/check.h"
#include "backup/forget.h"
#include "backup/prune.h"
#include "backup/restore.h"
#include "backup/snapshots.h"
#include "session/spaces.h"

namespace holdfast::verbs {

using session::Session;

// --- account ---
struct WhoAmI {
  std::string user_name, device_name, server;
  AccountId account;
  DeviceId device;
  std::uint64_t chain_length = 0;
  std::uint32_t circle_epoch = 0;
};
[[nodiscard]] WhoAmI who_am_i(const session::Account& account);

struct SpaceStatus {
  session::SpaceName named;
  std::optional<space::Snapshot> newest;
  std::size_t snapshots = 0;
  std::vector<session::Alarm> alarms;
  std::optional<Error> error;  // it could not be opened
};
struct Status {
  WhoAmI who;
  bool server_answers = false;
  std::optional<Error> server_error, chain_error;
  std::uint64_t bytes_used = 0, bytes_max = 0, objects = 0;
  bool has_witnesses = false;
  std::vector<SpaceStatus> spaces;
  std::vector<session::Alarm> home_alarms;
  std::vector<session::Event> events;  // oldest first
  [[nodiscard]] bool alarmed() const;
};
[[nodiscard]] Result<Status> status(Session& session);

struct Finding {
  std::string what;  // "server", "keys", "memory"
  bool good = true;
  std::string sentence;
};
// Of a home that may have no account yet: session is null when it could not be opened, and why.
[[nodiscard]] std::vector<Finding> doctor(Files& files, const Path& home, Session* session,
                                          const std::optional<Error>& problem);

// --- spaces ---
struct SpaceInfo {
  session::SpaceName named;
  std::uint64_t commits = 0;
  std::uint32_t epoch = 0;
  std::size_t members = 0, snapshots = 0, segments = 0;
  std::uint64_t chunks = 0, packs = 0, bytes_stored = 0, bytes_plain = 0, inline_bytes = 0;
  std::uint32_t grace_seconds = 0;
  session::Alarms alarms;
};
[[nodiscard]] Result<session::SpaceName> space_create(Session& session, const std::string& name);
[[nodiscard]] Result<std::vector<session::SpaceName>> space_list(Session& session);
[[nodiscard]] Result<SpaceInfo> space_info(Session& session, const std::string& name);

// --- backup ---
struct BackupDone {
  std::string space;
  bool space_made = false;
  backup::BackupReport report;
  session::Alarms alarms;
};
[[nodiscard]] Result<BackupDone> backup(Session& session, const std::optional<std::string>& space,
                                        const backup::BackupOptions& options);

struct Snapshots {
  std::string space;
  std::vector<backup::DatedSnapshot> snapshots;  // oldest first
  session::Alarms alarms;
};
[[nodiscard]] Result<Snapshots> snapshots(Session& session, const std::string& space);

struct ForgetDone {
  std::string space;
  std::vector<backup::Judged> judged;  // oldest first; without a reason: forgotten
  session::Alarms alarms;
};
[[nodiscard]] Result<ForgetDone> forget(Session& session, const std::string& space,
                                        const backup::ForgetOptions& options);

struct PruneDone {
  backup::PruneReport report;
  std::uint32_t grace_seconds = 0;  // until the server frees what was retired
  session::Alarms alarms;
};
[[nodiscard]] Result<PruneDone> prune(Session& session, const std::string& space, const backup::PruneOptions& options);

struct RestoreDone {
  space::Snapshot snapshot;
  backup::RestoreReport report;
  session::Alarms alarms;
};
[[nodiscard]] Result<RestoreDone> restore(Session& session, const std::string& space, const std::string& snapshot,
                                          const backup::RestoreOptions& options);

// A tree, and a path in it.
struct TreePath {
  std::string tree;           // a snapshot: "latest", or the first characters of an id
  bool may_be_space = false;  // if there is a space of this name, its live tree is meant
  std::string path = {};
};
struct Listing {
  std::optional<space::Snapshot> snapshot;                        // nullopt: of a live tree
  std::vector<std::pair<std::string, space::TreeEntry>> entries;  // path, entry
  session::Alarms alarms;
};
[[nodiscard]] Result<Listing> list(Session& session, const std::string& space, const TreePath& at, bool recursive);

// What two folders have that differs, of snapshots or the live tree of one space, or on disk. Of a folder in both, that
// only its time changed says nothing that its entries don't say, and is left out; so is which of its hard links a file
// was first saved by.
struct Difference {
  std::string path;                               // below both folders
  std::optional<space::TreeEntry> before, after;  // nullopt: not there
  std::vector<std::string> changed;  // "content", "mode", "owner", "time", "attributes"; empty: of one side
};
struct Diff {
  std::string before, after;  // what was compared: a snapshot's id, "SPACE:", a folder on disk
  std::optional<space::Snapshot> snapshot_before, snapshot_after;
  backup::Problems left_out;            // on disk
  std::vector<Difference> differences;  // in the order of paths, a folder before what is in it
  session::Alarms alarms;
};
[[nodiscard]] Result<Diff> diff(Session& session, const std::string& space, const TreePath& before,
                                const TreePath& after);
// From `before` to a folder on disk, whose files are all read.
[[nodiscard]] Result<Diff> diff_with_folder(Session& session, const std::string& space, const TreePath& before,
                                            const Path& folder,
                                            const std::function<void(const backup::Counters&)>& progress);

holdfast::Status cat(Session& session, const std::string& space, const TreePath& at,
                     const std::function<holdfast::Status(ByteView)>& out);

// With the account's chain and home space, which lead to all others.
[[nodiscard]] Result<backup::CheckReport> check(Session& session, const std::string& space,
                                                const backup::CheckOptions& options);

// --- any of our bytes (no account is needed) ---
struct Inspected {
  std::string kind;                                         // "pack", "key file", "unknown"
  std::vector<std::pair<std::string, std::string>> fields;  // in the order of the bytes
  std::vector<std::string> damage;
};
[[nodiscard]] Result<Inspected> inspect(Files& files, const Path& path);

}  // namespace holdfast::verbs
