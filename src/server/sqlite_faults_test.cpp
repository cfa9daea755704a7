// The SQLite engine over a disk that loses what was not synced, fills up, and fails.
#include <sqlite3.h>
#include <sys/stat.h>

#include <cstring>
#include <fstream>
#include <random>

#include "server/meta_store_conformance.h"
#include "server/sqlite_meta_store.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

using namespace conformance;

// What the disk holds of one file: the synced bytes, and the writes since, any of which a power cut may lose.
struct FileOnDisk {
  struct Change {
    std::int64_t offset = 0;
    Bytes bytes;
    bool truncate = false;
  };
  Bytes synced;
  std::vector<Change> since;

  static void apply(Bytes& to, const Change& change) {
    const auto offset = static_cast<std::size_t>(change.offset);
    if (change.truncate) return to.resize(offset);
    if (to.size() < offset + change.bytes.size()) to.resize(offset + change.bytes.size());
    std::ranges::copy(change.bytes, to.begin() + change.offset);
  }
};
using Disk = std::map<std::string, FileOnDisk>;

// Behind the VFS "faulty", which passes everything on to the system's.
struct FaultyDisk {
  std::mutex mutex;
  Disk files;
  bool is_full = false, sync_fails = false;
  int syncs = 0;
  std::function<void(const Disk&)> before_step;  // with the mutex held

  void step() {
    if (before_step) before_step(files);
  }
} disk;

struct FaultyFile {
  sqlite3_file base;
  sqlite3_file* real;
  std::string* path;  // null: a file that SQLite deletes by itself
};
FaultyFile* of(sqlite3_file* file) { return reinterpret_cast<FaultyFile*>(file); }
sqlite3_file* real(sqlite3_file* file) { return of(file)->real; }

int faulty_close(sqlite3_file* file) {
  const int result = real(file)->pMethods->xClose(real(file));
  ::free(of(file)->real);
  delete of(file)->path;
  return result;
}
int faulty_read(sqlite3_file* f, void* to, int size, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, size, at);
}
int change(sqlite3_file* file, FileOnDisk::Change what) {
  const std::lock_guard lock(disk.mutex);
  disk.step();
  if (disk.is_full && !what.truncate) return SQLITE_FULL;
  if (of(file)->path != nullptr) disk.files[*of(file)->path].since.push_back(std::move(what));
  return SQLITE_OK;
}
int faulty_write(sqlite3_file* file, const void* from, int size, sqlite3_int64 at) {
  const auto* bytes = static_cast<const std::uint8_t*>(from);
  if (const int result = change(file, {at, Bytes(bytes, bytes + size)}); result != SQLITE_OK) return result;
  return real(file)->pMethods->xWrite(real(file), from, size, at);
}
int faulty_truncate(sqlite3_file* file, sqlite3_int64 size) {
  if (const int result = change(file, {.offset = size, .bytes = {}, .truncate = true}); result != SQLITE_OK)
    return result;
  return real(file)->pMethods->xTruncate(real(file), size);
}
// The machine that runs the test doesn't lose its power: nothing is passed on.
int faulty_sync(sqlite3_file* file, int) {
  const std::lock_guard lock(disk.mutex);
  disk.step();
  if (disk.sync_fails) return SQLITE_IOERR_FSYNC;
  ++disk.syncs;
  if (of(file)->path != nullptr) {
    FileOnDisk& here = disk.files[*of(file)->path];
    for (const auto& change : here.since) FileOnDisk::apply(here.synced, change);
    here.since.clear();
  }
  return SQLITE_OK;
}
int faulty_size(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int faulty_lock(sqlite3_file* f, int level) { return real(f)->pMethods->xLock(real(f), level); }
int faulty_unlock(sqlite3_file* f, int level) { return real(f)->pMethods->xUnlock(real(f), level); }
int faulty_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int faulty_control(sqlite3_file* f, int op, void* with) { return real(f)->pMethods->xFileControl(real(f), op, with); }
int faulty_sector(sqlite3_file*) { return 512; }
int faulty_traits(sqlite3_file*) { return 0; }  // no promise of atomic or ordered writes
int faulty_shm_map(sqlite3_file* f, int page, int size, int extend, void volatile** at) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, at);
}
int faulty_shm_lock(sqlite3_file* f, int offset, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), offset, n, flags);
}
void faulty_shm_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int faulty_shm_unmap(sqlite3_file* f, int remove) { return real(f)->pMethods->xShmUnmap(real(f), remove); }

