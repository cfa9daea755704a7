// What a backup, a restore and a check tell: how far they are, and what went wrong where.
#pragma once

#include "base/clock.h"
#include "base/files.h"

namespace holdfast::backup {

struct Counters {
  std::uint64_t files = 0, directories = 0, bytes = 0;  // looked at so far
  std::uint64_t files_total = 0, bytes_total = 0;       // 0: not known
  std::uint64_t bytes_read = 0;                         // of new and changed files
  std::uint64_t bytes_sent = 0;
  Path current;
};

// Progress is told ten times a second at most.
class Pace {
 public:
  Pace(Clock& clock, bool wanted) : clock_(clock), wanted_(wanted) {}
  bool due(bool now = false);  // now: whenever the last time was

 private:
  Clock& clock_;
  bool wanted_;
  std::int64_t told_ns_ = 0;
};

struct Problem {  // something that was left out, or done with a doubt
  Path path;
  Error error;
  bool left_out = true;
};
struct Problems {
  std::vector<Problem> problems;  // the first 10,000; `problems_count` counts all
  std::uint64_t problems_count = 0;
  void add(Problem problem);
};
inline constexpr std::size_t problems_kept_max = 10'000;

}  // namespace holdfast::backup
