// What a device remembers: an ordered map with atomic, durable batches in one SQLite file (DECISIONS D3, F12).
//
// SQLite reaches the disk through a VFS over Files, with WAL, synchronous=FULL, locking_mode=EXCLUSIVE, secure_delete.
// Values that are secret are sealed before they come here. One thread at a time; agent/shared.h lets several verbs
// share it (D4).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/doors.h"

namespace holdfast::session {

inline constexpr int state_format = 1;  // user_version of the file
inline constexpr const char* state_table =
    "CREATE TABLE state(key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID";

struct Change {
  std::vector<std::pair<std::string, Bytes>> put;
  std::vector<std::string> erase;
};

class LocalState {
 public:
  virtual ~LocalState() = default;
  virtual Result<std::optional<Bytes>> get(std::string_view key) = 0;
  // In key order, keys that begin with prefix; visit must not call back into this.
  virtual Status scan(std::string_view prefix,
                      const std::function<void(std::string_view key, ByteView value)>& visit) = 0;
  virtual Status apply(const Change& change) = 0;  // all of it, durable, or nothing
  // Only while `key` has the value `held` (nullopt: none). False: it has another, and nothing was written.
  virtual Result<bool> apply_if(std::string_view key, const std::optional<Bytes>& held, const Change& change) = 0;
  // One more than it gave before (1 at first), durable before it is given: the value of `key` is a uint64.
  virtual Result<std::uint64_t> next_number(std::string_view key) = 0;
};

// REQUIRES: the caller holds the home's lock. Unsupported: written by a newer version. Tampered: damaged.
Result<std::unique_ptr<LocalState>> open_local_state(Files& files, Clock& clock, Random& random, const Path& path);

}  // namespace holdfast::session
