// A directory's entries with their metadata, by few system calls.
#pragma once

#include "base/system_fd.h"

namespace holdfast {

Result<std::vector<DirectoryEntry>> list_directory(const Path& path);
Result<std::vector<DirectoryEntry>> list_opened(const Fd& directory, const Path& path_for_errors);

}  // namespace holdfast
