#include "server/sqlite_meta_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <iostream>

#include "server/meta_store_conformance.h"
#include "server/sqlite_connection.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

using namespace conformance;

std::unique_ptr<MetaStore> open_store(const std::string& directory) {
  auto store = open_sqlite_meta_store({.directory = directory});
  EXPECT_TRUE(store) << store.error().sentence;
  return store ? std::move(*store) : nullptr;
}

struct SqliteEngine {
  TestDirectory directory_;
  std::unique_ptr<MetaStore> store_ = open_store(directory_.path());
  MetaStore& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = open_store(directory_.path());
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sqlite, MetaStoreConformance, SqliteEngine);

TEST(SqliteMetaStore, ASecondOpenIsRefusedAndNamesTheDirectory) {
  const TestDirectory directory;
  auto first = open_store(directory / "a/b");
  const auto second = open_sqlite_meta_store({.directory = directory / "a/b"});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Busy);
  EXPECT_EQ(second.error().object, directory / "a/b");
  ASSERT_TRUE(applied(*first, {.put = {{"a", {1}}}}));
  first.reset();
  EXPECT_EQ(value_at(*open_store(directory / "a/b"), "a"), Bytes{1});
}

TEST(SqliteMetaStore, ANewerFormatIsUnsupportedAndStaysAsItWas) {
  const TestDirectory directory;
  ASSERT_TRUE(applied(*open_store(directory.path()), {.put = {{"a", {1}}}}));
  const auto set_version = [&](const char* version) {
    auto database = SqliteConnection::open(directory / "meta.db", {}).value();
    EXPECT_TRUE(database->run(std::string("UPDATE format SET version=") + version));
  };
  set_version("2");
  EXPECT_EQ(open_sqlite_meta_store({.directory = directory.path()}).error().code, Code::Unsupported);
  set_version("1");
  EXPECT_EQ(value_at(*open_store(directory.path()), "a"), Bytes{1});
}

TEST(SqliteMetaStore, AForeignFileIsMalformedAndStaysAsItWas) {
  const TestDirectory directory;
  const auto code = [&] { return open_sqlite_meta_store({.directory = directory.path()}).error().code; };
  const std::string text(9000, 'x');
  std::ofstream(directory / "meta.db") << text;
  EXPECT_EQ(code(), Code::Malformed);
  std::stringstream now;
  now << std::ifstream(directory / "meta.db").rdbuf();
  EXPECT_EQ(now.str(), text);

  std::filesystem::remove(directory / "meta.db");
  EXPECT_TRUE(SqliteConnection::open(directory / "meta.db", {}).value()->run("CREATE TABLE other(x)"));
  EXPECT_EQ(code(), Code::Malformed);
  EXPECT_EQ(
      SqliteConnection::open(directory / "meta.db", {}).value()->number("SELECT count(*) FROM sqlite_master").value(),
      1);
}

TEST(SqliteMetaStore, ACleanCloseLeavesOneFile) {
  const TestDirectory directory;
  ASSERT_TRUE(applied(*open_store(directory.path()), {.put = {{"a", {1}}}}));
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory.path())) names.insert(entry.path().filename());
  EXPECT_EQ(names, (std::set<std::string>{"meta.db", "meta.lock"}));
}

TEST(SqliteMetaStore, TheLogDoesNotGrowForEver) {
  const TestDirectory directory;
  auto store = open_sqlite_meta_store({.directory = directory.path(), .log_size_moved = 256 << 10}).value();
  for (int i = 0; i < 100; ++i)
    ASSERT_TRUE(applied(*store, {.put = {{"k", Bytes(100'000, static_cast<std::uint8_t>(i))}}}));
  EXPECT_LT(std::filesystem::file_size(directory / "meta.db-wal"), 1u << 20);
}

// What a batch of the killed process looks like: both rows and the counter, or none.
Batch numbered(int thread, int number) {
  const std::string id = std::to_string(thread) + "/" + std::to_string(number);
  const Bytes value(static_cast<std::size_t>(number % 50) * 400, static_cast<std::uint8_t>(number));
  return {.put = {{"a/" + id, value}, {"b/" + id, value}},
          .add = {{.key = "count/" + std::to_string(thread), .delta = 1}}};
}

// Commits until killed; tells each acknowledged batch through the pipe.
[[noreturn]] void commit_for_ever(const std::string& directory, int pipe, int first, int threads) {
  auto store = open_sqlite_meta_store({.directory = directory});
  if (!store) ::_exit(1);
  in_threads(threads, [&](int thread) {
    for (int number = first;; ++number) {
      const auto outcome = (*store)->commit(numbered(thread, number));
      if (!outcome || !outcome->applied()) ::_exit(2);
      const int told[2] = {thread, number};
      if (::write(pipe, told, sizeof told) != sizeof told) ::_exit(3);
    }
  });
  ::_exit(4);
}

// Promise: kill -9 at any moment loses no acknowledged batch and leaves no half of one. Method: a real process commits
// in four threads and is killed after so many acknowledgements, again and again over the same directory.
TEST(SqliteMetaStore, AKilledServerLosesNoAcknowledgedBatch) {
  const TestDirectory directory;
  constexpr int threads = 4;
  std::vector<std::set<int>> acknowledged(threads);
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) commit_for_ever(directory.path(), ends[1], round * 1'000'000, threads);
    ::close(ends[1]);
    int told[2], left = 25 + 40 * round;
    while (::read(ends[0], told, sizeof told) == sizeof told) {
      acknowledged[static_cast<std::size_t>(told[0])].insert(told[1]);
      if (--left == 0) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    ASSERT_LE(left, 0);

    auto store = open_store(directory.path());
    ASSERT_TRUE(store);
    const Model all = everything_in(*store);
    for (int thread = 0; thread < threads; ++thread) {
      for (const int number : acknowledged[static_cast<std::size_t>(thread)]) {
        for (const Write& write : numbered(thread, number).put) {
          ASSERT_TRUE(all.contains(write.key)) << write.key;
          ASSERT_EQ(all.at(write.key), write.value);
        }
      }
      const std::string here = std::to_string(thread) + "/";
      const auto rows = [&](const std::string& prefix) {
        return std::distance(all.lower_bound(prefix), all.lower_bound(end_of_prefix(prefix)));
      };
      const std::int64_t count = count_at(*store, "count/" + std::to_string(thread));
      EXPECT_EQ(rows("a/" + here), count);
      EXPECT_EQ(rows("b/" + here), count);
    }
  }
}

}  // namespace
}  // namespace holdfast::server
