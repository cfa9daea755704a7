// Commands on what stands in a space now, its live tree: each is one commit, or none. An error means that nothing was
// changed, unless no server answered.
#pragma once

#include "verbs/verbs.h"

namespace holdfast::verbs {

struct LivePath {
  std::string space, path;  // "" is the tree's top
};

struct PutDone {
  LivePath into;
  backup::BackupReport report;  // its snapshot's seq: of the commit; 0: all of it stood there already
  session::Alarms alarms;
};
// The paths of `options`, each by its last name, into the folder `into`.
[[nodiscard]] Result<PutDone> put(Session& session, const LivePath& into, backup::BackupOptions options);

struct GetDone {
  LivePath from;
  backup::RestoreReport report;
  session::Alarms alarms;
};
// version: a commit's seq, as history() gives it; nullopt: as it is now.
[[nodiscard]] Result<GetDone> get(Session& session, const LivePath& from, std::optional<std::uint64_t> version,
                                  backup::RestoreOptions options);

struct LiveChanged {
  std::string space;
  std::vector<std::string> paths;
  std::uint64_t seq = 0;      // of the commit; 0: nothing was to be changed
  std::uint64_t entries = 0;  // that were removed, with all that folders held
  session::Alarms alarms;
};
struct MakeFolders {
  std::vector<std::string> paths;
  bool parents = false;  // those on the way are made too, and what is there already is fine
  std::uint32_t uid = 0, gid = 0;
};
[[nodiscard]] Result<LiveChanged> make_folders(Session& session, const std::string& space, const MakeFolders& wanted);
[[nodiscard]] Result<LiveChanged> remove(Session& session, const std::string& space,
                                         const std::vector<std::string>& paths, bool recursive);
// Where `to` leads: the new path, or when it ends in '/', the folder that `from` goes into. InvalidArgument: the top,
// to itself, or into what is moved.
[[nodiscard]] Result<std::string> target_of_move(const std::string& from, const std::string& to);
// overwrite: a file replaces a file.
[[nodiscard]] Result<LiveChanged> move(Session& session, const LivePath& from, const std::string& to, bool overwrite);

// Whenever something else stood at a path than before.
struct Version {
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;  // as the writer's clock stated it
  DeviceId device;
  std::optional<space::TreeEntry> entry;  // nullopt: nothing stood there from then on
};
struct History {
  LivePath of;
  std::vector<Version> versions;  // oldest first
  std::uint64_t lost = 0;         // commits whose tree can't be read any more
  session::Alarms alarms;
};
[[nodiscard]] Result<History> history(Session& session, const LivePath& of);

}  // namespace holdfast::verbs
