#include "server/sqlite_connection.h"

#include <sqlite3.h>

#include <utility>

#include "server/posix.h"

namespace holdfast::server {

namespace {

constexpr int busy_ms = 10'000;

Code code_of(int result, int system_errno) {
  switch (result & 0xff) {
    case SQLITE_FULL:
      return Code::NoSpaceLeft;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN: {
      const Code code = code_of_errno(system_errno);
      return code == Code::NoSpaceLeft || code == Code::PermissionDenied || code == Code::ReadOnly ? code
                                                                                                   : Code::IoError;
    }
    case SQLITE_READONLY:
      return Code::ReadOnly;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return Code::PermissionDenied;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Code::Busy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Code::Malformed;
    default:
      return Code::Internal;
  }
}

}  // namespace

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : connection_(other.connection_), statement_(std::exchange(other.statement_, nullptr)) {}

SqliteStatement::~SqliteStatement() { sqlite3_finalize(statement_); }

SqliteStatement& SqliteStatement::bind(int at, ByteView bytes) {
  // A null pointer would bind NULL.
  sqlite3_bind_blob64(statement_, at, bytes.empty() ? static_cast<const void*>("") : bytes.data(), bytes.size(),
                      SQLITE_STATIC);
  return *this;
}

SqliteStatement& SqliteStatement::bind(int at, std::int64_t number) {
  sqlite3_bind_int64(statement_, at, number);
  return *this;
}

Result<bool> SqliteStatement::row() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result == SQLITE_DONE) return false;
  return connection_->failed(result);
}

ByteView SqliteStatement::bytes(int column) const {
  const auto* data = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement_, column));
  return {data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::int64_t SqliteStatement::number(int column) const { return sqlite3_column_int64(statement_, column); }

void SqliteStatement::reset() { sqlite3_reset(statement_); }

Status SqliteStatement::run() {
  Result<bool> more = row();
  while (more && *more) more = row();
  reset();
  if (!more) return pass_on(std::move(more).error());
  return {};
}

Result<std::unique_ptr<SqliteConnection>> SqliteConnection::open(const std::string& path, const std::string& vfs) {
  sqlite3* database = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  const int result = sqlite3_open_v2(path.c_str(), &database, flags, vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<SqliteConnection> connection(new SqliteConnection(database, path));
  if (result != SQLITE_OK) return connection->failed(result);
  sqlite3_busy_timeout(database, busy_ms);
  const auto note_pages = [](void* self, sqlite3*, const char*, int pages) {
    static_cast<SqliteConnection*>(self)->wal_pages_ = pages;
    return SQLITE_OK;
  };
  sqlite3_wal_hook(database, note_pages, connection.get());  // takes the place of SQLite's own checkpoints
  HF_OK(connection->run("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
  return connection;
}

SqliteConnection::~SqliteConnection() { sqlite3_close_v2(database_); }

Status SqliteConnection::run(const std::string& sql) {
  const int result = sqlite3_exec(database_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) return failed(result);
  return {};
}

Result<SqliteStatement> SqliteConnection::prepare(const std::string& sql) {
  sqlite3_stmt* statement = nullptr;
  const int result = sqlite3_prepare_v3(database_, sql.c_str(), static_cast<int>(sql.size()) + 1,
                                        SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (result != SQLITE_OK) return failed(result);
  return SqliteStatement(*this, statement);
}

Result<std::int64_t> SqliteConnection::number(const std::string& sql) {
  HF_TRY(SqliteStatement statement, prepare(sql));
  HF_TRY(const bool found, statement.row());
  if (!found) return fail(Code::Malformed, "the metadata database lacks a row that it must have", printable(path_));
  return statement.number(0);
}

void SqliteConnection::roll_back() {
  if (sqlite3_get_autocommit(database_) == 0) sqlite3_exec(database_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void SqliteConnection::checkpoint(Checkpoint how) {
  const int mode = how == Checkpoint::restart ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE;
  sqlite3_wal_checkpoint_v2(database_, nullptr, mode, nullptr, nullptr);
}

std::unexpected<Error> SqliteConnection::failed(int result) const {
  const int system_errno = database_ == nullptr ? 0 : sqlite3_system_errno(database_);
  return fail(code_of(result, system_errno), std::string("the metadata database: ") + sqlite3_errstr(result),
              printable(path_));
}

}  // namespace holdfast::server
