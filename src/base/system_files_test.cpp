#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <string>
#include <thread>

#include "base/system.h"
#include "base/system_fd.h"
#include "base/system_test_directory.h"

namespace holdfast {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class SystemFilesTest : public testing::Test {
 protected:
  void plant(std::string_view name, std::string_view text) {
    ASSERT_TRUE(files->replace_file(directory / name, as_bytes(text)));
  }
  std::map<std::string, FileStat> listed(const Path& path) {
    std::map<std::string, FileStat> out;
    const auto entries = files->list(path).value();
    for (const DirectoryEntry& entry : entries) out.emplace(entry.name, entry.stat.value());
    return out;
  }

  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(2);
};

// A file server's write lease: it is told to let go, and the reader waits for it.
TEST_F(SystemFilesTest, ALeasedFileIsReadWhenItsHolderLetsGo) {
  plant("leased", "12345");
  const auto before = ::signal(SIGIO, SIG_IGN);  // how the kernel tells the holder
  const Fd holder(::open((directory / "leased").c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::fcntl(holder.get(), F_SETLEASE, F_WRLCK), 0);
  bool told = false;
  std::thread lets_go([&] {
    while (::fcntl(holder.get(), F_GETLEASE) == F_WRLCK) std::this_thread::yield();
    told = true;
    (void)::fcntl(holder.get(), F_SETLEASE, F_UNLCK);
  });
  const auto answers = files->read_batch(std::vector<ReadRequest>{{TreePlace(directory / "leased"), 5}});
  lets_go.join();
  (void)::signal(SIGIO, before);
  EXPECT_TRUE(told);
  ASSERT_TRUE(answers[0]) << answers[0].error().sentence;
  EXPECT_EQ(as_text(answers[0]->bytes), "12345");
}

TEST_F(SystemFilesTest, AListingTellsEveryKindOfEntryAsItIs) {
  plant("regular", "12345");
  ASSERT_EQ(::chmod((directory / "regular").c_str(), 04751), 0);
  ASSERT_EQ(::link((directory / "regular").c_str(), (directory / "second name").c_str()), 0);
  ASSERT_EQ(::mkdir((directory / "folder").c_str(), 01755), 0);
  ASSERT_EQ(::symlink("nowhere", (directory / "link").c_str()), 0);
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0640), 0);
  const std::string odd = "\xff\xfe\n\x01 \xc3";
  plant(odd, "");
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  (directory / "socket").copy(address.sun_path, sizeof address.sun_path - 1);
  const Fd socket(::socket(AF_UNIX, SOCK_STREAM, 0));
  ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);

  const auto entries = listed(directory.path());
  ASSERT_THAT(entries, SizeIs(7));
  EXPECT_EQ(entries.at("regular").type, FileType::regular);
  EXPECT_EQ(entries.at("regular").mode, 04751u);
  EXPECT_EQ(entries.at("regular").size, 5u);
  EXPECT_EQ(entries.at("regular").links, 2u);
  EXPECT_EQ(entries.at("second name"), entries.at("regular"));
  EXPECT_EQ(entries.at("folder").type, FileType::directory);
  EXPECT_EQ(entries.at("link").type, FileType::symlink);
  EXPECT_EQ(entries.at("fifo").type, FileType::fifo);
  EXPECT_EQ(entries.at("socket").type, FileType::socket);
  EXPECT_EQ(entries.at(odd).size, 0u);
  for (const auto& [name, stat] : entries) EXPECT_EQ(files->stat(directory / name), stat);
  EXPECT_EQ(files->details(directory / "link")->target, "nowhere");

  if (::geteuid() == 0) {
    ASSERT_EQ(::mknod((directory / "device").c_str(), S_IFCHR | 0600, makedev(1, 3)), 0);
    const FileStat device = files->stat(directory / "device").value();
    EXPECT_EQ(device.type, FileType::character_device);
    EXPECT_EQ(std::pair(device.device_major, device.device_minor), std::pair(1u, 3u));
  }
}

