#include <malloc.h>

#include "base/memory.h"

namespace holdfast {

void keep_freed_memory() {
  constexpr int mib = 1024 * 1024;
  ::mallopt(M_MMAP_THRESHOLD, 32 * mib);
  ::mallopt(M_TRIM_THRESHOLD, 256 * mib);
  ::mallopt(M_ARENA_MAX, 1);  // blocks pass from thread to thread here: one arena finds them again
}

void return_freed_memory() { (void)::malloc_trim(0); }

}  // namespace holdfast
