#include "server/directory_object_store.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "server/object_store_conformance.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

using namespace conformance;
namespace fs = std::filesystem;

std::unique_ptr<ObjectStore> open_store(const std::string& directory) {
  auto store = open_directory_object_store({.directory = directory});
  EXPECT_TRUE(store) << store.error().sentence;
  return store ? std::move(*store) : nullptr;
}

struct DirectoryEngine {
  TestDirectory directory_;
  std::unique_ptr<ObjectStore> store_ = open_store(directory_.path());
  ObjectStore& store() { return *store_; }
  void reopen() {
    store_.reset();
    store_ = open_store(directory_.path());
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Directory, ObjectStoreConformance, DirectoryEngine);

std::vector<fs::path> files_below(const fs::path& directory) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && entry.path().filename() != "objects.lock") files.push_back(entry.path());
  }
  return files;
}

TEST(DirectoryObjectStore, AnObjectIsOneFileNamedByItsIds) {
  const TestDirectory directory;
  ASSERT_TRUE(put(*open_store(directory.path()), name_of(0xab, 0xcd), some_bytes(3, 1)));
  std::string group, object;
  for (int i = 0; i < 32; ++i) group += "ab";
  for (int i = 0; i < 16; ++i) object += "cd";
  EXPECT_EQ(files_below(directory.path()),
            std::vector<fs::path>{directory / ("objects/ab/" + group + "/cd/" + object)});
}

TEST(DirectoryObjectStore, ASecondOpenIsRefusedAndNamesTheDirectory) {
  const TestDirectory directory;
  auto first = open_store(directory.path());
  const auto second = open_directory_object_store({.directory = directory.path()});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Busy);
  EXPECT_EQ(second.error().object, directory.path());
  first.reset();
  EXPECT_TRUE(open_store(directory.path()));
}

TEST(DirectoryObjectStore, WhatACrashLeftBehindIsRemovedAtOpen) {
  const TestDirectory directory;
  ASSERT_TRUE(put(*open_store(directory.path()), name_of(1, 1), some_bytes(3, 1)));
  std::ofstream(directory / "incoming/17") << "half an object";
  auto store = open_store(directory.path());
  EXPECT_EQ(files_below(directory.path()).size(), 1u);
  EXPECT_EQ(objects_in(*store).size(), 1u);
}

