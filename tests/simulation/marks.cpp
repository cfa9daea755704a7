#include "tests/simulation/marks.h"

#include <gtest/gtest.h>

#include <mutex>
#include <set>

#include "base/reached.h"
#include "tests/simulation/fault.h"

namespace holdfast::sim {
namespace {

struct Marks {
  std::mutex mutex;  // marks also come from tests with real threads
  const void* test = nullptr;
  std::set<std::string, std::less<>> reached;

  void forget_other_tests() {
    const void* now = ::testing::UnitTest::GetInstance()->current_test_info();
    if (now != test) reached.clear();
    test = now;
  }
};

Marks& marks() {
  static Marks all;
  return all;
}

void note(const char* mark) {
  const std::scoped_lock lock(marks().mutex);
  marks().forget_other_tests();
  if (!marks().reached.contains(std::string_view(mark))) marks().reached.emplace(mark);
}

}  // namespace

void listen_to_marks() { reached_listener.store(note, std::memory_order_relaxed); }

bool mark_reached(std::string_view mark) {
  const std::scoped_lock lock(marks().mutex);
  marks().forget_other_tests();
  return marks().reached.contains(mark);
}

bool mark_reached_by_campaign(std::string_view mark) { return replaying() || mark_reached(mark); }

std::vector<std::string> marks_reached() {
  const std::scoped_lock lock(marks().mutex);
  marks().forget_other_tests();
  return {marks().reached.begin(), marks().reached.end()};
}

}  // namespace holdfast::sim
