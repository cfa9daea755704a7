// Which marks of base/reached.h the running test has met. A campaign that never met its case proves nothing.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::sim {

void listen_to_marks();                                // World does it; once is enough
bool mark_reached(std::string_view mark);              // by the test that runs now
bool mark_reached_by_campaign(std::string_view mark);  // or only a replay of one run
std::vector<std::string> marks_reached();              // sorted

}  // namespace holdfast::sim

#define EXPECT_REACHED(mark)                                   \
  EXPECT_TRUE(::holdfast::sim::mark_reached_by_campaign(mark)) \
      << "not reached: " << (mark) << "\nthis test must meet its case"
