// What can be typed, defined once: the parser, the man pages and the shell completion are all made from it.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

#include "manual.h"
#include "server/serve.h"

namespace holdfast::app {

struct CommandLine {
  server::ServeOptions serve;
  std::string log_level = "info";
  std::string shell, man_folder;
  std::vector<std::string> words;  // to complete
  std::string invite_data;
  unsigned invite_days = 14, invite_count = 1;
  std::uint64_t account_bytes_max = static_cast<std::uint64_t>(server::ServiceOptions{}.bytes_max);
  unsigned grace_days = 14;
};

void define(CLI::App& app, CommandLine& line);  // what is parsed goes into `line`
const command_line::Manual& manual();

}  // namespace holdfast::app