constexpr sqlite3_io_methods methods{2,
                                     faulty_close,
                                     faulty_read,
                                     faulty_write,
                                     faulty_truncate,
                                     faulty_sync,
                                     faulty_size,
                                     faulty_lock,
                                     faulty_unlock,
                                     faulty_reserved,
                                     faulty_control,
                                     faulty_sector,
                                     faulty_traits,
                                     faulty_shm_map,
                                     faulty_shm_lock,
                                     faulty_shm_barrier,
                                     faulty_shm_unmap,
                                     nullptr,
                                     nullptr};

int faulty_open(sqlite3_vfs*, const char* path, sqlite3_file* file, int flags, int* flags_out) {
  sqlite3_vfs* system = sqlite3_vfs_find("unix");
  of(file)->real = static_cast<sqlite3_file*>(::calloc(1, static_cast<std::size_t>(system->szOsFile)));
  of(file)->path = path == nullptr ? nullptr : new std::string(path);
  const int result = system->xOpen(system, path, real(file), flags, flags_out);
  if (result == SQLITE_OK) {
    file->pMethods = &methods;
    return result;
  }
  file->pMethods = nullptr;
  ::free(of(file)->real);
  delete of(file)->path;
  return result;
}

int faulty_delete(sqlite3_vfs*, const char* path, int sync_directory) {
  sqlite3_vfs* system = sqlite3_vfs_find("unix");
  {
    const std::lock_guard lock(disk.mutex);
    disk.step();
    disk.files.erase(path);
  }
  return system->xDelete(system, path, sync_directory);
}

class SqliteFaults : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    static sqlite3_vfs vfs = *sqlite3_vfs_find("unix");
    vfs.szOsFile = sizeof(FaultyFile);
    vfs.zName = "faulty";
    vfs.pNext = nullptr;
    vfs.xOpen = faulty_open;
    vfs.xDelete = faulty_delete;
    ASSERT_EQ(sqlite3_vfs_register(&vfs, 0), SQLITE_OK);
  }
  void SetUp() override {
    disk.files.clear();
    disk.is_full = disk.sync_fails = false;
    disk.syncs = 0;
    disk.before_step = nullptr;
  }
  std::unique_ptr<MetaStore> open() {
    auto store = open_sqlite_meta_store({.directory = directory_.path(), .log_size_moved = 256 << 10, .vfs = "faulty"});
    EXPECT_TRUE(store) << store.error().sentence;
    return store ? std::move(*store) : nullptr;
  }
  static void set(bool& fault, bool to) {
    const std::lock_guard lock(disk.mutex);
    fault = to;
  }
  TestDirectory directory_;
};

// After the power came back: each unsynced write is there, or not, as the seed says.
void write_out(const Disk& files, const std::string& directory, unsigned seed) {
  std::mt19937 random(seed);
  for (const auto& [path, file] : files) {
    Bytes content = file.synced;
    for (const auto& change : file.since) {
      if (random() % 2 == 0) FileOnDisk::apply(content, change);
    }
    std::ofstream out(directory + "/" + std::filesystem::path(path).filename().string(), std::ios::binary);
    out << as_text(content);
  }
}

