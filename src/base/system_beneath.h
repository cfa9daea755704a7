// Names that can't leave a directory: how TreeWriter finds the folder of each entry.
#pragma once

#include <list>
#include <mutex>
#include <unordered_map>

#include "base/system_fd.h"

namespace holdfast {

// "a/b/c" without empty, "." and ".." components and NUL bytes; else Malformed.
Status check_relative_name(std::string_view name);

// The directory `name` below `root` ("" is root itself) as an O_PATH descriptor; no symbolic link is followed.
// AlreadyExists: a link or a file stands where a directory is needed.
// REQUIRES: check_relative_name(name), or "".
Result<Fd> open_folder_beneath(int root, const std::string& name);
// The same where openat2(2) is missing: component by component.
Result<Fd> open_folder_stepwise(int root, const std::string& name);

struct Folder {
  Fd descriptor;
  bool default_acl = false;  // new entries inherit ACLs and ignore the umask
};

// Keeps the folders that were used last open. Any thread.
class FolderCache {
 public:
  explicit FolderCache(int root) : root_(root) {}
  Result<std::shared_ptr<const Folder>> open(const std::string& name);
  void clear();

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Folder>>;

  int root_;
  std::mutex mutex_;
  std::list<Entry> newest_first_;
  std::unordered_map<std::string, std::list<Entry>::iterator> by_name_;
};

}  // namespace holdfast
