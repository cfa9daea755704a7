// The third door: the file system. Paths are absolute byte strings without "." and "..".
//
// Nothing is durable until it is synced: a file's bytes and size by File::sync, a name (created, renamed, removed) by
// sync_directory of the folder that holds it. The simulator takes both literally.
// Errors: NotFound, PermissionDenied, AlreadyExists, NotEmpty, NoSpaceLeft, ReadOnly, IoError, Unsupported, Busy;
// Error::object is the path (printable).
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/clock.h"
#include "base/remote.h"  // RequestId
#include "base/result.h"

namespace holdfast {

using Path = std::string;  // bytes, not necessarily UTF-8

// File systems may claim any second. What 64 bits of nanoseconds can't say (before 1678, after 2261) becomes their end.
inline constexpr std::int64_t file_time_max_s = std::numeric_limits<std::int64_t>::max() / second_ns - 1;
constexpr bool is_time_kept(std::int64_t mtime_ns) {
  return mtime_ns > -file_time_max_s * second_ns && mtime_ns < file_time_max_s * second_ns;
}

enum class FileType : std::uint8_t { regular = 1, directory, symlink, character_device, block_device, fifo, socket };
constexpr bool wire_valid(FileType type) { return type >= FileType::regular && type <= FileType::socket; }

struct FileId {  // of an entry, as long as it exists
  std::uint64_t device = 0, inode = 0;
  friend auto operator<=>(const FileId&, const FileId&) = default;
};

struct FileStat {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;  // the twelve permission bits
  std::uint32_t uid = 0, gid = 0;
  std::uint64_t size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint64_t device = 0, inode = 0;
  std::uint64_t links = 1;
  std::uint32_t device_major = 0, device_minor = 0;  // of a device node
  std::uint64_t allocated = 0;                       // bytes that the file takes; below size: sparse
  [[nodiscard]] FileId id() const { return {device, inode}; }
  friend bool operator==(const FileStat&, const FileStat&) = default;
};

struct DirectoryEntry {
  std::string name;
  Result<FileStat> stat;  // of the entry itself, links not followed
};

// A folder that was listed. Its entries are looked up in that very folder, wherever it is moved and whatever gets its
// name, as long as this is held (it takes a descriptor).
class ListedFolder {
 public:
  virtual ~ListedFolder() = default;
};

struct DirectoryListing {
  FileStat self;                        // of what was opened and listed
  std::vector<DirectoryEntry> entries;  // no "." and "..", in no order
  std::shared_ptr<const ListedFolder> folder;
};

struct Attribute {  // an extended attribute; POSIX ACLs are the two system.posix_acl_*
  std::string name;
  Bytes value;
  friend auto operator<=>(const Attribute&, const Attribute&) = default;
};

struct Range {
  std::uint64_t offset = 0, size = 0;
  friend auto operator<=>(const Range&, const Range&) = default;
};

// An open regular file. Any thread; concurrent calls are allowed when they don't overlap.
class File {
 public:
  virtual ~File() = default;
  virtual Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;  // short only at the end
  virtual Status write_at(std::uint64_t offset, ByteView bytes) = 0;
  virtual Status write_parts(std::uint64_t offset, std::span<const ByteView> parts);  // one after the other
  virtual Status truncate(std::uint64_t size) = 0;
  virtual Status sync() = 0;
  virtual Result<FileStat> stat() = 0;
  virtual Result<std::vector<Attribute>> attributes() = 0;  // sorted by name
  // The parts that hold data, in order; everything else reads as zero. A file system without holes: one range.
  virtual Result<std::vector<Range>> data_ranges() = 0;
};

// The whole of a file, read-only, as long as this object lives. The file must not change meanwhile.
class Mapping {
 public:
  virtual ~Mapping() = default;
  [[nodiscard]] virtual ByteView bytes() const = 0;
  // What was read of this part leaves memory, where it counts as the process's; the bytes can be read again at any
  // time.
  virtual void release(ByteView part) const = 0;
};

class Lock {  // held until destroyed, or until the process is gone
 public:
  virtual ~Lock() = default;
};

enum class OpenMode { read, write_existing, create_new, create_or_open, create_or_truncate };

// An entry of a tree that others may change meanwhile: what `name` is in a folder that was listed; "" is the folder
// itself.
struct TreePlace {
  TreePlace() = default;
  // Where a tree begins: an absolute path without links; a link on the way to it is Changed.
  TreePlace(const Path& path) : name(path) {}  // NOLINT(google-explicit-constructor)
  TreePlace(std::shared_ptr<const ListedFolder> in, std::string entry)
      : folder(std::move(in)), name(std::move(entry)) {}

