// Man pages and shell completion, made from a parser's own definitions. A footer names exit codes and environment.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/files.h"

namespace holdfast::command_line {

// A page for the program (in `section` of the manual) and for each of its commands, readable by all; their names.
Result<std::vector<std::string>> write_man_pages(Files& files, const CLI::App& app, int section, const Path& folder);
std::string completion_script(const CLI::App& app, const std::string& shell);  // bash, zsh or fish

}  // namespace holdfast::command_line
