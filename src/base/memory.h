// Freed memory that serves again: first touch of fresh pages is dear (docs/PERFORMANCE.md).
#pragma once

namespace holdfast {

// Tells the C library to keep freed large blocks instead of giving their pages back to the system each time. Called
// once, by main().
void keep_freed_memory();

}  // namespace holdfast