  std::shared_ptr<const ListedFolder> folder;  // null: `name` is a path
  std::string name;
};

struct ReadRequest {
  TreePlace place;
  std::uint64_t size_expected = 0;
};
struct ReadAnswer {                                // all of it of one file, whatever happens to its name meanwhile
  Bytes bytes;                                     // the whole file
  FileStat before, after;                          // fstat around the reading; they differ: the file changed
  Result<std::vector<Attribute>> attributes = {};  // sorted by name
};

// Everything of an entry but a file's content.
struct EntryDetails {
  FileStat stat = {};
  std::string target = {};                         // of a symbolic link
  Result<std::vector<Attribute>> attributes = {};  // sorted by name
};

// What restore sets on an entry that it made. Owner is set only when `owner` is given.
struct Metadata {
  std::uint32_t mode = 0;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> owner = {};  // uid, gid
  std::int64_t mtime_ns = 0;
  std::vector<Attribute> attributes = {};
};

struct WriteRequest {
  std::string name = {};             // relative to the writer's root, "a/b/c"
  std::vector<ByteView> parts = {};  // the whole content, in order
  Metadata metadata = {};
  bool replace = false;  // a regular file or symlink of that name may be replaced; a directory never
};
struct PieceWrite {  // of a file that open_new gave
  std::shared_ptr<File> file;
  std::uint64_t offset = 0;
  ByteView bytes;
};
struct WriteBatch {
  std::vector<WriteRequest> files = {};
  std::vector<PieceWrite> pieces = {};
  std::vector<std::shared_ptr<const void>> owners = {};  // of the bytes; kept until the batch is written
};

struct MadeDirectory {
  FileId id;
  bool is_new = false;  // else it stood there already
  std::uint32_t uid = 0;
};
struct ExpectedFile {  // what a link is to be made to
  FileType type = FileType::regular;
  std::optional<std::pair<std::uint32_t, std::uint32_t>> owner = {};
  std::optional<std::uint64_t> size = {};
  std::int64_t mtime_ns = 0;
};

// Makes entries below one root and can't leave it: names are relative, no symbolic link in a name is followed
// (openat2 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS), and everything is created new. Any thread.
// A name that could leave the root is Malformed; a link or file where a directory is needed: AlreadyExists.
// An attribute or owner that the file system refuses is no error: it is told in `warnings`.
class TreeWriter {
 public:
  virtual ~TreeWriter() = default;
  virtual Result<MadeDirectory> make_directory(const std::string& name) = 0;  // an existing one is fine
  virtual Status make_file(const WriteRequest& request) = 0;
  // Written by other threads, batch beside batch, while the caller goes on; next() waits. Gives the files'
  // outcomes and then the pieces'. What is not written when the writer goes may be dropped.
  virtual RequestId submit(WriteBatch batch) = 0;
  virtual std::pair<RequestId, std::vector<Status>> next() = 0;  // REQUIRES: in_flight() > 0. The thread that submits.
  [[nodiscard]] virtual std::size_t in_flight() const = 0;
  // A large file: created empty with mode 0600, written by write_at, finished by set_metadata. What it replaces stays
  // until then. What is not finished is removed when it is opened again and when the writer goes. Somebody else's file
  // under its name meanwhile is left as it is (AlreadyExists).
  virtual Result<std::unique_ptr<File>> open_new(const std::string& name, bool replace) = 0;
  virtual Status make_symlink(const std::string& name, const std::string& target, bool replace) = 0;
  // Changed: what stands under `existing` is not what was expected.
  virtual Status make_hard_link(const std::string& existing, const std::string& name, bool replace,
                                const std::optional<ExpectedFile>& only) = 0;
  Status make_hard_link(const std::string& existing, const std::string& name, bool replace) {
    return make_hard_link(existing, name, replace, std::nullopt);
  }
  virtual Status make_node(const std::string& name, const FileStat& node, bool replace) = 0;  // device or fifo
  virtual Status set_metadata(const std::string& name, FileType type, const Metadata& metadata) = 0;
  // The same for a directory, after its entries are there, or for what stood there, and only for that one.
  // AlreadyExists: something else has its name now.
  virtual Status complete(const std::string& name, FileType type, const FileId& only, const Metadata& metadata) = 0;
  // Takes away what an interrupted writer left, no directory. Changed: something else has its name now, and keeps it.
  virtual Status discard(const std::string& name, const FileId& only) = 0;
  // A folder below the root, "" the root itself, for Files to look into: nothing is looked at by a path.
  virtual Result<std::shared_ptr<const ListedFolder>> folder(const std::string& name) = 0;
  // What temporary names begin with: drawn anew for each writer, unless it goes on for another.
  [[nodiscard]] virtual std::string temporary_prefix() const = 0;
  virtual void use_temporary_prefix(std::string prefix) = 0;                         // REQUIRES: nothing was made yet
  virtual Result<std::optional<FileStat>> stat(const std::string& name) = 0;         // nullopt: nothing there
  virtual Result<std::unique_ptr<File>> open_existing(const std::string& name) = 0;  // for --verify
  virtual Status sync_all() = 0;                                                     // all of it durable
  virtual std::vector<std::string> take_warnings() = 0;
};

[[nodiscard]] bool is_expected(const FileStat& there, const std::optional<ExpectedFile>& expected);

class Files {
 public:
  virtual ~Files() = default;

