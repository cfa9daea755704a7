// The default MetaStore: one SQLite file in a directory of its own (WAL, synchronous=FULL). One thread writes and joins
// the batches that wait into one transaction, so one fsync; readers have connections of their own and never wait for
// it.
#pragma once

#include <memory>
#include <string>

#include "server/meta_store.h"

namespace holdfast::server {

struct SqliteOptions {
  std::string directory;                    // made if it is missing; holds meta.db, its log, and meta.lock
  std::uint64_t log_size_moved = 16 << 20;  // the log is moved into the file when it is larger; bytes
  unsigned readers = 4;                     // connections at most; at least 1
  std::string vfs = {};  // SQLite's name of the file layer, for tests that lose or refuse writes; empty: the system's
};

// Busy: the directory is open elsewhere, in this process or another. Unsupported: a newer format, or a file system that
// can't keep a write-ahead log. Malformed: not our database.
// All calls must have returned before the store is destroyed; that moves the log into the file and unlocks.
Result<std::unique_ptr<MetaStore>> open_sqlite_meta_store(const SqliteOptions& options);

}  // namespace holdfast::server
