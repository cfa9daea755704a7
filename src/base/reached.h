// Marks a rare branch, so that a test campaign can prove that it met it: reached("space: pack stored, commit lost").
// A mark is a constant text, "room: what happened", and changes nothing. Tests ask with EXPECT_REACHED
// (tests/simulation/marks.h). Without a listener it costs one relaxed load.
#pragma once

#include <atomic>

namespace holdfast {

using ReachedListener = void (*)(const char* mark);  // may be called by any thread

inline std::atomic<ReachedListener> reached_listener{nullptr};

inline void reached(const char* mark) {
  if (const ReachedListener listener = reached_listener.load(std::memory_order_relaxed)) [[unlikely]]
    listener(mark);
}

}  // namespace holdfast