  // Reading trees that others may change meanwhile. Links are never followed; Error::object is the place's name.
  // Changed: no folder stands there (any more).
  virtual std::vector<Result<DirectoryListing>> list_batch(std::span<const TreePlace> directories) = 0;
  virtual Result<EntryDetails> details(const TreePlace& place) = 0;
  virtual Result<std::unique_ptr<File>> open_entry(const TreePlace& place) = 0;  // a regular file, for reading
  // Small files as a whole, by several threads; answers in the order of the requests. Changed: what stands there is no
  // regular file any more, is more than 1 MiB larger than expected, or has other bytes than its size says.
  virtual std::vector<Result<ReadAnswer>> read_batch(std::span<const ReadRequest> requests) = 0;

  virtual Result<FileStat> stat(const Path& path) = 0;   // of a symbolic link itself
  virtual Result<Path> real_path(const Path& path) = 0;  // absolute, links resolved; may take a relative path

  // Our own files. list: as above; a symbolic link to a directory is refused.
  virtual Result<std::vector<DirectoryEntry>> list(const Path& directory) = 0;

  // open refuses what is not a regular file, links too; read_file follows
  // links and takes any kind of file (TooLarge: more than size_max).
  virtual Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode) = 0;  // new files have mode 0600
  virtual Result<std::unique_ptr<Mapping>> map(const Path& path) = 0;
  virtual Result<Bytes> read_file(const Path& path, std::uint64_t size_max) = 0;
  virtual Status make_directories(const Path& path) = 0;        // with parents, mode 0700; existing is fine
  virtual Status rename(const Path& from, const Path& to) = 0;  // replaces
  virtual Status remove(const Path& path) = 0;                  // file, link or empty directory
  virtual Status sync_directory(const Path& path) = 0;
  virtual Result<std::unique_ptr<Lock>> lock(const Path& path) = 0;  // Busy: another process holds it
  virtual Result<std::uint64_t> free_bytes(const Path& path) = 0;
  virtual Result<bool> is_network_file_system(const Path& path) = 0;

  virtual Result<std::unique_ptr<TreeWriter>> tree_writer(const Path& root) = 0;  // the root must exist

  // Temporary name beside it, write, sync, rename, sync the directory: the old or the new content, never a mixture.
  // ending: of the temporary name. Where two may replace one file at once, each has its own.
  Status replace_file(const Path& path, ByteView bytes, std::string_view ending = ".new");
  Status replace_file(const Path& path, const std::function<Status(File&)>& write, std::string_view ending);
  // make_directories, and each new name is durable.
  Status make_durable_directories(const Path& path);
};

std::string join_path(std::string_view directory, std::string_view name);
std::string_view last_component(std::string_view path);
std::string_view parent_of(std::string_view path);

}  // namespace holdfast
