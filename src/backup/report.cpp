#include "backup/report.h"

namespace holdfast::backup {

namespace {

constexpr std::int64_t tell_every_ns = second_ns / 10;

}  // namespace

bool Pace::due(bool now) {
  if (!wanted_) return false;
  const std::int64_t time = clock_.monotonic_ns();
  if (!now && time - told_ns_ < tell_every_ns) return false;
  told_ns_ = time;
  return true;
}

void Problems::add(Problem problem) {
  ++problems_count;
  if (problems.size() < problems_kept_max) problems.push_back(std::move(problem));
}

}  // namespace holdfast::backup
