// Man pages and shell completion, made from a parser's own definitions. A footer names exit codes and environment.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>

namespace holdfast::command_line {

// File name, roff: one for the program (in `section` of the manual) and each of its commands.
std::map<std::string, std::string> man_pages(const CLI::App& app, int section);
std::string completion_script(const CLI::App& app, const std::string& shell);  // bash, zsh or fish

}  // namespace holdfast::command_line