// Promise: what was acknowledged is there wherever the power fails, and every batch is there whole or not at all.
// Method: run once, with values large enough that the log is moved into the file; remember the disk at every so many
// steps (write, truncate, sync, delete) with the number acknowledged by then; open each with random unsynced writes
// lost.
TEST_F(SqliteFaults, APowerCutLosesNoAcknowledgedBatch) {
  struct Cut {
    Disk files;
    int acknowledged = 0;
  };
  std::vector<Cut> cuts;
  std::atomic<int> acknowledged = -1;  // the store itself is not there yet
  int steps = 0;
  auto store = open();
  acknowledged = 0;
  disk.before_step = [&](const Disk& files) {
    if (++steps % 41 == 0) cuts.push_back({files, acknowledged});
  };
  const auto batch = [](int i) {
    const Bytes value(static_cast<std::size_t>(i * 7'919 % 20'000), static_cast<std::uint8_t>(i));
    return Batch{.put = {{"a" + std::to_string(i % 40), value}, {"b" + std::to_string(i % 40), value}},
                 .add = {{.key = "count", .delta = 1}}};
  };
  constexpr int batches = 150;
  for (int i = 0; i < batches; ++i) {
    ASSERT_TRUE(applied(*store, batch(i)));
    ++acknowledged;
  }
  store.reset();
  disk.before_step = nullptr;
  ASSERT_GT(cuts.size(), 30u) << steps << " steps";
  unsigned seed = 0;
  for (const Cut& cut : cuts) {
    SCOPED_TRACE("seed " + std::to_string(++seed));
    const TestDirectory after;
    write_out(cut.files, after.path(), seed);
    disk.files.clear();
    auto opened = open_sqlite_meta_store({.directory = after.path(), .vfs = "faulty"});
    ASSERT_TRUE(opened) << opened.error().sentence;
    const auto count = static_cast<int>(count_at(**opened, "count"));
    ASSERT_GE(count, cut.acknowledged);
    ASSERT_LE(count, cut.acknowledged + 1);
    Model expected;
    for (int i = std::max(0, count - 40); i < count; ++i) {
      for (const Write& write : batch(i).put) expected[write.key] = write.value;
    }
    if (count > 0) expected["count"] = counter_value(count);
    ASSERT_TRUE(everything_in(**opened) == expected);
  }
}

TEST_F(SqliteFaults, AFullDiskRefusesTheBatchAndKeepsTheRest) {
  auto store = open();
  ASSERT_TRUE(applied(*store, {.put = {{"kept", {1}}}}));
  const Model before = everything_in(*store);
  const Cursor cursor = store->now().value();
  set(disk.is_full, true);
  EXPECT_EQ(error_of(*store, {.put = {{"kept", {2}}, {"new", Bytes(100'000)}}, .touch = {"t"}}), Code::NoSpaceLeft);
  EXPECT_EQ(everything_in(*store), before);
  EXPECT_TRUE(store->changed(cursor, 0)->keys.empty());
  set(disk.is_full, false);
  EXPECT_TRUE(applied(*store, {.put = {{"later", {3}}}}));
  store = nullptr;
  store = open();
  EXPECT_EQ(everything_in(*store), (Model{{"kept", {1}}, {"later", {3}}}));
}

TEST_F(SqliteFaults, AFailedSyncIsAnIoErrorAndNotApplied) {
  auto store = open();
  ASSERT_TRUE(applied(*store, {.put = {{"kept", {1}}}}));
  set(disk.sync_fails, true);
  EXPECT_EQ(error_of(*store, {.put = {{"kept", {2}}}, .add = {{.key = "n", .delta = 1}}}), Code::IoError);
  EXPECT_EQ(everything_in(*store), (Model{{"kept", {1}}}));
  set(disk.sync_fails, false);
  EXPECT_TRUE(applied(*store, {.add = {{.key = "n", .delta = 1}}}));
  store = nullptr;
  store = open();
  EXPECT_EQ(everything_in(*store), (Model{{"kept", {1}}, {"n", counter_value(1)}}));
}

TEST_F(SqliteFaults, EveryCommitIsSyncedAndConcurrentOnesShareASync) {
  auto store = open();
  const int at_start = disk.syncs;
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(applied(*store, {.add = {{.key = "n", .delta = 1}}}));
  const int one_by_one = disk.syncs - at_start;
  EXPECT_GE(one_by_one, 10);
  // The first sync waits until all the threads are about to commit.
  constexpr int threads = 16, each = 20;
  std::atomic<int> arrived = 0;
  disk.before_step = [&](const Disk&) {
    while (arrived < threads) std::this_thread::yield();
  };
  in_threads(threads, [&](int) {
    ++arrived;
    for (int i = 0; i < each; ++i) EXPECT_TRUE(applied(*store, {.add = {{.key = "n", .delta = 1}}}));
  });
  EXPECT_EQ(count_at(*store, "n"), 10 + threads * each);
  EXPECT_LT(disk.syncs - at_start - one_by_one, threads * each / 2);
  disk.before_step = nullptr;
}

}  // namespace
}  // namespace holdfast::server
