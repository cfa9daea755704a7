#include "base/system_file.h"

#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "base/system_metadata.h"
#include "base/system_uncached.h"

namespace holdfast {

namespace {

constexpr std::uint64_t offset_max = std::numeric_limits<off_t>::max();
constexpr std::uint64_t read_ahead_from = 1 << 20;  // below, the kernel's first window holds the file

class SystemFile final : public File {
 public:
  SystemFile(Fd descriptor, Path path, bool uncached)
      : descriptor_(std::move(descriptor)),
        path_(std::move(path)),
        writer_(descriptor_.get(), O_WRONLY, uncached ? ~0ULL : 0) {}

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    std::size_t count = 0;
    while (count < into.size() && offset + count <= offset_max) {
      const auto more = uninterrupted([&] {
        return ::pread(descriptor_.get(), into.data() + count, into.size() - count, static_cast<off_t>(offset + count));
      });
      if (more < 0) return system_fail(errno, "reading the file", path_);
      if (more == 0) break;
      count += static_cast<std::size_t>(more);
    }
    return count;
  }

  Status write_at(std::uint64_t offset, ByteView bytes) override { return write_parts(offset, {&bytes, 1}); }

  Status write_parts(std::uint64_t offset, std::span<const ByteView> parts) override {
    std::uint64_t size = 0;
    for (const ByteView part : parts) size += part.size();
    if (offset > offset_max || size > offset_max - offset) return system_fail(EFBIG, "writing the file", path_);
    if (const int failed = writer_.write(offset, parts); failed != 0)
      return system_fail(failed, "writing the file", path_);
    return {};
  }

  Status truncate(std::uint64_t size) override {
    if (size > offset_max) return system_fail(EFBIG, "setting the file's size", path_);
    if (uninterrupted([&] { return ::ftruncate(descriptor_.get(), static_cast<off_t>(size)); }) != 0)
      return system_fail(errno, "setting the file's size", path_);
    return {};
  }

  Status sync() override {
    if (uninterrupted([&] { return ::fdatasync(descriptor_.get()); }) != 0)
      return system_fail(errno, "syncing the file", path_);
    return {};
  }

  Result<FileStat> stat() override { return stat_fd(descriptor_.get(), path_); }

  Result<std::vector<Attribute>> attributes() override { return read_attributes(descriptor_.get(), false, path_); }

  Result<std::vector<Range>> data_ranges() override {
    HF_TRY(const FileStat now, stat());
    std::vector<Range> ranges;
    for (std::uint64_t at = 0; at < now.size;) {
      const off_t begin = ::lseek(descriptor_.get(), static_cast<off_t>(at), SEEK_DATA);
      if (begin < 0 && errno == ENXIO) break;  // a hole up to the end
      const off_t end = begin < 0 ? -1 : ::lseek(descriptor_.get(), begin, SEEK_HOLE);
      if (end < 0) {
        if (errno == EINVAL || errno == EOPNOTSUPP) return std::vector<Range>{{0, now.size}};
        return system_fail(errno, "finding the file's data", path_);
      }
      if (end <= begin) break;  // the file shrank meanwhile
      ranges.push_back({static_cast<std::uint64_t>(begin), static_cast<std::uint64_t>(end - begin)});
      at = static_cast<std::uint64_t>(end);
    }
    return ranges;
  }

 private:
  Fd descriptor_;
  Path path_;
  UncachedFile writer_;
};

class SystemMapping final : public Mapping {
 public:
  SystemMapping(void* address, std::size_t size) : address_(address), size_(size) {}
  SystemMapping(const SystemMapping&) = delete;
  SystemMapping& operator=(const SystemMapping&) = delete;
  ~SystemMapping() override {
    if (size_ > 0) ::munmap(address_, size_);
  }
  [[nodiscard]] ByteView bytes() const override { return {static_cast<const std::uint8_t*>(address_), size_}; }
  void release(ByteView part) const override {
    const std::size_t page = page_bytes();
    const auto offset = static_cast<std::size_t>(part.data() - bytes().data());
    const std::size_t begin = offset / page * page, end = (offset + part.size()) / page * page;
    if (begin < end) (void)::madvise(static_cast<std::uint8_t*>(address_) + begin, end - begin, MADV_DONTNEED);
  }

 private:
  static std::size_t page_bytes() {
    static const auto bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    return bytes;
  }

