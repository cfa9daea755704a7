// Shell completion, made from a parser's own definitions.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace holdfast::command_line {

std::string completion_script(const CLI::App& app, const std::string& shell);  // bash, zsh or fish

}  // namespace holdfast::command_line
