// One connection to SQLite and its statements, with errors as values. Belongs to one thread at a time.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"
#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace holdfast::server {

class SqliteConnection;

class SqliteStatement {
 public:
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  // The bytes must live until the statement is reset.
  SqliteStatement& bind(int at, ByteView bytes);
  SqliteStatement& bind(int at, std::string_view text) { return bind(at, as_bytes(text)); }
  SqliteStatement& bind(int at, std::int64_t number);
  Result<bool> row();                              // whether there is a next row
  [[nodiscard]] ByteView bytes(int column) const;  // until the next row() or reset()
  [[nodiscard]] std::int64_t number(int column) const;
  void reset();
  Status run();  // to its end, and reset

 private:
  friend class SqliteConnection;
  SqliteStatement(SqliteConnection& connection, sqlite3_stmt* statement)
      : connection_(&connection), statement_(statement) {}

  SqliteConnection* connection_;
  sqlite3_stmt* statement_;
};

class SqliteConnection {
 public:
  // `vfs` empty: the system's. Makes the file if there is none.
  static Result<std::unique_ptr<SqliteConnection>> open(const std::string& path, const std::string& vfs);
  SqliteConnection(const SqliteConnection&) = delete;
  SqliteConnection& operator=(const SqliteConnection&) = delete;
  ~SqliteConnection();

  Status run(const std::string& sql);
  Result<SqliteStatement> prepare(const std::string& sql);
  Result<std::int64_t> number(const std::string& sql);  // of the first row's first column
  void roll_back();                                     // nothing when no transaction is open

  [[nodiscard]] int wal_pages() const { return wal_pages_; }  // as the last commit of this connection left it
  enum class Checkpoint { passive, restart };                 // restart waits for readers
  void checkpoint(Checkpoint how);  // best effort: what it does not move stays in the log, durable

  // NoSpaceLeft, IoError, ReadOnly, PermissionDenied, Busy, or Malformed for a file that is no database.
  std::unexpected<Error> failed(int result) const;

 private:
  SqliteConnection(sqlite3* database, std::string path) : database_(database), path_(std::move(path)) {}

  sqlite3* database_;
  std::string path_;
  int wal_pages_ = 0;
};

}  // namespace holdfast::server
