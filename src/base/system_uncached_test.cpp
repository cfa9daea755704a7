#include "base/system_uncached.h"

#include <gtest/gtest.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <random>

#include "base/system_test_directory.h"

namespace holdfast {
namespace {

Bytes some_bytes(std::size_t size) {
  Bytes out(size);
  std::uint32_t state = 1;
  for (auto& byte : out) byte = static_cast<std::uint8_t>((state = state * 1664525u + 1013904223u) >> 24);
  return out;
}

Fd fresh_file(const std::string& path) { return Fd(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC, 0600)); }

// Neighbouring calls that meet anywhere, as the pieces of a large file do, each of several parts.
void check_any_offsets(int file) {
  const Bytes all = some_bytes(5 << 20);
  const UncachedFile out(file, O_WRONLY), in(file, O_RDONLY);
  std::mt19937_64 dice(4711);
  const auto below = [&](std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(dice); };
  for (int round = 0; round < 10; ++round) {
    ASSERT_EQ(::ftruncate(file, 0), 0);
    for (std::size_t at = 0; at < all.size();) {
      const std::size_t size = std::min(all.size() - at, 1 + below(2 << 20)), first = below(size);
      const ByteView piece = ByteView(all).subspan(at, size);
      const std::vector<ByteView> parts{piece.first(first), {}, piece.subspan(first)};
      ASSERT_EQ(out.write(at, parts), 0);
      at += size;
    }
    const std::size_t from = below(all.size());
    const std::size_t wanted = below(all.size());
    Bytes some = to_bytes(as_bytes("before"));
    ASSERT_EQ(in.read(from, wanted, some), 0);
    ASSERT_TRUE(as_text(some) == "before" + std::string(as_text(all).substr(from, wanted)));
    Bytes whole;
    ASSERT_EQ(in.read(0, all.size() + 1, whole), 0);
    ASSERT_TRUE(whole == all);
  }
}

TEST(UncachedFileTest, WritesAndReadsAtAnyOffsetInAnyParts) {
  const TestDirectory directory;
  const Fd file = fresh_file(directory / "file");
  ASSERT_TRUE(file);
  check_any_offsets(file.get());
}

TEST(UncachedFileTest, WritesAndReadsWhereThereIsOnlyTheCache) {
  const Fd file(::memfd_create("only in memory", MFD_CLOEXEC));
  ASSERT_TRUE(file);
  check_any_offsets(file.get());
}

TEST(UncachedFileTest, LargeBytesStayOutOfTheCacheAndSmallOnesDoNot) {
  const TestDirectory directory;
  const std::string path = directory / "file";
  const Fd file = fresh_file(path);
  struct statfs system{};
  ASSERT_EQ(::fstatfs(file.get(), &system), 0);
  const bool known_to_pass = system.f_type == EXT4_SUPER_MAGIC || system.f_type == XFS_SUPER_MAGIC;
  constexpr std::size_t size = 4 << 20, page = 4096;
  const auto pages_in_cache = [&] {
    void* mapped = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.get(), 0);
    std::vector<unsigned char> in_cache(size / page);
    EXPECT_EQ(::mincore(mapped, size, in_cache.data()), 0);
    ::munmap(mapped, size);
    return std::ranges::count_if(in_cache, [](unsigned char state) { return (state & 1) != 0; });
  };
  const Bytes all = some_bytes(size);
  const std::vector<ByteView> parts{all};
  ASSERT_EQ(UncachedFile(file.get(), O_WRONLY).write(0, parts), 0);
  Bytes back;
  ASSERT_EQ(UncachedFile(file.get(), O_RDONLY).read(0, size, back), 0);
  EXPECT_EQ(back, all);
  if (known_to_pass) {
    EXPECT_EQ(pages_in_cache(), 0);
  }
  ASSERT_EQ(UncachedFile(file.get(), O_WRONLY, 1).write(0, parts), 0);
  EXPECT_GT(pages_in_cache(), 1000);
}

TEST(UncachedFileTest, AFailureIsTold) {
  const TestDirectory directory;
  const Fd file = fresh_file(directory / "file");
  const Fd only_read(::open((directory / "file").c_str(), O_RDONLY));
  const Bytes all = some_bytes(1 << 20);
  const std::vector<ByteView> parts{all};
  EXPECT_EQ(UncachedFile(only_read.get(), O_RDONLY).write(0, parts), EBADF);
  Bytes into;
  EXPECT_EQ(UncachedFile(-1, O_RDONLY).read(0, 1 << 20, into), EBADF);
}

}  // namespace
}  // namespace holdfast