  void* address_;
  std::size_t size_;
};

class SystemLock final : public Lock {
 public:
  explicit SystemLock(Fd descriptor) : descriptor_(std::move(descriptor)) {}

 private:
  Fd descriptor_;
};

Result<Fd> open_for_reading(const Path& path) {
  // O_NONBLOCK: a fifo that took the file's place must not hold us up. Regular files ignore it.
  Fd descriptor(open_quietly(AT_FDCWD, path.c_str(), O_RDONLY | O_NONBLOCK));
  if (!descriptor) return system_fail(errno, "opening the file", path);
  return descriptor;
}

}  // namespace

Result<std::unique_ptr<File>> file_from(Fd descriptor, Path path) {
  HF_TRY(const FileStat now, stat_fd(descriptor.get(), path));
  if (now.type != FileType::regular) return fail(Code::Unsupported, "this is no regular file", printable(path));
  if (now.size >= read_ahead_from) (void)::posix_fadvise(descriptor.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return std::make_unique<SystemFile>(std::move(descriptor), std::move(path), false);
}

std::unique_ptr<File> uncached_file_from(Fd descriptor, Path path) {
  return std::make_unique<SystemFile>(std::move(descriptor), std::move(path), true);
}

Result<std::unique_ptr<File>> open_file(const Path& path, OpenMode mode) {
  if (mode == OpenMode::read) {
    HF_TRY(Fd descriptor, open_for_reading(path));
    return file_from(std::move(descriptor), path);
  }
  int flags = O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC;
  if (mode == OpenMode::create_new) flags |= O_CREAT | O_EXCL;
  if (mode == OpenMode::create_or_open || mode == OpenMode::create_or_truncate) flags |= O_CREAT;
  if (mode == OpenMode::create_or_truncate) flags |= O_TRUNC;
  Fd descriptor(uninterrupted([&] { return ::open(path.c_str(), flags, 0600); }));
  if (!descriptor) return system_fail(errno, "opening the file", path);
  return file_from(std::move(descriptor), path);
}

Result<std::unique_ptr<Mapping>> map_file(const Path& path) {
  HF_TRY(const Fd descriptor, open_for_reading(path));
  HF_TRY(const FileStat now, stat_fd(descriptor.get(), path));
  if (now.type != FileType::regular) return fail(Code::Unsupported, "this is no regular file", printable(path));
  if (now.size == 0) return std::make_unique<SystemMapping>(nullptr, 0);
  void* address = ::mmap(nullptr, now.size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (address == MAP_FAILED) return system_fail(errno, "mapping the file", path);
  return std::make_unique<SystemMapping>(address, now.size);
}

Result<Bytes> read_whole_file(const Path& path, std::uint64_t size_max) {
  // Links are followed and any kind of file will do: a passphrase may come from /dev/fd/3.
  const Fd descriptor(uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!descriptor) return system_fail(errno, "opening the file", path);
  HF_TRY(const FileStat now, stat_fd(descriptor.get(), path));
  if (now.size > size_max) return fail(Code::TooLarge, "the file is larger than it may be", printable(path));
  Bytes bytes(now.size + 1);
  for (std::size_t count = 0;;) {
    const auto more =
        uninterrupted([&] { return ::read(descriptor.get(), bytes.data() + count, bytes.size() - count); });
    if (more < 0) return system_fail(errno, "reading the file", path);
    count += static_cast<std::size_t>(more);
    if (count > size_max) return fail(Code::TooLarge, "the file is larger than it may be", printable(path));
    if (more == 0) {
      bytes.resize(count);
      return bytes;
    }
    if (count == bytes.size()) bytes.resize(2 * count + 4096);
  }
}

Result<std::unique_ptr<Lock>> lock_file(const Path& path) {
  Fd descriptor(uninterrupted(
      [&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600); }));
  if (!descriptor) return system_fail(errno, "opening the lock file", path);
  if (uninterrupted([&] { return ::flock(descriptor.get(), LOCK_EX | LOCK_NB); }) != 0) {
    if (errno == EWOULDBLOCK) return fail(Code::Busy, "somebody else holds the lock", printable(path));
    return system_fail(errno, "locking", path);
  }
  return std::make_unique<SystemLock>(std::move(descriptor));
}

}  // namespace holdfast
