// What a wrong command line was meant to be.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "manual.h"

namespace holdfast::command_line {

// Of names, the one that was most likely meant; empty: none is near.
[[nodiscard]] std::string nearest_of(std::string_view word, const std::vector<std::string>& names);

struct Mistake {
  std::string text, next;  // what is wrong; what to type instead
};

// `error` is what parsing `arguments` (without the program's name) gave. The nearest command or option is offered,
// or an example.
Mistake explain(const CLI::App& app, const Manual& manual, const std::vector<std::string>& arguments,
                const CLI::ParseError& error);

}  // namespace holdfast::command_line
