#include "base/system_uncached.h"

#include <unistd.h>

#include <cerrno>
#include <memory>
#include <new>

namespace holdfast {

namespace {

constexpr std::size_t alignment = 4096;  // of offsets, sizes and memory; no disk asks for more
constexpr std::size_t staging_size = 1 << 20;

struct Free {
  void operator()(std::uint8_t* memory) const { ::operator delete[](memory, std::align_val_t(alignment)); }
};

std::span<std::uint8_t> staging() {
  thread_local const std::unique_ptr<std::uint8_t[], Free> memory(
      static_cast<std::uint8_t*>(::operator new[](staging_size, std::align_val_t(alignment))));
  return {memory.get(), staging_size};
}

constexpr std::uint64_t aligned_down(std::uint64_t offset) { return offset / alignment * alignment; }
constexpr std::uint64_t aligned_up(std::uint64_t offset) { return aligned_down(offset + alignment - 1); }

int write_cached(int descriptor, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t count =
        uninterrupted([&] { return ::pwrite(descriptor, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (count < 0) return errno;
    offset += static_cast<std::uint64_t>(count);
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
  return 0;
}

int read_cached(int descriptor, std::uint64_t offset, std::size_t size, Bytes& to) {
  std::size_t have = to.size();
  to.resize(have + size);
  while (have < to.size()) {
    const ssize_t count = uninterrupted(
        [&] { return ::pread(descriptor, to.data() + have, to.size() - have, static_cast<off_t>(offset)); });
    if (count < 0) return errno;
    if (count == 0) break;
    have += static_cast<std::size_t>(count);
    offset += static_cast<std::uint64_t>(count);
  }
  to.resize(have);
  return 0;
}

// The parts one after the other, taken piece by piece.
class Source {
 public:
  explicit Source(std::span<const ByteView> parts) : parts_(parts) {}
  // REQUIRES: so many bytes are left
  void take(std::span<std::uint8_t> into) {
    while (!into.empty()) {
      const ByteView rest = parts_.front().subspan(used_);
      const std::size_t count = std::min(rest.size(), into.size());
      std::copy_n(rest.begin(), count, into.begin());
      into = into.subspan(count);
      used_ += count;
      if (used_ < parts_.front().size()) continue;
      parts_ = parts_.subspan(1);
      used_ = 0;
    }
  }

 private:
  std::span<const ByteView> parts_;
  std::size_t used_ = 0;
};

}  // namespace

UncachedFile::UncachedFile(int descriptor, int access, std::uint64_t largest) : descriptor_(descriptor) {
  if (largest < uncached_from) return;
  const std::string same = "/proc/self/fd/" + std::to_string(descriptor);
  direct_ = Fd(::open(same.c_str(), access | O_DIRECT | O_CLOEXEC));
}

int UncachedFile::write(std::uint64_t offset, std::span<const ByteView> parts) const {
  std::uint64_t size = 0;
  for (const ByteView part : parts) size += part.size();
  const std::uint64_t end = offset + size, middle = aligned_up(offset), middle_end = aligned_down(end);
  if (!direct_ || size < uncached_from) {
    for (const ByteView part : parts) {
      if (const int failed = write_cached(descriptor_, offset, part); failed != 0) return failed;
      offset += part.size();
    }
    return 0;
  }
  Source source(parts);
  while (offset < end) {
    const std::uint64_t stop = offset < middle ? middle : offset < middle_end ? middle_end : end;
    const auto bytes = staging().first(std::min<std::uint64_t>(stop - offset, staging_size));
    source.take(bytes);
    ssize_t written = 0;
    if (stop == middle_end && offset >= middle) {
      written = uninterrupted(
          [&] { return ::pwrite(direct_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
      if (written < 0 && errno != EINVAL) return errno;
      written = std::max<ssize_t>(written, 0);  // EINVAL: the file system wants another alignment
    }
    const auto done = static_cast<std::size_t>(written);
    if (const int failed = write_cached(descriptor_, offset + done, bytes.subspan(done)); failed != 0) return failed;
    offset += bytes.size();
  }
  return 0;
}

int UncachedFile::read(std::uint64_t offset, std::size_t size, Bytes& to) const {
  to.reserve(to.size() + size);
  const bool past_cache = direct_ && size >= uncached_from;
  while (past_cache && size > 0) {
    const std::uint64_t from = aligned_down(offset);
    const std::size_t skipped = offset - from;
    const auto bytes = staging().first(std::min<std::uint64_t>(aligned_up(skipped + size), staging_size));
    const ssize_t count =
        uninterrupted([&] { return ::pread(direct_.get(), bytes.data(), bytes.size(), static_cast<off_t>(from)); });
    if (count < 0 && errno == EINVAL) break;  // the file system wants another alignment
    if (count < 0) return errno;
    if (static_cast<std::size_t>(count) <= skipped) return 0;  // the end
    const auto fresh = bytes.first(static_cast<std::size_t>(count)).subspan(skipped);
    const ByteView taken = fresh.first(std::min(fresh.size(), size));
    append(to, taken);
    offset += taken.size();
    size -= taken.size();
  }
  return read_cached(descriptor_, offset, size, to);
}

}  // namespace holdfast
