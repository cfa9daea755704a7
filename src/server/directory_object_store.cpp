#include "server/directory_object_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <set>

#include "base/files.h"
#include "base/system_uncached.h"
#include "crypto/hash.h"
#include "server/object_paths.h"
#include "server/posix.h"

namespace holdfast::server {

namespace {

constexpr std::size_t read_back_size = 1 << 20;
constexpr int folder_attempts = 100;  // of a put whose folder others empty, and so remove, at the same time

// Short only at the end of the file.
Result<Bytes> read_at(const UncachedFile& file, const Range& range, const std::string& object) {
  Bytes bytes;
  if (const int failed = file.read(range.offset, range.size, bytes); failed != 0)
    return system_fail(failed, "reading the object", object);
  return bytes;
}

Result<Hash> hash_of_file(const UncachedFile& file, const std::string& object) {
  crypto::Sha256 hash;
  for (std::uint64_t offset = 0;; offset += read_back_size) {
    HF_TRY(const Bytes piece, read_at(file, {offset, read_back_size}, object));
    hash.update(piece);
    if (piece.size() < read_back_size) return hash.finish();
  }
}

// Two puts of one name go one after the other.
class Claims {
 public:
  class Claim {
   public:
    Claim(Claims& claims, const ObjectName& name) : claims_(claims), name_(name) {
      std::unique_lock lock(claims_.mutex_);
      claims_.given_back_.wait(lock, [&] { return claims_.held_.insert(name_).second; });
    }
    Claim(const Claim&) = delete;
    Claim& operator=(const Claim&) = delete;
    ~Claim() {
      const std::lock_guard lock(claims_.mutex_);
      claims_.held_.erase(name_);
      claims_.given_back_.notify_all();
    }

   private:
    Claims& claims_;
    const ObjectName name_;
  };

 private:
  std::mutex mutex_;
  std::condition_variable given_back_;
  std::set<ObjectName> held_;
};

// A file below incoming/, removed unless it was given its final name.
class Incoming {
 public:
  static Result<Incoming> make(int root, std::string name) {
    HF_TRY(Fd file, open_at(root, name, O_WRONLY | O_CREAT | O_EXCL, name));
    return Incoming(root, std::move(name), std::move(file));
  }
  Incoming(Incoming&& other) noexcept
      : root_(other.root_), name_(std::exchange(other.name_, {})), file_(std::move(other.file_)) {}
  Incoming& operator=(Incoming&&) = delete;
  ~Incoming() {
    if (!name_.empty()) ::unlinkat(root_, name_.c_str(), 0);
  }
  [[nodiscard]] const Fd& file() const { return file_; }
  // False: the folder was removed meanwhile, because it was empty.
  Result<bool> move_to(const Fd& folder, const std::string& name) {
    if (::renameat(root_, name_.c_str(), folder.get(), name.c_str()) != 0) {
      if (errno == ENOENT) return false;
      return system_fail(errno, "giving the object its name", name);
    }
    name_.clear();
    return true;
  }

 private:
  Incoming(int root, std::string name, Fd file) : root_(root), name_(std::move(name)), file_(std::move(file)) {}
  int root_;
  std::string name_;
  Fd file_;
};

class DirectoryObjectStore final : public ObjectStore {
 public:
  DirectoryObjectStore(Fd lock, Fd root, std::uint64_t reserve_bytes)
      : lock_(std::move(lock)), root_(std::move(root)), reserve_bytes_(reserve_bytes), folders_(root_.get()) {}

  Status put(const ObjectName& name, std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts) override {
    HF_OK(check_object_size(size, parts));
    const Claims::Claim claim(claims_, name);
    HF_TRY(const std::optional<Fd> there, open_if_there(name));
    if (!there) return store(name, size, sha256, parts);
    HF_OK(check_object_hash(sha256, parts));
    return make_sure_of(*there, name, size, sha256);
  }

  Result<Bytes> get(const ObjectName& name, const Range& range) override {
    HF_OK(check_object_range(range));
    HF_TRY(const Fd file, open_object(name));
    HF_TRY(const std::uint64_t size, size_of_file(file, name));
    const auto too_short = [&] {
      return fail(Code::Tampered, "the stored object is shorter than it was", name.object.hex());
    };
    if (range.offset > size || range.size > size - range.offset) return too_short();
    HF_TRY(Bytes bytes, read_at(UncachedFile(file.get(), O_RDONLY, range.size), range, name.object.hex()));
    if (bytes.size() < range.size) return too_short();
    return bytes;
  }

  Result<std::uint64_t> size_of(const ObjectName& name) override {
    HF_TRY(const Fd file, open_object(name));
    return size_of_file(file, name);
  }

  Status remove(const ObjectName& name) override {
    if (::unlinkat(root_.get(), path_of(name).c_str(), 0) != 0 && errno != ENOENT)
      return system_fail(errno, "removing the object", name.object.hex());
    folders_.remove_if_empty(name);
    return {};
  }

  Result<std::vector<ObjectInfo>> list(const std::optional<ObjectName>& after, std::size_t limit) override {
    return list_objects(root_.get(), after, limit);
  }

