#include "session/local_state.h"

#include "base/codec.h"
#include "session/sqlite_files.h"

namespace holdfast::session {

namespace {

class SqliteState final : public LocalState {
 public:
  SqliteState(Files& files, Clock& clock, Random& random, Path path)
      : files_(files, clock, random), path_(std::move(path)) {}

  ~SqliteState() override {
    for (sqlite3_stmt* statement : {get_, put_, erase_, scan_}) sqlite3_finalize(statement);
    sqlite3_close(db_);
  }

  Status open() {
    constexpr int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX;
    if (sqlite3_open_v2(path_.c_str(), &db_, flags, files_.name()) != SQLITE_OK) return problem("can't be opened");
    HF_OK(
        run("PRAGMA locking_mode=EXCLUSIVE; PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
            "PRAGMA secure_delete=ON; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
    HF_TRY(const int version, user_version());
    if (version > state_format)
      return fail(Code::Unsupported, "this device's state was written by a newer version of the program",
                  printable(path_));
    if (version == 0)
      HF_OK(run(
          ("BEGIN; " + std::string(state_table) + "; PRAGMA user_version=" + std::to_string(state_format) + "; COMMIT;")
              .c_str()));
    HF_OK(prepare("SELECT value FROM state WHERE key=?1", get_));
    HF_OK(prepare("INSERT OR REPLACE INTO state VALUES(?1,?2)", put_));
    HF_OK(prepare("DELETE FROM state WHERE key=?1", erase_));
    return prepare("SELECT key, value FROM state WHERE key>=?1 ORDER BY key", scan_);
  }

  Result<std::optional<Bytes>> get(std::string_view key) override {
    const Use use(get_);
    bind(get_, 1, as_bytes(key));
    const int step = sqlite3_step(get_);
    if (step == SQLITE_DONE) return std::nullopt;
    if (step != SQLITE_ROW) return problem("can't be read");
    return to_bytes(column(get_, 0));
  }

  Status scan(std::string_view prefix, const std::function<void(std::string_view, ByteView)>& visit) override {
    const Use use(scan_);
    bind(scan_, 1, as_bytes(prefix));
    for (;;) {
      const int step = sqlite3_step(scan_);
      if (step == SQLITE_DONE) return {};
      if (step != SQLITE_ROW) return problem("can't be read");
      const std::string_view key = as_text(column(scan_, 0));
      if (!key.starts_with(prefix)) return {};
      visit(key, column(scan_, 1));
    }
  }

  Status apply(const Change& change) override {
    HF_OK(run("BEGIN IMMEDIATE"));
    const Status changed = write(change);
    if (!changed) {
      const Error& cause = changed.error();
      (void)run("ROLLBACK");
      return pass_on(cause);
    }
    if (const Status committed = run("COMMIT"); !committed) {
      const Error& cause = committed.error();
      if (sqlite3_get_autocommit(db_) == 0) (void)run("ROLLBACK");
      return pass_on(cause);
    }
    return {};
  }

  Result<bool> apply_if(std::string_view key, const std::optional<Bytes>& held, const Change& change) override {
    HF_TRY(const auto now, get(key));
    if (now != held) return false;
    HF_OK(apply(change));
    return true;
  }

  Result<std::uint64_t> next_number(std::string_view key) override {
    HF_TRY(const auto held, get(key));
    std::uint64_t number = 0;
    if (held) {
      HF_TRY(number, decode<std::uint64_t>(*held, "a number of this device's state"));
    }
    ++number;
    HF_OK(apply({{{std::string(key), encode(number)}}, {}}));
    return number;
  }

 private:
  struct Use {  // of a prepared statement, ready for the next one afterwards
    explicit Use(sqlite3_stmt* statement) : used(statement) {}
    ~Use() {
      sqlite3_reset(used);
      sqlite3_clear_bindings(used);
    }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
    sqlite3_stmt* used;
  };

  static void bind(sqlite3_stmt* statement, int place, ByteView bytes) {
    static constexpr char empty[] = "";
    const void* at = bytes.empty() ? static_cast<const void*>(empty) : bytes.data();
    sqlite3_bind_blob64(statement, place, at, bytes.size(), SQLITE_STATIC);
  }

  static ByteView column(sqlite3_stmt* statement, int place) {
    const auto* at = static_cast<const std::uint8_t*>(sqlite3_column_blob(statement, place));
    return {at, static_cast<std::size_t>(sqlite3_column_bytes(statement, place))};
  }

  Status write(const Change& change) {
    for (const auto& [key, value] : change.put) {
      const Use use(put_);
      bind(put_, 1, as_bytes(key));
      bind(put_, 2, value);
      if (sqlite3_step(put_) != SQLITE_DONE) return problem("can't be written");
    }
    for (const std::string& key : change.erase) {
      const Use use(erase_);
      bind(erase_, 1, as_bytes(key));
      if (sqlite3_step(erase_) != SQLITE_DONE) return problem("can't be written");
    }
    return {};
  }

  Status run(const char* sql) {
    return sqlite3_exec(db_, sql, nullptr, nullptr, nullptr) == SQLITE_OK ? Status() : problem("can't be written");
  }

  Status prepare(const char* sql, sqlite3_stmt*& statement) {
    return sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) == SQLITE_OK
               ? Status()
               : problem("can't be used");
  }

  Result<int> user_version() {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(db_, "PRAGMA user_version", -1, &statement, nullptr) != SQLITE_OK)
      return problem("can't be read");
    const int step = sqlite3_step(statement);
    const int version = step == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    if (step != SQLITE_ROW) return problem("can't be read");
    return version;
  }

  // The door's own error when it was one; what SQLite found else.
  std::unexpected<Error> problem(std::string_view what) {
    if (auto door = files_.take_error()) return pass_on(*std::move(door));
    const int code = db_ == nullptr ? SQLITE_NOMEM : sqlite3_errcode(db_);
    const bool damaged = code == SQLITE_CORRUPT || code == SQLITE_NOTADB;
    return fail(damaged ? Code::Tampered : Code::IoError, damaged ? About::local_state : About::unsaid,
                damaged ? "this device's state is damaged"
                        : "this device's state " + std::string(what) + " (" + sqlite3_errstr(code) + ")",
                printable(path_));
  }

  SqliteFiles files_;
  Path path_;
  sqlite3* db_ = nullptr;
  sqlite3_stmt *get_ = nullptr, *put_ = nullptr, *erase_ = nullptr, *scan_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<LocalState>> open_local_state(Files& files, Clock& clock, Random& random, const Path& path) {
  auto state = std::make_unique<SqliteState>(files, clock, random, path);
  HF_OK(state->open());
  return state;
}

}  // namespace holdfast::session
