#include "session/sqlite_files.h"

#include <cstring>
#include <new>

namespace holdfast::session {

namespace {

constexpr int path_bytes_max = 4096;

SqliteFiles& owner_of(sqlite3_vfs* vfs) { return *static_cast<SqliteFiles*>(vfs->pAppData); }

// What SQLite allocates for an open file.
struct OpenFile {
  sqlite3_file base;
  SqliteFiles* owner;
  std::unique_ptr<File> file;
  Path path;
  bool name_is_durable;
};

OpenFile& open_file(sqlite3_file* file) { return *reinterpret_cast<OpenFile*>(file); }

int close(sqlite3_file* base) {
  open_file(base).~OpenFile();
  return SQLITE_OK;
}

int read(sqlite3_file* base, void* into, int size, sqlite3_int64 offset) {
  OpenFile& open = open_file(base);
  const std::span out(static_cast<std::uint8_t*>(into), static_cast<std::size_t>(size));
  const auto got = open.file->read_at(static_cast<std::uint64_t>(offset), out);
  if (!got) return open.owner->fail_with(got.error(), SQLITE_IOERR_READ);
  if (*got == out.size()) return SQLITE_OK;
  std::memset(out.data() + *got, 0, out.size() - *got);
  return SQLITE_IOERR_SHORT_READ;
}

int write(sqlite3_file* base, const void* from, int size, sqlite3_int64 offset) {
  OpenFile& open = open_file(base);
  const ByteView bytes(static_cast<const std::uint8_t*>(from), static_cast<std::size_t>(size));
  const auto written = open.file->write_at(static_cast<std::uint64_t>(offset), bytes);
  return written ? SQLITE_OK : open.owner->fail_with(written.error(), SQLITE_IOERR_WRITE);
}

int truncate(sqlite3_file* base, sqlite3_int64 size) {
  OpenFile& open = open_file(base);
  const auto done = open.file->truncate(static_cast<std::uint64_t>(size));
  return done ? SQLITE_OK : open.owner->fail_with(done.error(), SQLITE_IOERR_TRUNCATE);
}

int sync(sqlite3_file* base, int) {
  OpenFile& open = open_file(base);
  if (const auto done = open.file->sync(); !done) return open.owner->fail_with(done.error(), SQLITE_IOERR_FSYNC);
  if (open.name_is_durable) return SQLITE_OK;
  const auto named = open.owner->files.sync_directory(Path(parent_of(open.path)));
  if (!named) return open.owner->fail_with(named.error(), SQLITE_IOERR_DIR_FSYNC);
  open.name_is_durable = true;
  return SQLITE_OK;
}

int file_size(sqlite3_file* base, sqlite3_int64* size) {
  OpenFile& open = open_file(base);
  const auto stat = open.file->stat();
  if (!stat) return open.owner->fail_with(stat.error(), SQLITE_IOERR_FSTAT);
  *size = static_cast<sqlite3_int64>(stat->size);
  return SQLITE_OK;
}

int lock(sqlite3_file*, int) { return SQLITE_OK; }
int check_reserved_lock(sqlite3_file*, int* held) {
  *held = 0;
  return SQLITE_OK;
}
int file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int sector_size(sqlite3_file*) { return 4096; }
int device_characteristics(sqlite3_file*) { return 0; }

constexpr sqlite3_io_methods io_methods = {1,
                                           close,
                                           read,
                                           write,
                                           truncate,
                                           sync,
                                           file_size,
                                           lock,
                                           lock,
                                           check_reserved_lock,
                                           file_control,
                                           sector_size,
                                           device_characteristics,
                                           nullptr,
                                           nullptr,
                                           nullptr,
                                           nullptr,
                                           nullptr,
                                           nullptr};

int open(sqlite3_vfs* vfs, sqlite3_filename name, sqlite3_file* base, int flags, int* flags_out) {
  base->pMethods = nullptr;
  SqliteFiles& owner = owner_of(vfs);
  if (name == nullptr) return SQLITE_CANTOPEN;  // temporary files: temp_store is memory
  const OpenMode mode = (flags & SQLITE_OPEN_CREATE) != 0 ? OpenMode::create_or_open : OpenMode::write_existing;
  auto file = owner.files.open(name, mode);
  if (!file) return owner.fail_with(file.error(), SQLITE_CANTOPEN);
  auto* made = new (base) OpenFile{{&io_methods}, &owner, *std::move(file), name, false};
  made->base.pMethods = &io_methods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int remove(sqlite3_vfs* vfs, const char* name, int sync_directory) {
  SqliteFiles& owner = owner_of(vfs);
  const auto removed = owner.files.remove(name);
  if (!removed && removed.error().code == Code::NotFound) return SQLITE_IOERR_DELETE_NOENT;
  if (!removed) return owner.fail_with(removed.error(), SQLITE_IOERR_DELETE);
  if (sync_directory == 0) return SQLITE_OK;
  const auto synced = owner.files.sync_directory(Path(parent_of(name)));
  return synced ? SQLITE_OK : owner.fail_with(synced.error(), SQLITE_IOERR_DIR_FSYNC);
}

int access(sqlite3_vfs* vfs, const char* name, int, int* there) {
  SqliteFiles& owner = owner_of(vfs);
  const auto stat = owner.files.stat(name);
  *there = stat ? 1 : 0;
  return stat || stat.error().code == Code::NotFound ? SQLITE_OK : owner.fail_with(stat.error(), SQLITE_IOERR_ACCESS);
}

int full_path(sqlite3_vfs*, const char* name, int size, char* out) {
  if (std::strlen(name) >= static_cast<std::size_t>(size)) return SQLITE_CANTOPEN;
  std::memcpy(out, name, std::strlen(name) + 1);
  return SQLITE_OK;
}

int randomness(sqlite3_vfs* vfs, int size, char* out) {
  owner_of(vfs).random.fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(size)});
  return size;
}

int sleep(sqlite3_vfs* vfs, int microseconds) {
  owner_of(vfs).clock.sleep_ns(std::int64_t{microseconds} * 1000);
  return microseconds;
}

int current_time_64(sqlite3_vfs* vfs, sqlite3_int64* milliseconds) {
  constexpr sqlite3_int64 julian_1970 = 210866760000000;
  *milliseconds = julian_1970 + owner_of(vfs).clock.now_ns() / 1'000'000;
  return SQLITE_OK;
}

int current_time(sqlite3_vfs* vfs, double* days) {
  sqlite3_int64 milliseconds = 0;
  current_time_64(vfs, &milliseconds);
  *days = static_cast<double>(milliseconds) / 86'400'000.0;
  return SQLITE_OK;
}

}  // namespace

