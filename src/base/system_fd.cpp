#include "base/system_fd.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/clock.h"
#include "base/system.h"

namespace holdfast {

int Fd::close() {
  if (number_ < 0) return 0;
  // After EINTR Linux has closed it all the same.
  const int result = ::close(std::exchange(number_, -1));
  return result == 0 || errno == EINTR ? 0 : errno;
}

Code code_of_errno(int number) {
  switch (number) {
    case ENOENT:
    case ENOTDIR:
    case ENXIO:
    case ENODEV:
      return Code::NotFound;
    case EACCES:
    case EPERM:
    case ELOOP:
      return Code::PermissionDenied;
    case EEXIST:
    case EISDIR:
      return Code::AlreadyExists;
    case ENOTEMPTY:
      return Code::NotEmpty;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return Code::NoSpaceLeft;
    case EROFS:
      return Code::ReadOnly;
    case EOPNOTSUPP:
    case ENOSYS:
    case ENAMETOOLONG:
    case EXDEV:
    case EMLINK:
      return Code::Unsupported;
    case EBUSY:
    case ETXTBSY:
    case EWOULDBLOCK:
      return Code::Busy;
    default:
      return Code::IoError;
  }
}

std::unexpected<Error> system_fail(int number, std::string_view doing, std::string_view path) {
  const char* reason = strerrordesc_np(number);
  return fail(code_of_errno(number),
              std::string(doing) + " failed: " + (reason != nullptr ? reason : std::to_string(number)),
              printable(path));
}

int open_quietly(int directory, const char* name, int flags) {
  flags |= O_CLOEXEC | O_NOFOLLOW;
  for (int atime = O_NOATIME;;) {
    const int descriptor = ::openat(directory, name, flags | atime);
    if (descriptor >= 0 || (errno != EINTR && (errno != EPERM || atime == 0))) return descriptor;
    if (errno == EPERM) atime = 0;  // another user's file
  }
}

namespace {

FileType type_of(unsigned mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
      return FileType::directory;
    case S_IFLNK:
      return FileType::symlink;
    case S_IFCHR:
      return FileType::character_device;
    case S_IFBLK:
      return FileType::block_device;
    case S_IFIFO:
      return FileType::fifo;
    case S_IFSOCK:
      return FileType::socket;
    default:
      return FileType::regular;
  }
}

std::int64_t time_ns(const statx_timestamp& time) {
  return std::clamp<std::int64_t>(time.tv_sec, -file_time_max_s, file_time_max_s) * second_ns + time.tv_nsec;
}

FileStat to_file_stat(const struct statx& from) {
  return {.type = type_of(from.stx_mode),
          .mode = from.stx_mode & 07777u,
          .uid = from.stx_uid,
          .gid = from.stx_gid,
          .size = from.stx_size,
          .mtime_ns = time_ns(from.stx_mtime),
          .ctime_ns = time_ns(from.stx_ctime),
          .device = makedev(from.stx_dev_major, from.stx_dev_minor),
          .inode = from.stx_ino,
          .links = from.stx_nlink,
          .device_major = from.stx_rdev_major,
          .device_minor = from.stx_rdev_minor,
          .allocated = from.stx_blocks * 512};
}

}  // namespace

Result<FileStat> stat_at(int directory, const char* name, std::string_view path_for_errors) {
  struct statx out;
  if (statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_STATX_DONT_SYNC, STATX_BASIC_STATS, &out) != 0)
    return system_fail(errno, "reading the entry's metadata", path_for_errors);
  return to_file_stat(out);
}

Result<FileStat> stat_fd(int descriptor, std::string_view path_for_errors) {
  struct statx out;
  if (statx(descriptor, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &out) != 0)
    return system_fail(errno, "reading the file's metadata", path_for_errors);
  return to_file_stat(out);
}

void occupy_standard_descriptors() {
  for (int number = 0; number <= STDERR_FILENO; ++number) {
    if (::fcntl(number, F_GETFD) >= 0) continue;
    // The lowest free number, which is this one. For reading only: what is written there fails, as before.
    if (::open("/dev/null", O_RDONLY) != number) std::abort();  // NOLINT: not to be closed by an exec
  }
}

}  // namespace holdfast
