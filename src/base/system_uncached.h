// Large transfers past the page cache (O_DIRECT): what is written once and not soon read again has no business there,
// and fresh cache pages can cost more processor time than all cryptography (docs/PERFORMANCE.md).
#pragma once

#include "base/system_fd.h"

namespace holdfast {

inline constexpr std::size_t uncached_from = 512 * 1024;  // smaller transfers go through the cache

// An open regular file beside its descriptor, which it does not own. The aligned middle of a large transfer goes past
// the cache, its ends and everything else through it; so does all of it where the file system has no O_DIRECT.
// Any thread; calls that don't overlap may run at once. Results: errno.
class UncachedFile {
 public:
  // access: O_RDONLY or O_WRONLY. largest: the largest transfer to come; below uncached_from, nothing passes the cache.
  UncachedFile(int descriptor, int access, std::uint64_t largest = ~0ULL);
  [[nodiscard]] int write(std::uint64_t offset, std::span<const ByteView> parts) const;  // all of them; 0: done
  // Appends what it reads: short only at the end. Into memory that was not cleared first, which takes as long as
  // reading.
  [[nodiscard]] int read(std::uint64_t offset, std::size_t size, Bytes& to) const;  // 0: done

 private:
  int descriptor_;
  Fd direct_;
};

}  // namespace holdfast
