#include "manual.h"

namespace holdfast::command_line {

std::string Manual::help_footer(const std::string& command) const {
  std::string out;
  if (const auto page = pages.find(command); page != pages.end())
    for (const Example& example : page->second.examples)
      out += (out.empty() ? "Examples:\n" : "") + ("  " + example.line) + "\n      " + example.what + "\n";
  if (!out.empty()) out += "\n";
  std::string line = "Exit codes:";
  const auto add = [&](const std::string& word, const std::string& end) {
    constexpr std::size_t width = 100;
    if (line.size() + word.size() + end.size() + 1 > width) {
      out += line + "\n";
      line = " ";
    }
    line += " " + word + end;
  };
  for (std::size_t i = 0; i < exit_codes.size(); ++i)
    add(exit_codes[i].first + " " + exit_codes[i].second, i + 1 < exit_codes.size() ? ";" : ".");
  out += line;
  if (!environment.empty()) {
    line = "\nEnvironment:";
    for (std::size_t i = 0; i < environment.size(); ++i)
      add(environment[i].first, i + 1 < environment.size() ? "," : ".");
    out += line;
  }
  return out;
}

}  // namespace holdfast::command_line
