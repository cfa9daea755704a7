// What stood in a restore's target before it began, kept in the local state until it ends. When it is interrupted, the
// next restore into the same folder knows by this what of the half-made tree is its own to finish, and what is
// somebody's. The bytes: docs/formats/local.md.
#pragma once

#include <set>

#include "session/session.h"

namespace holdfast::backup {

struct RestoreTarget {  // "restore/<target>", sealed
  std::int64_t began_ns = 0;
  std::string target;
  std::uint64_t inode = 0;
  std::string temporary_prefix;  // of the names that it makes for a moment
  HOLDFAST_WIRE(began_ns, target, inode, temporary_prefix)
};
struct StoodBefore {  // "restore/<target>/<folder>", sealed: a folder that it found, when it first looked into it
  std::uint64_t inode = 0;
  std::vector<std::string> names;
  HOLDFAST_WIRE(inode, names)
};

// What could not be kept costs nothing but the going on: then all that is there counts as somebody's.
class RestoreMark {
 public:
  explicit RestoreMark(session::Session& session) : session_(session) {}

  // The temporary names of the run that was interrupted; "": none was. Begins nothing while another command restores
  // into this folder.
  Result<std::string> begin(const Path& target, std::uint64_t inode, const std::string& temporary_prefix);
  // What the folder held before this restore made anything in it; nullopt: that was not noted, or of another folder.
  [[nodiscard]] std::optional<std::set<std::string>> stood(const std::string& folder, std::uint64_t inode);
  // Durable, before anything is made in it. False: nothing is kept.
  Result<bool> note(const std::string& folder, std::uint64_t inode, const std::set<std::string>& names);
  Status end();

 private:
  [[nodiscard]] std::string key_of(const std::string& folder) const;
  Status put(const std::string& key, ByteView plain);
  Status forget(const std::string& key);  // of a target, with its folders
  Status forget_oldest();

  session::Session& session_;
  std::string key_;  // "": nothing is kept
  std::optional<session::Claim> claim_;
  bool goes_on_ = false;
};

}  // namespace holdfast::backup
