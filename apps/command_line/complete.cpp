#include "complete.h"

#include <algorithm>
#include <sstream>

#include "base/bytes.h"
#include "value.h"

namespace holdfast::command_line {

namespace {

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0; }

CLI::Option* option_of(CLI::App& app, const std::string& name) {
  for (CLI::Option* option : app.get_options())
    if (!option->get_positional() && option->check_name(name)) return option;
  return nullptr;
}

CLI::App* command_of(CLI::App& app, const std::string& name) {
  for (CLI::App* below : app.get_subcommands([](const CLI::App*) { return true; }))
    if (below->get_name() == name) return below;
  return nullptr;
}

// The one that takes the positional word of this number; the last one may take many.
CLI::Option* positional_of(CLI::App& app, std::size_t number) {
  for (CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const auto most = static_cast<std::size_t>(option->get_items_expected_max());
    if (option->get_allow_extra_args() || number < most) return option;
    number -= most;
  }
  return nullptr;
}

// As far as the words before the last one lead.
class Line {
 public:
  explicit Line(CLI::App& app) : app_(&app) {}

  void take(const std::string& word) {
    if (open_ != nullptr) {
      note(*std::exchange(open_, nullptr), word);
    } else if (!only_positionals_ && word == "--") {
      only_positionals_ = true;
    } else if (!only_positionals_ && word.size() > 1 && word.starts_with('-')) {
      take_option(word);
    } else if (CLI::App* below = command_of(*app_, word); below != nullptr && positionals_ == 0) {
      app_ = below;
    } else {
      ++positionals_;
    }
  }

  Wanted at(const std::string& word) {
    Wanted out;
    out.space = space_;
    out.typed = word;
    const std::size_t equals = word.find('=');
    if (open_ != nullptr) {
      by_value(*open_, out);
    } else if (!only_positionals_ && word.starts_with("--") && equals != std::string::npos) {
      out.before = word.substr(0, equals + 1);
      out.typed = word.substr(equals + 1);
      if (CLI::Option* option = option_of(*app_, word.substr(0, equals))) by_value(*option, out);
    } else if (!only_positionals_ && word.starts_with('-')) {
      for (const CLI::Option* option : app_->get_options())
        for (const auto& name : option->get_lnames())
          out.candidates.push_back({"--" + name, option->get_description()});
    } else if (const auto below = app_->get_subcommands([](const CLI::App*) { return true; }); !below.empty()) {
      if (positionals_ > 0) return out;  // behind a word that is no command
      for (const CLI::App* command : below) out.candidates.push_back({command->get_name(), command->get_description()});
    } else if (CLI::Option* option = positional_of(*app_, positionals_)) {
      by_value(*option, out);
    }
    return out;
  }

 private:
  void take_option(const std::string& word) {
    const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string::npos;
    const std::string name = word.starts_with("--") ? word.substr(0, equals) : word.substr(0, 2);
    CLI::Option* option = option_of(*app_, name);
    if (option == nullptr || !takes_value(*option)) return;
    const std::string value = equals != std::string::npos ? word.substr(equals + 1) : word.substr(name.size());
    if (equals == std::string::npos && value.empty()) {
      open_ = option;
    } else {
      note(*option, value);
    }
  }
  void note(const CLI::Option& option, const std::string& value) {
    if (option.check_lname("space")) space_ = value;
  }
  static void by_value(CLI::Option& option, Wanted& out) {
    std::istringstream completes(completes_of(option));
    completes >> out.source;
    if (out.source != words_alone) return;
    out.source.clear();
    for (std::string word; completes >> word;) out.candidates.push_back({word, ""});
  }

  CLI::App* app_;
  CLI::Option* open_ = nullptr;  // its value comes next
  bool only_positionals_ = false;
  std::size_t positionals_ = 0;
  std::string space_;
};

bool can_be_shown(const std::string& text) {
  return std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

}  // namespace

Wanted what_may_stand(CLI::App& app, const std::vector<std::string>& words) {
  Line line(app);
  for (std::size_t i = 0; i + 1 < words.size(); ++i) line.take(words[i]);
  return line.at(words.empty() ? std::string() : words.back());
}

std::vector<std::string> words_to_complete(const std::vector<std::string>& arguments) {
  const auto dashes = std::ranges::find(arguments, "--");
  return dashes == arguments.end() ? std::vector<std::string>() : std::vector<std::string>(dashes + 1, arguments.end());
}

std::string lines_of(const std::vector<Candidate>& candidates, const Wanted& wanted) {
  std::string out;
  for (const auto& [word, about] : candidates) {
    if (!word.starts_with(wanted.typed) || !can_be_shown(word)) continue;
    out += wanted.before + word + (about.empty() ? "" : "\t" + printable(about)) + "\n";
  }
  return out;
}

std::string first_line(const Wanted& wanted) {
  for (const std::string_view source : {files_of_disk, folders_of_disk})
    if (wanted.source.starts_with(source)) return std::string(source) + "\n";
  return std::string(words_alone) + "\n";
}

}  // namespace holdfast::command_line
