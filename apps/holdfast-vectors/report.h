// What running a file of vectors came to.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace holdfast::vectors {

struct Report {
  std::size_t passed = 0, failed = 0;
  std::map<std::string, std::size_t> foreign;  // by reason: cases of what HF1 does not have
  std::vector<std::string> problems;           // what failed, malformed values, attributes that nobody read
  std::string waiting_for;                     // the room that will run this file
  bool unknown = false;                        // of no kind that is known here

  void check(bool holds, const std::string& which) {
    ++(holds ? passed : failed);
    if (!holds) problems.push_back("failed: " + which);
  }
  [[nodiscard]] std::size_t foreign_count() const {
    std::size_t out = 0;
    for (const auto& [reason, count] : foreign) out += count;
    return out;
  }
  [[nodiscard]] bool is_good() const { return failed == 0 && problems.empty() && !unknown; }
};

}  // namespace holdfast::vectors
