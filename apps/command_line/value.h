// Checks of an option's value that leave its help in plain words.
#pragma once

#include <CLI/CLI.hpp>

namespace holdfast::command_line {

template <class Number>
CLI::Validator between(Number least, Number most) {
  return CLI::Range(least, most).description("");
}

inline CLI::Validator size_in_bytes() { return CLI::AsSizeValue(false).description(""); }

}  // namespace holdfast::command_line
