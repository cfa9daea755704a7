// What a manual says beside the parser's definitions: of each command its description and examples, of the program what
// it ends with, reads and writes. Examples are tested: the parser takes each.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::command_line {

struct Example {
  std::string line, what;  // as it is typed; what it is for
};

struct Page {
  std::string description;  // paragraphs, between empty lines
  std::vector<Example> examples;
};

using Named = std::vector<std::pair<std::string, std::string>>;

struct Manual {
  int section = 1;
  std::map<std::string, Page> pages;  // by the words that call the command: "holdfast space create"
  Named exit_codes, environment, files;
  std::vector<std::pair<std::string, int>> see_also;  // on each page: name and section of another

  // Behind --help: the examples of a command, then the exit codes and the environment.
  [[nodiscard]] std::string help_footer(const std::string& command) const;
};

}  // namespace holdfast::command_line
