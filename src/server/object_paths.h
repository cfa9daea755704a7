// Names and folders of the DirectoryObjectStore.
#pragma once

#include <mutex>
#include <unordered_set>

#include "server/object_store.h"
#include "server/posix.h"

namespace holdfast::server {

std::string path_of(const ObjectName& name);  // relative to the store's directory
std::string incoming_path(std::uint64_t number);

// Makes the store's own folders, and removes what a crash left in incoming/.
Status prepare_folders(int root, const std::string& directory);

// ObjectStore::list below `root`. Files that are not named like objects are no objects.
Result<std::vector<ObjectInfo>> list_objects(int root, const std::optional<ObjectName>& after, std::size_t limit);

// The folders that hold objects: made when needed, removed when empty. Any thread.
class ObjectFolders {
 public:
  explicit ObjectFolders(int root) : root_(root) {}

  // The object's folder, whose own name and parents' names are durable.
  Result<Fd> open_durable(const ObjectName& name);
  void remove_if_empty(const ObjectName& name);

 private:
  bool is_durable(const std::string& folder);
  void set_durable(const std::string& folder);

  const int root_;
  std::mutex change_mutex_;  // makes and removes folders; held while the disk works
  std::mutex known_mutex_;
  // Folders that somebody else made moments ago may exist and yet be lost by a power cut; these will not.
  std::unordered_set<std::string> durable_;
};

}  // namespace holdfast::server
