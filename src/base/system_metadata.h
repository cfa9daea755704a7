// Extended attributes, and setting everything that restore sets on an entry.
#pragma once

#include <functional>

#include "base/system_fd.h"

namespace holdfast {

// Sorted by name. by_path: the descriptor is O_PATH, and the calls go by its name under /proc/self/fd.
Result<std::vector<Attribute>> read_attributes(int descriptor, bool by_path, std::string_view path_for_errors);

bool has_default_acl(int directory);  // an O_PATH descriptor will do

// An open entry whose metadata is to be set. A link, device or fifo can't be opened for that: its descriptor is O_PATH
// and the calls go by its name under /proc/self/fd.
class MetadataTarget {
 public:
  // REQUIRES: descriptor stays open meanwhile.
  MetadataTarget(int descriptor, FileType type, bool by_path);

  // What the file system refuses of owner and attributes is told to `warn`; mode and time must be taken.
  // owner_now, mode_now: these it has already; nullopt: not known. inherited_acl: the entry may have got ACLs from its
  // folder.
  // Order: owner (takes special bits away), attributes (a read-only mode would forbid some), mode, ACLs (a mode set
  // later would change their mask), time.
  Status apply(const Metadata& metadata, std::optional<std::pair<std::uint32_t, std::uint32_t>> owner_now,
               std::optional<std::uint32_t> mode_now, bool inherited_acl, std::string_view name_for_errors,
               const std::function<void(std::string)>& warn) const;

 private:
  int set_owner(std::uint32_t uid, std::uint32_t gid) const;  // all of these: 0 or errno
  int set_mode(std::uint32_t mode) const;
  int set_attribute(const Attribute& attribute) const;
  int remove_attribute(const char* name) const;
  int set_time(std::int64_t mtime_ns) const;

  int descriptor_;
  FileType type_;
  bool by_path_;
  std::string path_;
};

}  // namespace holdfast
