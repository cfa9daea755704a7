#include "mistake.h"

#include <algorithm>
#include <numeric>

#include "base/bytes.h"
#include "value.h"

namespace holdfast::command_line {

namespace {

// How many letters must be put in, left out or exchanged to make one word of the other.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t above_left = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t above = row[j + 1];
      row[j + 1] = std::min({above + 1, row[j] + 1, above_left + (a[i] == b[j] ? 0 : 1)});
      above_left = above;
    }
  }
  return row.back();
}

std::vector<std::string> verbs_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* verb : app.get_subcommands({})) names.push_back(verb->get_name());
  return names;
}

std::vector<std::string> options_of(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  return names;
}

// The parser's errors that name an option, in the words of its help.
std::string plain_words(const CLI::App& verb, const CLI::ParseError& error) {
  std::string said = without_marks(error.what());
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr)
    return "there is more on the line than the command takes" + said.substr(std::min(said.find(':'), said.size()));
  for (const CLI::Option* option : verb.get_options()) {
    const std::string& name = option->get_name();
    if (!said.starts_with(name + ":") && !said.starts_with(name + " ")) continue;
    if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return shown_name(*option) + " is missing";
    if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) == nullptr) continue;
    if (option->get_positional()) return shown_name(*option) + " is missing in part";
    return static_cast<int>(option->count()) > option->get_items_expected_max()
               ? name + " is given more than once"
               : name + " needs " + option->get_type_name() + " behind it";
  }
  return said;
}

std::string first_example(const Manual& manual, const std::string& typed) {
  const auto page = manual.pages.find(typed);
  return page == manual.pages.end() || page->second.examples.empty() ? typed + " --help"
                                                                     : page->second.examples.front().line;
}

}  // namespace

std::string nearest_of(std::string_view word, const std::vector<std::string>& names) {
  constexpr std::size_t far = 3;
  std::string nearest;
  std::size_t least = far;
  for (const std::string& name : names) {
    const std::size_t here = distance(word, name);
    if (here >= least) continue;
    least = here;
    nearest = name;
  }
  return nearest;
}

Mistake explain(const CLI::App& app, const Manual& manual, const std::vector<std::string>& arguments,
                const CLI::ParseError& error) {
  const auto usage = [](std::string text, std::string next) { return Mistake{std::move(text), std::move(next)}; };
  std::string typed = app.get_name();
  if (arguments.empty()) return usage("a command is missing", typed + " --help");
  const CLI::App* verb = &app;
  for (const std::string& word : arguments) {
    const auto verbs = verbs_of(*verb);
    if (verbs.empty()) break;
    if (std::ranges::find(verbs, word) == verbs.end()) {
      if (word.starts_with('-'))
        return usage("the command comes first, and its options behind it", typed + " COMMAND " + printable(word));
      const std::string nearest = nearest_of(word, verbs);
      return usage("there is no command " + (verb == &app ? "" : verb->get_name() + " ") + printable(word),
                   typed + " " + (nearest.empty() ? "--help" : nearest));
    }
    verb = verb->get_subcommand(word);
    typed += " " + word;
  }
  if (const auto verbs = verbs_of(*verb); !verbs.empty()) {
    std::string all;
    for (const std::string& name : verbs) all += (all.empty() ? "" : ", ") + name;
    return usage(typed + " needs one more word: " + all, typed + " --help");
  }
  const auto options = options_of(*verb);
  for (const std::string& argument : arguments) {
    if (argument == "--") break;  // no options behind it
    const std::string name = argument.substr(0, argument.find('='));
    if (!name.starts_with("--") || std::ranges::find(options, name) != options.end()) continue;
    const std::string nearest = nearest_of(name, options);
    return usage("there is no option " + printable(name) + " of " + typed,
                 typed + " " + (nearest.empty() ? "--help" : nearest));
  }
  const std::string text = printable(plain_words(*verb, error));
  const std::string example = first_example(manual, typed);
  if (const auto* wrong = dynamic_cast<const WrongWords*>(&error))
    return usage(text, wrong->next.empty() ? example : typed + " " + wrong->next);
  const bool of_option = text.starts_with('-');
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) return usage(text, example);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr && !of_option) return usage(text, example);
  if (dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr) {
    for (const CLI::Option* option : verb->get_options()) {
      std::string form = option->get_type_name();
      if (!option->get_positional() || form.find(":PATH") == std::string::npos) continue;
      std::erase_if(form, [](char c) { return c == '[' || c == ']'; });
      return usage(text, "a path stands behind a colon:  " + typed + " " + form);
    }
  }
  return usage(text, typed + " --help");
}

}  // namespace holdfast::command_line