TEST(DirectoryObjectStore, ARefusedPutLeavesNoFile) {
  const TestDirectory directory;
  auto store = open_store(directory.path());
  const Bytes bytes = some_bytes(100'000, 1);
  const ByteView part = bytes;
  EXPECT_EQ(code_of(store->put(name_of(1, 1), bytes.size(), Hash{}, {&part, 1})), Code::Tampered);
  EXPECT_TRUE(files_below(directory.path()).empty());
}

TEST(DirectoryObjectStore, RemovedObjectsLeaveNoFolders) {
  const TestDirectory directory;
  auto store = open_store(directory.path());
  ASSERT_TRUE(put(*store, name_of(1, 1), some_bytes(3, 1)));
  ASSERT_TRUE(put(*store, name_of(1, 2), some_bytes(3, 1)));
  ASSERT_TRUE(store->remove(name_of(1, 1)));
  EXPECT_EQ(objects_in(*store).size(), 1u);
  ASSERT_TRUE(store->remove(name_of(1, 2)));
  EXPECT_TRUE(fs::is_empty(directory / "objects/01"));
}

TEST(DirectoryObjectStore, AShortenedFileIsTampered) {
  const TestDirectory directory;
  auto store = open_store(directory.path());
  ASSERT_TRUE(put(*store, name_of(1, 1), some_bytes(1000, 1)));
  fs::resize_file(files_below(directory.path()).front(), 999);
  EXPECT_EQ(code_of(store->get(name_of(1, 1), {0, 1000})), Code::Tampered);
  EXPECT_EQ(code_of(store->get(name_of(1, 1), {999, 1})), Code::Tampered);
  EXPECT_TRUE(store->get(name_of(1, 1), {0, 999}));
  EXPECT_EQ(store->size_of(name_of(1, 1)), 999u);
}

TEST(DirectoryObjectStore, ForeignFilesAreNoObjects) {
  const TestDirectory directory;
  auto store = open_store(directory.path());
  ASSERT_TRUE(put(*store, name_of(1, 1), some_bytes(3, 1)));
  const fs::path folder = files_below(directory.path()).front().parent_path();
  std::ofstream(folder / "README") << "x";
  std::ofstream(folder / std::string(32, 'A')) << "x";
  std::ofstream(folder / std::string(32, '2')) << "wrong folder";
  std::ofstream(directory / "objects/zz") << "x";
  std::ofstream(directory / "objects/02") << "a file where a folder belongs";
  fs::create_directory(folder / ("01" + std::string(30, '3')));
  EXPECT_EQ(objects_in(*store).size(), 1u);
}

TEST(DirectoryObjectStore, PutsStopBeforeTheDiskIsFull) {
  const TestDirectory directory;
  const std::uint64_t free = fs::space(directory.path()).available;
  const auto put_with_reserve = [&](std::uint64_t reserve) {
    auto store = open_directory_object_store({.directory = directory.path(), .reserve_bytes = reserve}).value();
    return code_of(put(*store, name_of(1, 1), some_bytes(1000, 1)));
  };
  EXPECT_EQ(put_with_reserve(free + (1ULL << 40)), Code::NoSpaceLeft);
  EXPECT_TRUE(files_below(directory.path()).empty());
  EXPECT_EQ(put_with_reserve(free / 2), std::nullopt);
}

TEST(DirectoryObjectStore, TheReserveIsATwentiethOfASmallDisk) {
  EXPECT_EQ(default_reserve_bytes(0), 0u);
  EXPECT_EQ(default_reserve_bytes(12ULL << 20), (12ULL << 20) / 20);
  EXPECT_EQ(default_reserve_bytes(1280ULL << 20), 64ULL << 20);
  EXPECT_EQ(default_reserve_bytes(1ULL << 40), 64ULL << 20);
  const TestDirectory directory;
  const DiskSpace space = disk_space({.directory = directory.path(), .reserve_bytes = {}}).value();
  EXPECT_EQ(space.reserve_bytes, default_reserve_bytes(fs::space(directory.path()).capacity));
  EXPECT_EQ(disk_space({.directory = directory.path(), .reserve_bytes = 7}).value().reserve_bytes, 7u);
}

// Promise: kill -9 at any moment loses no acknowledged object and shows no half of one. Method: a real process puts in
// four threads and is killed after so many acknowledgements, again and again over the same directory.
TEST(DirectoryObjectStore, AKilledServerLosesNoAcknowledgedObject) {
  const TestDirectory directory;
  const auto name_at = [](int thread, int number) {
    ObjectName name = name_of(static_cast<std::uint8_t>(thread), static_cast<std::uint8_t>(number));
    std::memcpy(name.object.bytes.data() + 8, &number, sizeof number);
    return name;
  };
  const auto bytes_at = [](int number) {
    return some_bytes(static_cast<std::size_t>(number % 7) * 9'000, static_cast<std::uint32_t>(number));
  };
  Objects acknowledged;
  for (int round = 0; round < 4; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      auto store = open_directory_object_store({.directory = directory.path()});
      if (!store) ::_exit(1);
      std::vector<std::thread> threads;
      for (int thread = 0; thread < 4; ++thread) {
        threads.emplace_back([&, thread] {
          for (int number = round * 100'000;; ++number) {
            if (!put(**store, name_at(thread, number), bytes_at(number))) ::_exit(2);
            const int told[2] = {thread, number};
            if (::write(ends[1], told, sizeof told) != sizeof told) ::_exit(3);
          }
        });
      }
      for (std::thread& thread : threads) thread.join();
    }
    ::close(ends[1]);
    int told[2], left = 20 + 30 * round;
    while (::read(ends[0], told, sizeof told) == sizeof told) {
      acknowledged.emplace(name_at(told[0], told[1]), bytes_at(told[1]));
      if (--left == 0) ::kill(child, SIGKILL);
    }
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << WEXITSTATUS(status);
    ASSERT_LE(left, 0);

    auto store = open_store(directory.path());
    const Objects all = objects_in(*store);
    for (const auto& [name, bytes] : acknowledged) {
      ASSERT_TRUE(all.contains(name));
      ASSERT_EQ(all.at(name), bytes);
    }
    for (const auto& [name, bytes] : all) {
      int number = 0;
      std::memcpy(&number, name.object.bytes.data() + 8, sizeof number);
      ASSERT_EQ(bytes, bytes_at(number)) << "half an object";
    }
    EXPECT_TRUE(fs::is_empty(directory / "incoming"));
  }
}

}  // namespace
}  // namespace holdfast::server
