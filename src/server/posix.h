// The few system calls that the engines on disk share, beyond what base/system_fd.h has. Linux.
#pragma once

#include <string>

#include "base/system_fd.h"

namespace holdfast::server {

// `at` is a directory's descriptor or AT_FDCWD; what is opened is never a symbolic link and is closed on exec.
Result<Fd> open_at(int at, const std::string& name, int flags, const std::string& object);

// Exists when it returns, mode 0700, its name durable. Makes missing parents.
Status make_durable_directory(const std::string& path);
Status sync(const Fd& descriptor, const std::string& object);
Status sync_directory_path(const std::string& path);

// Held until destroyed, or until the process is gone. Busy: another opening, of this process or another, holds it.
Result<Fd> lock_directory(const std::string& directory, const std::string& lock_name);

}  // namespace holdfast::server
