// A directory's entries with their metadata, by few system calls.
#pragma once

#include "base/system_fd.h"

namespace holdfast {

Result<std::vector<DirectoryEntry>> list_directory(const Path& path);

}  // namespace holdfast
