#include "value.h"

#include <algorithm>
#include <charconv>

namespace holdfast::command_line {

namespace {

std::string grouped(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

constexpr char mark = '\1';

}  // namespace

std::vector<std::string> for_parser(const std::vector<std::string>& words) {
  std::vector<std::string> out(words.rbegin(), words.rend());
  for (std::string& word : out)
    if (word.starts_with('[') || word.starts_with(mark)) word.insert(word.begin(), mark);
  return out;
}

std::string without_marks(std::string said_by_parser) {
  std::erase(said_by_parser, mark);
  return said_by_parser;
}

std::optional<std::uint64_t> parse_number(std::string_view typed) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(typed.data(), typed.data() + typed.size(), number);
  if (error != std::errc() || end != typed.data() + typed.size()) return std::nullopt;
  return number;
}

std::optional<std::uint64_t> parse_size(std::string_view typed) {
  const std::size_t digits = std::min(typed.find_first_not_of("0123456789"), typed.size());
  const auto number = parse_number(typed.substr(0, digits));
  std::string_view rest = typed.substr(digits);
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  std::string unit = lower(rest);
  if (unit.ends_with("ib") && unit.size() == 3) unit.resize(1);
  if (unit.ends_with('b')) unit.pop_back();
  if (!number || unit.size() > 1) return std::nullopt;
  constexpr std::string_view units = "kmgtp";
  const std::size_t power = unit.empty() ? 0 : units.find(unit.front()) + 1;
  if (!unit.empty() && power == 0) return std::nullopt;
  const std::size_t shift = 10 * power;
  if (*number > ~std::uint64_t{0} >> shift) return std::nullopt;
  return *number << shift;
}

Value number(std::string form, std::uint64_t least, std::uint64_t most, std::string example) {
  return {std::move(form), "a whole number from " + grouped(least) + " to " + grouped(most), std::move(example),
          [least, most](std::string& typed) {
            const auto number = parse_number(typed);
            return number && *number >= least && *number <= most;
          }};
}

Value size(std::uint64_t least, std::uint64_t most, std::string example) {
  return {"SIZE", "a whole number of bytes, or one with K, M, G, T or P behind it", std::move(example),
          [least, most](std::string& typed) {
            const auto bytes = parse_size(typed);
            if (!bytes || *bytes < least || *bytes > most) return false;
            typed = std::to_string(*bytes);
            return true;
          }};
}

Value one_of(std::string form, const std::vector<std::string>& words) {
  std::string all, completes(words_alone);
  for (std::size_t i = 0; i < words.size(); ++i) {
    all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
    completes += " " + words[i];
  }
  return {std::move(form), all, words.front(),
          [words](std::string& typed) { return std::ranges::find(words, typed) != words.end(); }, completes};
}

Value path(std::string form, std::string example) {
  const bool is_folder = form == "DIR";
  const std::string what = is_folder ? "a folder" : form == "FILE" ? "a file" : "a file or folder";
  return {std::move(form), what, std::move(example),
          [](std::string& typed) {
            if (typed == "{}") typed = "./{}";  // which CLI11 takes for no value at all
            return true;
          },
          std::string(is_folder ? folders_of_disk : files_of_disk)};
}

std::string shown_name(const CLI::Option& option) {
  return option.get_positional() ? option.get_type_name() : option.get_name();
}

CLI::Option* takes(CLI::Option* option, const Value& value) {
  const auto check = [option, value](std::string& typed) -> std::string {
    if (typed.starts_with(mark)) typed.erase(typed.begin());
    const std::string as_typed = typed;
    if (!typed.empty() && (!value.fits || value.fits(typed))) return {};
    const std::string name = shown_name(*option);
    const bool positional = option->get_positional();
    throw WrongWords("\"" + as_typed + "\" is not what " + name + " takes: " + value.takes +
                         (value.example.empty() ? "" : "; for example " + value.example),
                     positional              ? (value.meant ? value.meant(as_typed) : "")
                     : value.example.empty() ? ""
                                             : name + " " + value.example);
  };
  if (!option->get_positional()) option->allow_extra_args(false);  // what follows its one word is a positional
  return option->type_name(value.form)->transform(CLI::Validator(check, "", value.completes));
}

// CLI11 keeps the name of a validator for whoever made it.
std::string completes_of(CLI::Option& option) {
  try {
    return option.get_validator(0)->get_name();
  } catch (const CLI::OptionNotFound&) {  // it has none: what it takes is not defined by takes()
    return {};
  }
}

}  // namespace holdfast::command_line
