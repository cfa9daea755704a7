// The default ObjectStore: a file an object, below one directory.
//
//   objects.lock                                    one server at a time
//   incoming/<number>                               being written; emptied at open
//   objects/ab/<group, 64 hex>/cd/<object, 32 hex>  ab and cd are the first bytes of the two names
//
// A name is made of the bytes of ids alone, so nothing from outside ever becomes a path. An object is written under a
// temporary name, synced, renamed, and its folder synced: it is there whole, or not.
#pragma once

#include <memory>
#include <optional>

#include "server/object_store.h"

namespace holdfast::server {

struct DirectoryOptions {
  std::string directory;  // made if it is missing
  // A put that would leave less is refused: the MetaStore that shares the disk must still be able to write. Default: as
  // default_reserve_bytes() says of the file system.
  std::optional<std::uint64_t> reserve_bytes = std::nullopt;
};

// The smaller of 64 MiB and a twentieth of the file system.
std::uint64_t default_reserve_bytes(std::uint64_t file_system_bytes);

struct DiskSpace {
  std::uint64_t free_bytes = 0, reserve_bytes = 0;
};
Result<DiskSpace> disk_space(const DirectoryOptions& options);

// Busy: the directory is open elsewhere, in this process or another.
Result<std::unique_ptr<ObjectStore>> open_directory_object_store(const DirectoryOptions& options);

}  // namespace holdfast::server