TEST_F(SystemFilesTest, TimesAreExactToTheNanosecondAlsoBefore1970) {
  plant("file", "x");
  for (const std::int64_t time : {std::int64_t{1'700'000'000'123'456'789}, std::int64_t{-1}, std::int64_t{0}}) {
    const std::int64_t seconds = time < 0 ? -1 : time / second_ns;
    const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT},
                               {.tv_sec = seconds, .tv_nsec = time - seconds * second_ns}};
    ASSERT_EQ(::utimensat(AT_FDCWD, (directory / "file").c_str(), times, 0), 0);
    EXPECT_EQ(files->stat(directory / "file")->mtime_ns, time);
  }
}

TEST_F(SystemFilesTest, ABatchOfListingsAnswersInOrderAndFailsOneByOne) {
  std::vector<TreePlace> asked;
  for (int i = 0; i < 100; ++i) {
    const Path folder = directory / ("d" + std::to_string(i));
    asked.push_back(folder);
    if (i % 10 == 3) continue;
    ASSERT_TRUE(files->make_directories(folder));
    for (int k = 0; k < i; ++k) ASSERT_TRUE(files->open(join_path(folder, std::to_string(k)), OpenMode::create_new));
  }
  const auto answers = files->list_batch(asked);
  ASSERT_THAT(answers, SizeIs(100));
  for (std::size_t i = 0; i < 100; ++i) {
    if (i % 10 == 3) {
      EXPECT_EQ(answers[i].error().code, Code::NotFound);
    } else {
      EXPECT_THAT(answers[i]->entries, SizeIs(i));
      EXPECT_EQ(answers[i]->self.id(), files->stat(asked[i].name)->id());
    }
  }
}

TEST_F(SystemFilesTest, LinksAreNotFollowedWhereATreeIsRead) {
  ASSERT_TRUE(files->make_directories(directory / "real"));
  plant("real/file", "content");
  ASSERT_EQ(::symlink("real", (directory / "link").c_str()), 0);
  ASSERT_EQ(::symlink("real/file", (directory / "file link").c_str()), 0);
  EXPECT_FALSE(files->list(directory / "link"));
  EXPECT_FALSE(files->open(directory / "file link", OpenMode::read));
  EXPECT_FALSE(files->open(directory / "file link", OpenMode::create_or_truncate));
  const ReadRequest request{TreePlace(directory / "file link"), 7};
  EXPECT_FALSE(files->read_batch({&request, 1})[0]);
  EXPECT_EQ(files->real_path(directory / "link"), directory / "real");
  EXPECT_EQ(as_text(files->read_file(directory / "real/file", 100).value()), "content");
}

