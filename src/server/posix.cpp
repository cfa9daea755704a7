#include "server/posix.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/files.h"

namespace holdfast::server {

Result<Fd> open_at(int at, const std::string& name, int flags, const std::string& object) {
  const int number = uninterrupted([&] { return ::openat(at, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600); });
  if (number < 0) return system_fail(errno, "opening it", object);
  return Fd(number);
}

Status sync(const Fd& descriptor, const std::string& object) {
  if (::fsync(descriptor.get()) != 0) return system_fail(errno, "making it durable", object);
  return {};
}

Status sync_directory_path(const std::string& path) {
  HF_TRY(const Fd directory, open_at(AT_FDCWD, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, path));
  return sync(directory, path);
}

Status make_durable_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_directory_path(std::string(parent_of(path)));
  if (errno == EEXIST) return {};
  if (errno != ENOENT || parent_of(path).empty()) return system_fail(errno, "making the directory", path);
  HF_OK(make_durable_directory(std::string(parent_of(path))));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return system_fail(errno, "making the directory", path);
  return sync_directory_path(std::string(parent_of(path)));
}

Result<Fd> lock_directory(const std::string& directory, const std::string& lock_name) {
  HF_TRY(Fd lock, open_at(AT_FDCWD, join_path(directory, lock_name), O_RDWR | O_CREAT, directory));
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(Code::Busy, "another server has this directory open", printable(directory));
    return system_fail(errno, "locking the directory", directory);
  }
  return lock;
}

}  // namespace holdfast::server
