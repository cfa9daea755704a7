// SQLite's way to the disk: a sqlite3_vfs over the door Files, with time and randomness from the doors too (DECISIONS
// D3). Internal to local_state.cpp.
#pragma once

#include <sqlite3.h>

#include <memory>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/files.h"
#include "base/random.h"

namespace holdfast::session {

// Registered as long as it lives. One connection, in locking_mode=EXCLUSIVE: the home's lock keeps others out, so that
// file locks and shared memory are not needed.
class SqliteFiles {
 public:
  SqliteFiles(Files& files, Clock& clock, Random& random);
  ~SqliteFiles();
  SqliteFiles(const SqliteFiles&) = delete;
  SqliteFiles& operator=(const SqliteFiles&) = delete;

  [[nodiscard]] const char* name() const { return name_.c_str(); }
  // What the door said when SQLite last failed; empty when it was not the door.
  [[nodiscard]] std::optional<Error> take_error() { return std::exchange(last_error_, std::nullopt); }

  Files& files;
  Clock& clock;
  Random& random;
  int fail_with(const Error& error, int sqlite_code);

 private:
  std::string name_;
  sqlite3_vfs vfs_{};
  std::optional<Error> last_error_;
};

}  // namespace holdfast::session