SqliteFiles::SqliteFiles(Files& files_door, Clock& clock_door, Random& random_door)
    : files(files_door), clock(clock_door), random(random_door), name_("holdfast-" + random_door.make<NoteId>().hex()) {
  vfs_.iVersion = 2;
  vfs_.szOsFile = sizeof(OpenFile);
  vfs_.mxPathname = path_bytes_max;
  vfs_.zName = name_.c_str();
  vfs_.pAppData = this;
  vfs_.xOpen = open;
  vfs_.xDelete = remove;
  vfs_.xAccess = access;
  vfs_.xFullPathname = full_path;
  vfs_.xRandomness = randomness;
  vfs_.xSleep = sleep;
  vfs_.xCurrentTime = current_time;
  vfs_.xCurrentTimeInt64 = current_time_64;
  // SQLite draws its own random numbers from the default VFS, once for the process: from our door, then, and anew.
  sqlite3_vfs_register(&vfs_, 1);
  sqlite3_randomness(0, nullptr);
}

SqliteFiles::~SqliteFiles() { sqlite3_vfs_unregister(&vfs_); }

int SqliteFiles::fail_with(const Error& error, int sqlite_code) {
  last_error_ = error;
  return error.code == Code::NoSpaceLeft ? SQLITE_FULL : sqlite_code;
}

}  // namespace holdfast::session
