#include "server/posix.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/bytes.h"
#include "base/files.h"

namespace holdfast::server {

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Code code_of_errno(int number) {
  switch (number) {
    case ENOENT:
      return Code::NotFound;
    case EACCES:
    case EPERM:
      return Code::PermissionDenied;
    case EEXIST:
      return Code::AlreadyExists;
    case ENOTEMPTY:
      return Code::NotEmpty;
    case ENOSPC:
    case EDQUOT:
      return Code::NoSpaceLeft;
    case EROFS:
      return Code::ReadOnly;
    default:
      return Code::IoError;
  }
}

std::unexpected<Error> fail_errno(const char* sentence, const std::string& object) {
  return fail_errno(errno, sentence, object);
}

std::unexpected<Error> fail_errno(int number, const char* sentence, const std::string& object) {
  return fail(code_of_errno(number), sentence, printable(object));
}

Result<Descriptor> open_at(int at, const std::string& name, int flags, const std::string& object) {
  int number = -1;
  do {
    number = ::openat(at, name.c_str(), flags | O_CLOEXEC | O_NOFOLLOW, 0600);
  } while (number < 0 && errno == EINTR);
  if (number < 0) return fail_errno("can't be opened", object);
  return Descriptor(number);
}

Status sync(const Descriptor& descriptor, const std::string& object) {
  if (::fsync(descriptor.number()) != 0) return fail_errno("can't be made durable", object);
  return {};
}

Status sync_directory_path(const std::string& path) {
  HF_TRY(const Descriptor directory, open_at(AT_FDCWD, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY, path));
  return sync(directory, path);
}

Status make_durable_directory(const std::string& path) {
  if (::mkdir(path.c_str(), 0700) == 0) return sync_directory_path(std::string(parent_of(path)));
  if (errno == EEXIST) return {};
  if (errno != ENOENT || parent_of(path).empty()) return fail_errno("the directory can't be made", path);
  HF_OK(make_durable_directory(std::string(parent_of(path))));
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) return fail_errno("the directory can't be made", path);
  return sync_directory_path(std::string(parent_of(path)));
}

Result<Descriptor> lock_directory(const std::string& directory, const std::string& lock_name) {
  HF_TRY(Descriptor lock, open_at(AT_FDCWD, join_path(directory, lock_name), O_RDWR | O_CREAT, directory));
  if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(Code::Busy, "another server has this directory open", printable(directory));
    return fail_errno("the directory can't be locked", directory);
  }
  return lock;
}

}  // namespace holdfast::server
