// Freed memory that serves again: first touch of fresh pages is dear (docs/PERFORMANCE.md).
#pragma once

namespace holdfast {

// Tells the C library to keep freed large blocks instead of giving their pages back to the system each time. Called
// once, by main().
void keep_freed_memory();

// Gives the system what is free now: before a step that wants its memory in other pieces than the one that is done.
void return_freed_memory();

}  // namespace holdfast