 private:
  // Missing where there is none.
  Result<Fd> open_object(const ObjectName& name) {
    auto file = open_at(root_.get(), path_of(name), O_RDONLY, name.object.hex());
    if (!file && file.error().code == Code::NotFound)
      return fail(Code::Missing, "the server has no such object", name.object.hex());
    return file;
  }

  static Result<std::uint64_t> size_of_file(const Fd& file, const ObjectName& name) {
    struct stat stat{};
    if (::fstat(file.get(), &stat) != 0) return system_fail(errno, "looking at the object", name.object.hex());
    return static_cast<std::uint64_t>(stat.st_size);
  }

  Result<std::optional<Fd>> open_if_there(const ObjectName& name) {
    auto file = open_object(name);
    if (file) return std::optional(std::move(*file));
    if (file.error().code == Code::Missing) return std::nullopt;
    return pass_on(std::move(file).error());
  }

  // That exactly these bytes are there, durable: an earlier put may have died before its last sync.
  Status make_sure_of(const Fd& file, const ObjectName& name, std::uint64_t size, const Hash& sha256) {
    const std::string object = name.object.hex();
    const auto other = [&] { return fail(Code::AlreadyExists, "an object of this name has other bytes", object); };
    HF_TRY(const std::uint64_t size_there, size_of_file(file, name));
    if (size_there != size) return other();
    HF_TRY(const Hash hash_there, hash_of_file(UncachedFile(file.get(), O_RDONLY, size), object));
    if (hash_there != sha256) return other();
    HF_OK(sync(file, object));
    HF_TRY(const Fd folder, folders_.open_durable(name));
    return sync(folder, object);
  }

  Status store(const ObjectName& name, std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts) {
    const std::string object = name.object.hex();
    in_flight_bytes_ += size;
    const struct Leave {
      std::atomic<std::uint64_t>& in_flight;
      std::uint64_t size;
      ~Leave() { in_flight -= size; }
    } leave{in_flight_bytes_, size};
    HF_OK(check_free_space());
    HF_TRY(Incoming incoming, Incoming::make(root_.get(), incoming_path(next_incoming_++)));
    HF_OK(check_object_hash(sha256, parts));
    if (const int failed = UncachedFile(incoming.file().get(), O_WRONLY, size).write(0, parts); failed != 0)
      return system_fail(failed, "writing the object", object);
    HF_OK(sync(incoming.file(), object));
    for (int attempt = 0; attempt < folder_attempts; ++attempt) {
      HF_TRY(const Fd folder, folders_.open_durable(name));
      HF_TRY(const bool moved, incoming.move_to(folder, object));
      if (!moved) continue;
      Status durable = sync(folder, object);
      if (!durable) ::unlinkat(folder.get(), object.c_str(), 0);
      return durable;
    }
    return fail(Code::IoError, "something else removes files from the object store's directory", object);
  }

  // All puts under way count, as their bytes may not have reached the disk.
  Status check_free_space() {
    struct statvfs stat{};
    if (::fstatvfs(root_.get(), &stat) != 0) return system_fail(errno, "reading the free space", {});
    const std::uint64_t free = static_cast<std::uint64_t>(stat.f_bavail) * stat.f_frsize;
    const std::uint64_t wanted = in_flight_bytes_;
    if (free < reserve_bytes_ || free - reserve_bytes_ < wanted)
      return fail(Code::NoSpaceLeft, "the server's disk for objects is full: " + std::to_string(free >> 20) +
                                         " MiB are free, and " + std::to_string(reserve_bytes_ >> 20) +
                                         " MiB of them are kept back");
    return {};
  }

  const Fd lock_, root_;
  const std::uint64_t reserve_bytes_;
  ObjectFolders folders_;
  Claims claims_;
  std::atomic<std::uint64_t> next_incoming_ = 0, in_flight_bytes_ = 0;
};

}  // namespace

std::uint64_t default_reserve_bytes(std::uint64_t file_system_bytes) {
  return std::min<std::uint64_t>(64ULL << 20, file_system_bytes / 20);
}

Result<DiskSpace> disk_space(const DirectoryOptions& options) {
  struct statvfs stat{};
  if (::statvfs(options.directory.c_str(), &stat) != 0)
    return system_fail(errno, "reading the free space", options.directory);
  const std::uint64_t unit = stat.f_frsize;
  return DiskSpace{stat.f_bavail * unit, options.reserve_bytes.value_or(default_reserve_bytes(stat.f_blocks * unit))};
}

Result<std::unique_ptr<ObjectStore>> open_directory_object_store(const DirectoryOptions& options) {
  HF_OK(make_durable_directory(options.directory));
  HF_TRY(Fd lock, lock_directory(options.directory, "objects.lock"));
  HF_TRY(Fd root, open_at(AT_FDCWD, options.directory, O_RDONLY | O_DIRECTORY, options.directory));
  HF_OK(prepare_folders(root.get(), options.directory));
  HF_TRY(const DiskSpace space, disk_space(options));
  return std::make_unique<DirectoryObjectStore>(std::move(lock), std::move(root), space.reserve_bytes);
}

}  // namespace holdfast::server
