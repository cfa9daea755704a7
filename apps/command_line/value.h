// What an option or a positional takes: how help names it, what fits, and an example of it. What does not fit is a
// wrong command line, told in these words and not in the parser's.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::command_line {

struct Value {
  std::string form;     // as help shows it: "SIZE"
  std::string takes;    // "a number of bytes, or one with K, M, G, T or P behind it"
  std::string example;  // "500M"
  // May write it as the parser reads it. Nothing empty fits, whatever this says.
  std::function<bool(std::string& typed)> fits = {};
  // What completes it: files_of_disk, folders_of_disk, words_alone and the words behind it, or a name for what the
  // program itself has to look up; empty: nothing.
  std::string completes = {};
  // Of what does not fit: what was meant, if it can be told.
  std::function<std::string(const std::string& typed)> meant = {};
};
inline constexpr std::string_view files_of_disk = "files", folders_of_disk = "folders", words_alone = "words";

Value number(std::string form, std::uint64_t least, std::uint64_t most, std::string example);
Value size(std::uint64_t least, std::uint64_t most,
           std::string example);  // in bytes; K, M, G, T, P are powers of 1,024
Value one_of(std::string form, const std::vector<std::string>& words);
Value path(std::string form, std::string example);  // any: only that it is not empty

[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view typed);
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view typed);

// Words as CLI11 takes them: the last one first, and a "[a,b]", which it would cut, marked. takes() removes the mark.
[[nodiscard]] std::vector<std::string> for_parser(const std::vector<std::string>& words);
[[nodiscard]] std::string without_marks(std::string said_by_parser);

// A command line that parses, and can't be meant. `next`: words that fit, behind the verb's; empty: an example of the
// verb, or its help.
struct WrongWords : CLI::ParseError {
  WrongWords(const std::string& text, std::string next_words)
      : ParseError(text, CLI::ExitCodes::ValidationError), next(std::move(next_words)) {}
  std::string next;
};

// How people know it: "--space", or the form of a positional.
[[nodiscard]] std::string shown_name(const CLI::Option& option);

// A word that does not fit throws WrongWords.
CLI::Option* takes(CLI::Option* option, const Value& value);
[[nodiscard]] std::string completes_of(CLI::Option& option);  // Value::completes of what it takes

}  // namespace holdfast::command_line