TEST_F(SystemFilesTest, ABatchReadsEveryFileAsItWasWritten) {
  EXPECT_TRUE(rc::check([&] {
    const TestDirectory here;
    std::vector<ReadRequest> requests;
    std::vector<Bytes> contents;
    const int count = *rc::gen::inRange(0, 60);
    for (int i = 0; i < count; ++i) {
      Bytes content(*rc::gen::element<std::size_t>(0, 1, 100, 65534, 65535, 65536, 65537, 200'000));
      for (std::size_t k = 0; k < content.size(); k += 97) content[k] = static_cast<std::uint8_t>(k * 31 + i);
      const Path path = here / std::to_string(i);
      auto file = files->open(path, OpenMode::create_new).value();
      RC_ASSERT(file->write_at(0, content).has_value());
      requests.push_back({path, content.size()});
      contents.push_back(std::move(content));
    }
    const auto answers = files->read_batch(requests);
    RC_ASSERT(answers.size() == contents.size());
    for (std::size_t i = 0; i < answers.size(); ++i) {
      RC_ASSERT(answers[i].has_value());
      RC_ASSERT(answers[i]->bytes == contents[i]);
      RC_ASSERT(answers[i]->before == answers[i]->after);
      RC_ASSERT(answers[i]->before == files->stat(requests[i].place.name).value());
    }
  }));
}

TEST_F(SystemFilesTest, WhatIsNoReadableRegularFileFailsAloneAndNeverBlocks) {
  plant("good", "good");
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  plant("grown", std::string(2 << 20, 'x'));
  const std::vector<ReadRequest> requests = {{directory / "missing", 1},
                                             {directory / "fifo", 0},
                                             {directory / "grown", 10},
                                             {directory.path(), 0},
                                             {directory / "good", 4}};
  const auto answers = files->read_batch(requests);
  EXPECT_EQ(answers[0].error().code, Code::NotFound);
  EXPECT_EQ(answers[1].error().code, Code::Changed);
  EXPECT_EQ(answers[2].error().code, Code::Changed);
  EXPECT_EQ(answers[3].error().code, Code::Changed);
  EXPECT_EQ(as_text(answers[4]->bytes), "good");
  EXPECT_EQ(files->open(directory / "fifo", OpenMode::read).error().code, Code::Unsupported);
}

TEST_F(SystemFilesTest, AFileThatGivesOtherBytesThanItsSizeIsNotTakenForWhole) {
  const ReadRequest request{TreePlace("/proc/" + std::to_string(::getpid()) + "/status"), 0};  // says 0
  const auto answer = files->read_batch({&request, 1});
  EXPECT_EQ(answer[0].error().code, Code::Changed);
  EXPECT_THAT(answer[0].error().sentence, testing::HasSubstr("another number of bytes"));
  EXPECT_FALSE(files->read_file("/proc/self/status", 1 << 20)->empty());
}

TEST_F(SystemFilesTest, AFileIsReadWrittenAndCutAtAnyPlace) {
  const auto file = files->open(directory / "f", OpenMode::create_new).value();
  EXPECT_EQ(files->open(directory / "f", OpenMode::create_new).error().code, Code::AlreadyExists);
  EXPECT_TRUE(file->write_at(5, as_bytes("world")));
  EXPECT_TRUE(file->write_at(0, as_bytes("hello")));
  EXPECT_TRUE(file->sync());
  Bytes buffer(20);
  EXPECT_EQ(file->read_at(3, buffer), 7u);
  EXPECT_EQ(as_text(ByteView(buffer).first(7)), "loworld");
  EXPECT_EQ(file->read_at(100, buffer), 0u);
  EXPECT_TRUE(file->truncate(4));
  EXPECT_EQ(file->stat()->size, 4u);
  EXPECT_EQ(file->stat()->mode, 0600u);
  EXPECT_FALSE(file->write_at(~0ull - 2, as_bytes("beyond")));
  EXPECT_EQ(as_text(files->map(directory / "f").value()->bytes()), "hell");
  EXPECT_TRUE(files->open(directory / "f", OpenMode::create_or_open).value()->stat()->size == 4);
  EXPECT_TRUE(files->open(directory / "f", OpenMode::create_or_truncate).value()->stat()->size == 0);
  EXPECT_TRUE(files->map(directory / "f").value()->bytes().empty());
  EXPECT_EQ(files->open(directory / "none", OpenMode::write_existing).error().code, Code::NotFound);
  EXPECT_EQ(files->stat(directory / "none").error().code, Code::NotFound);
}

TEST_F(SystemFilesTest, DataRangesHoldEveryByteThatIsNotZero) {
  const auto file = files->open(directory / "sparse", OpenMode::create_new).value();
  ASSERT_TRUE(file->truncate(64 << 20));
  ASSERT_TRUE(file->write_at(8 << 20, Bytes(100'000, 1)));
  ASSERT_TRUE(file->write_at(40 << 20, Bytes(5, 2)));
  const auto ranges = file->data_ranges().value();
  std::uint64_t at = 0, data = 0;
  const auto holds = [&](std::uint64_t offset, std::uint64_t size) {
    return std::ranges::any_of(
        ranges, [&](const Range& r) { return r.offset <= offset && offset + size <= r.offset + r.size; });
  };
  for (const Range& range : ranges) {
    EXPECT_GE(range.offset, at);
    at = range.offset + range.size;
    data += range.size;
  }
  EXPECT_LE(at, 64u << 20);
  EXPECT_TRUE(holds(8 << 20, 100'000));
  EXPECT_TRUE(holds(40 << 20, 5));
  // A file system without holes gives the whole file as one range.
  EXPECT_TRUE(data < 1u << 20 || file->stat()->allocated >= file->stat()->size);
  const auto empty = files->open(directory / "empty", OpenMode::create_new).value();
  EXPECT_THAT(empty->data_ranges().value(), SizeIs(0));
  ASSERT_TRUE(empty->truncate(1 << 20));
  const auto hole = empty->data_ranges().value();
  for (const Range& range : hole) EXPECT_LE(range.offset + range.size, 1u << 20);
}

TEST_F(SystemFilesTest, AttributesComeSortedAndLinksAreNotFollowed) {
  plant("f", "");
  if (::setxattr((directory / "f").c_str(), "user.b", "\0\xff", 2, 0) == 0) {
    ASSERT_EQ(::setxattr((directory / "f").c_str(), "user.a", "", 0, 0), 0);
    EXPECT_THAT(files->details(directory / "f")->attributes.value(),
                ElementsAre(Attribute{"user.a", {}}, Attribute{"user.b", {0, 0xff}}));
    ASSERT_EQ(::symlink("f", (directory / "l").c_str()), 0);
    EXPECT_THAT(files->details(directory / "l")->attributes.value(), SizeIs(0));
  } else {
    EXPECT_THAT(files->details(directory / "f")->attributes.value(), SizeIs(0));
  }
  EXPECT_EQ(files->details(directory / "none").error().code, Code::NotFound);
}

TEST_F(SystemFilesTest, OnlyOneHoldsALockAndADeadProcessHoldsNone) {
  const Path path = directory / "lock";
  {
    const auto lock = files->lock(path).value();
    EXPECT_TRUE(
        holds_for_another_process(false, [&] { return system_files(1)->lock(path).error().code == Code::Busy; }));
    EXPECT_EQ(files->lock(path).error().code, Code::Busy);
  }
  EXPECT_TRUE(holds_for_another_process(false, [&] {
    auto* held = system_files(1)->lock(path).value().release();  // it ends without giving it back
    return held != nullptr;
  }));
  EXPECT_TRUE(files->lock(path));
}

TEST_F(SystemFilesTest, NamesAreMadeRenamedAndRemoved) {
  EXPECT_TRUE(files->make_directories(directory / "a/b/c"));
  EXPECT_TRUE(files->make_directories(directory / "a/b/c"));
  EXPECT_EQ(files->stat(directory / "a")->mode, 0700u);
  plant("a/one", "one");
  plant("a/two", "two");
  EXPECT_TRUE(files->rename(directory / "a/one", directory / "a/two"));
  EXPECT_EQ(as_text(files->read_file(directory / "a/two", 3).value()), "one");
  EXPECT_EQ(files->read_file(directory / "a/two", 2).error().code, Code::TooLarge);
  EXPECT_EQ(files->remove(directory / "a").error().code, Code::NotEmpty);
  EXPECT_TRUE(files->remove(directory / "a/b/c"));
  EXPECT_TRUE(files->remove(directory / "a/two"));
  EXPECT_EQ(files->remove(directory / "a/two").error().code, Code::NotFound);
  EXPECT_FALSE(files->make_directories(directory / std::string("a/b\0hidden", 10)));
  EXPECT_TRUE(files->sync_directory(directory / "a"));
  EXPECT_GT(files->free_bytes(directory.path()).value(), 0u);
  EXPECT_TRUE(files->is_network_file_system(directory.path()));
  plant("file", "");
  EXPECT_FALSE(files->make_directories(directory / "file/below"));
}

TEST_F(SystemFilesTest, WhatMayNotBeReadIsPermissionDenied) {
  ASSERT_TRUE(files->make_directories(directory / "closed"));
  plant("secret", "secret");
  ASSERT_EQ(::chmod((directory / "closed").c_str(), 0), 0);
  ASSERT_EQ(::chmod((directory / "secret").c_str(), 0), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0555), 0);
  EXPECT_TRUE(holds_for_another_process(true, [&] {
    const auto others = system_files(1);
    const ReadRequest request{directory / "secret", 6};
    return others->list(directory / "closed").error().code == Code::PermissionDenied &&
           others->read_batch({&request, 1})[0].error().code == Code::PermissionDenied &&
           others->open(directory / "new", OpenMode::create_new).error().code == Code::PermissionDenied;
  }));
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((directory / "closed").c_str(), 0700), 0);
}

TEST_F(SystemFilesTest, AFullFileSystemIsNoSpaceLeft) {
  const Fd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::write(full.get(), "x", 1), -1);
  EXPECT_EQ(code_of_errno(errno), Code::NoSpaceLeft);

  const auto file = files->open(directory / "f", OpenMode::create_new).value();
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 5000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const Status status = file->write_at(0, Bytes(10'000));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(status.error().code, Code::NoSpaceLeft);
  EXPECT_EQ(status.error().object, directory / "f");
}

}  // namespace
}  // namespace holdfast
