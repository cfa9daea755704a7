// Man pages, made from a parser's own definitions and its manual.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "base/files.h"
#include "manual.h"

namespace holdfast::command_line {

// A page for the program and for each of its commands, readable by all; their names.
Result<std::vector<std::string>> write_man_pages(Files& files, const CLI::App& app, const Manual& manual,
                                                 const Path& folder);

}  // namespace holdfast::command_line
