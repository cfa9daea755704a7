// Open files, mappings and locks of the file system door.
#pragma once

#include "base/system_fd.h"

namespace holdfast {

// Refuses what is not a regular file. `path` is for errors.
Result<std::unique_ptr<File>> file_from(Fd descriptor, Path path);
// Only for writing: what is large goes past the page cache.
std::unique_ptr<File> uncached_file_from(Fd descriptor, Path path);

Result<std::unique_ptr<File>> open_file(const Path& path, OpenMode mode);
Result<std::unique_ptr<Mapping>> map_file(const Path& path);
Result<Bytes> read_whole_file(const Path& path, std::uint64_t size_max);
Result<std::unique_ptr<Lock>> lock_file(const Path& path);

}  // namespace holdfast
