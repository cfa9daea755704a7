// One line per event, and a digest of all events: equal seeds must give equal digests.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/error.h"
#include "tests/simulation/prng.h"

namespace holdfast::sim {

struct Event {
  std::string_view who;   // "laptop/backup", "server", "world"
  std::string_view what;  // "write", "rename"
  std::string_view object;
  std::string_view other = {};  // the second name of a rename or link
  std::uint64_t a = 0, b = 0;   // offset and size, or what else the operation has
  std::uint64_t content = 0;    // digest of the bytes that went through
};

class Trace {
 public:
  Trace();  // prints if HOLDFAST_SIM_TRACE is set
  void add(std::uint64_t step, std::int64_t time_ns, const Event& event);
  [[nodiscard]] std::uint64_t digest() const { return digest_.value(); }

  void record() { recording_ = true; }
  [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }

 private:
  Digest digest_;
  bool printing_;
  bool recording_ = false;
  std::vector<std::string> lines_;
};

}  // namespace holdfast::sim
