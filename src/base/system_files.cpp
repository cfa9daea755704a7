#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/system.h"
#include "base/system_file.h"
#include "base/system_list.h"
#include "base/system_pool.h"
#include "base/system_tree_reader.h"
#include "base/system_tree_writer.h"

namespace holdfast {

namespace {

constexpr std::size_t directories_per_part = 8, files_per_part = 32;

// A byte string with a NUL would reach the system as another, shorter path.
Status check_path(const Path& path) {
  if (path.empty() || ends_early(path)) return fail(Code::NotFound, "no file can have this path", printable(path));
  return {};
}

// statfs(2) magic numbers: file systems on which flock, mmap or fsync depend on another machine or program.
bool is_remote_magic(std::uint64_t magic) {
  switch (magic) {
    case 0x6969:      // nfs
    case 0x517b:      // smb
    case 0xff534d42:  // cifs
    case 0xfe534d42:  // smb2
    case 0x65735546:  // fuse (sshfs, rclone, s3fs, virtiofs)
    case 0x01021997:  // 9p
    case 0x00c36400:  // ceph
    case 0x5346414f:  // afs
    case 0x6b414653:  // kafs
    case 0x73757245:  // coda
    case 0x564c:      // ncp
    case 0x0bd00bd0:  // lustre
    case 0x47504653:  // gpfs
    case 0x19830326:  // beegfs
    case 0x7461636f:  // ocfs2
    case 0x01161970:  // gfs2
    case 0x786f4256:  // vboxsf
    case 0xbacbacbc:  // vmhgfs
      return true;
    default:
      return false;
  }
}

class SystemFiles final : public Files {
 public:
  // The calling thread works too.
  explicit SystemFiles(unsigned threads) : threads_(threads), pool_(threads - 1) {}

  Result<std::vector<DirectoryEntry>> list(const Path& directory) override {
    HF_OK(check_path(directory));
    return list_directory(directory);
  }

  std::vector<Result<DirectoryListing>> list_batch(std::span<const TreePlace> directories) override {
    std::vector<Result<DirectoryListing>> answers(directories.size());
    pool_.for_parts(directories.size(), directories_per_part, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) answers[i] = list_one(directories[i]);
    });
    return answers;
  }

  Result<EntryDetails> details(const TreePlace& place) override {
    HF_OK(check_place(place));
    return details_in_tree(place);
  }

  Result<std::unique_ptr<File>> open_entry(const TreePlace& place) override {
    HF_OK(check_place(place));
    return open_in_tree(place);
  }

  Result<FileStat> stat(const Path& path) override {
    HF_OK(check_path(path));
    return stat_at(AT_FDCWD, path.c_str(), path);
  }

  Result<Path> real_path(const Path& path) override {
    HF_OK(check_path(path));
    const std::unique_ptr<char, decltype(&std::free)> resolved(::realpath(path.c_str(), nullptr), &std::free);
    if (!resolved) return system_fail(errno, "finding the path", path);
    return Path(resolved.get());
  }

  std::vector<Result<ReadAnswer>> read_batch(std::span<const ReadRequest> requests) override {
    std::vector<Result<ReadAnswer>> answers(requests.size());
    pool_.for_parts(requests.size(), files_per_part, [&](std::size_t begin, std::size_t end) {
      for (std::size_t i = begin; i < end; ++i) answers[i] = read_one(requests[i]);
    });
    return answers;
  }

  Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode) override {
    HF_OK(check_path(path));
    return open_file(path, mode);
  }

  Result<std::unique_ptr<Mapping>> map(const Path& path) override {
    HF_OK(check_path(path));
    return map_file(path);
  }

  Result<Bytes> read_file(const Path& path, std::uint64_t size_max) override {
    HF_OK(check_path(path));
    return read_whole_file(path, size_max);
  }

  Status make_directories(const Path& path) override {
    HF_OK(check_path(path));
    if (is_directory(path)) return {};
    if (const Path parent(parent_of(path)); !parent.empty() && parent != path) HF_OK(make_directories(parent));
    if (::mkdir(path.c_str(), 0700) == 0) return {};
    const int number = errno;
    if (number == EEXIST && is_directory(path)) return {};  // made by somebody else meanwhile
    return system_fail(number, "making the directory", path);
  }

  Status rename(const Path& from, const Path& to) override {
    HF_OK(check_path(from));
    HF_OK(check_path(to));
    if (::rename(from.c_str(), to.c_str()) != 0) return system_fail(errno, "renaming to " + printable(to), from);
    return {};
  }

  Status remove(const Path& path) override {
    HF_OK(check_path(path));
    if (::unlink(path.c_str()) == 0) return {};
    if (errno == EISDIR && ::rmdir(path.c_str()) == 0) return {};
    return system_fail(errno, "removing", path);
  }

  Status sync_directory(const Path& path) override {
    HF_OK(check_path(path));
    const Fd directory(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0) return system_fail(errno, "syncing the directory", path);
    return {};
  }

  Result<std::unique_ptr<Lock>> lock(const Path& path) override {
    HF_OK(check_path(path));
    return lock_file(path);
  }

  Result<std::uint64_t> free_bytes(const Path& path) override {
    HF_OK(check_path(path));
    struct statvfs out;
    if (::statvfs(path.c_str(), &out) != 0) return system_fail(errno, "asking for the free space", path);
    return std::uint64_t{out.f_bavail} * out.f_frsize;
  }

  Result<bool> is_network_file_system(const Path& path) override {
    HF_OK(check_path(path));
    struct statfs out;
    if (::statfs(path.c_str(), &out) != 0) return system_fail(errno, "asking for the kind of file system", path);
    return is_remote_magic(static_cast<std::uint32_t>(out.f_type));
  }

  Result<std::unique_ptr<TreeWriter>> tree_writer(const Path& root) override {
    HF_OK(check_path(root));
    return system_tree_writer(root, threads_);
  }

 private:
  static Result<DirectoryListing> list_one(const TreePlace& directory) {
    HF_OK(check_place(directory));
    return list_in_tree(directory);
  }

  static Result<ReadAnswer> read_one(const ReadRequest& request) {
    HF_OK(check_place(request.place));
    return read_in_tree(request);
  }

  static Status check_place(const TreePlace& place) {
    if (!place.folder) return check_path(place.name);
    if (ends_early(place.name) || place.name.find('/') != std::string::npos)
      return fail(Code::NotFound, "no file can have this name", printable(place.name));
    return {};
  }

  static bool is_directory(const Path& path) {
    struct stat out;
    return ::stat(path.c_str(), &out) == 0 && S_ISDIR(out.st_mode);
  }

  const unsigned threads_;
  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<Files> system_files(unsigned threads) {
  return std::make_unique<SystemFiles>(threads == 0 ? processors() : threads);
}

}  // namespace holdfast
