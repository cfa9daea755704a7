// Large buffers that serve again: their pages are in memory already, and nothing is zeroed first. First touch of memory
// is dear (docs/PERFORMANCE.md). One thread takes; a buffer is free again when nobody else holds it.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <vector>

#include "base/bytes.h"

namespace holdfast {

class BufferRing {
 public:
  // Of this size, with whatever its last user left in it.
  std::shared_ptr<Bytes> take(std::size_t size) {
    const auto free = std::ranges::find_if(buffers_, [](const auto& buffer) { return buffer.use_count() == 1; });
    if (free != buffers_.end()) {
      std::atomic_thread_fence(std::memory_order_acquire);  // what the last holder did with it is over
      (*free)->resize(size);
      return *free;
    }
    return buffers_.emplace_back(std::make_shared<Bytes>(size));
  }

 private:
  std::vector<std::shared_ptr<Bytes>> buffers_;
};

// Tells the C library to keep freed large blocks instead of giving their pages back to the system each time. Called
// once, by main().
void keep_freed_memory();

}  // namespace holdfast
