#include "generate.h"

#include <algorithm>
#include <filesystem>
#include <functional>

namespace holdfast::command_line {

namespace {

std::string roff(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '-') out += '\\';
    out += c;
    if (c == '\n') out += ".br\n";
  }
  return out;
}

std::string names_of(const CLI::Option& option) {
  std::string out;
  for (const auto& name : option.get_snames()) out += (out.empty() ? "-" : ", -") + name;
  for (const auto& name : option.get_lnames()) out += (out.empty() ? "--" : ", --") + name;
  if (option.get_positional()) out = option.get_type_name();
  if (!option.get_positional() && !option.get_type_name().empty() && option.get_expected_max() > 0)
    out += " " + option.get_type_name();
  return out;
}

std::string synopsis(const CLI::App& app, const std::string& full) {
  std::string out = full + (app.get_subcommands({}).empty() ? " [OPTION]..." : " COMMAND ...");
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional()) out += " " + option->get_type_name() + (option->get_expected_max() > 1 ? "..." : "");
  return out;
}

std::string page(const CLI::App& app, const std::string& full, int section, const std::string& footer) {
  std::string title = full;
  for (char& c : title)
    if (c == ' ') c = '-';
  std::string out = ".TH " + title + " " + std::to_string(section) +
                    " \"\" \"holdfast " HOLDFAST_VERSION "\"\n.SH NAME\n" + roff(title) + " \\- " +
                    roff(app.get_description()) + "\n.SH SYNOPSIS\n.B " + roff(synopsis(app, full)) + "\n";
  const auto commands = app.get_subcommands({});
  if (!commands.empty()) {
    out += ".SH COMMANDS\n";
    for (const CLI::App* command : commands)
      out += ".TP\n.B " + roff(command->get_name()) + "\n" + roff(command->get_description()) + "\n";
  }
  out += ".SH OPTIONS\n";
  for (const CLI::Option* option : app.get_options())
    out += ".TP\n.B " + roff(names_of(*option)) + "\n" + roff(option->get_description()) + "\n";
  return out + ".SH EXIT STATUS AND ENVIRONMENT\n" + roff(footer) + "\n";
}

void each_command(const CLI::App& app, const std::string& full,
                  const std::function<void(const CLI::App&, const std::string&)>& visit) {
  visit(app, full);
  for (const CLI::App* command : app.get_subcommands({}))
    each_command(*command, full + " " + command->get_name(), visit);
}

std::vector<std::string> words_after(const CLI::App& app) {
  std::vector<std::string> out;
  for (const CLI::App* command : app.get_subcommands({})) out.push_back(command->get_name());
  for (const CLI::Option* option : app.get_options())
    for (const auto& name : option->get_lnames()) out.push_back("--" + name);
  return out;
}

// A case for each command line so far: what may come next.
std::string bash_script(const CLI::App& app) {
  const std::string& name = app.get_name();
  std::string out =
      "_" + name + "() {\n  local word=\"${COMP_WORDS[COMP_CWORD]}\" line=" + name +
      " i\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do [[ ${COMP_WORDS[i]} == -* ]] || line+=\" ${COMP_WORDS[i]}\"; done\n"
      "  case \"$line\" in\n";
  std::string cases;
  each_command(app, name, [&](const CLI::App& command, const std::string& full) {
    std::string words;
    for (const auto& word : words_after(command)) words += (words.empty() ? "" : " ") + word;
    const bool leaf = command.get_subcommands({}).empty();
    // The longest command line comes first in the script.
    cases = "    \"" + full + "\"" + (leaf ? "*" : "") + ") mapfile -t COMPREPLY < <(compgen -W \"" + words + "\"" +
            (leaf ? " -f" : "") + " -- \"$word\") ;;\n" + cases;
  });
  return out + cases + "  esac\n}\ncomplete -o filenames -F _" + name + " " + name + "\n";
}

std::string fish_quoted(const std::string& text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string fish_script(const CLI::App& app) {
  std::string out;
  const std::string complete = "complete -c " + app.get_name();
  each_command(app, "", [&](const CLI::App& command, const std::string& full) {
    const std::string seen = full.empty() ? "__fish_use_subcommand" : "__fish_seen_subcommand_from" + full;
    for (const CLI::App* below : command.get_subcommands({}))
      out += complete + " -f -n '" + seen + "' -a " + below->get_name() + " -d " +
             fish_quoted(below->get_description()) + "\n";
    for (const CLI::Option* option : command.get_options())
      for (const auto& name : option->get_lnames()) out += complete + " -n '" + seen + "' -l " + name + "\n";
  });
  return out;
}

}  // namespace

Result<std::vector<std::string>> write_man_pages(Files& files, const CLI::App& app, int section, const Path& folder) {
  if (const auto there = files.stat(folder); !there && there.error().code == Code::NotFound) {
    HF_OK(files.make_durable_directories(folder));
    std::error_code ignored;
    std::filesystem::permissions(folder, std::filesystem::perms{0755}, ignored);  // as the pages: all may read
  }
  std::vector<std::string> names;
  Status written;
  each_command(app, app.get_name(), [&](const CLI::App& command, const std::string& full) {
    if (!written) return;
    std::string name = full + "." + std::to_string(section);
    std::ranges::replace(name, ' ', '-');
    const Path path = join_path(folder, name);
    auto file = files.open(path, OpenMode::create_or_truncate);
    const std::string& footer = command.get_footer().empty() ? app.get_footer() : command.get_footer();
    written =
        file ? (*file)->write_at(0, as_bytes(page(command, full, section, footer))) : Status(pass_on(file.error()));
    std::error_code ignored;
    std::filesystem::permissions(path, std::filesystem::perms{0644}, ignored);
    names.push_back(std::move(name));
  });
  if (!written) return pass_on(std::move(written).error());
  return names;
}

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return fish_script(app);
  const std::string bash = bash_script(app);
  return shell == "zsh" ? "#compdef " + app.get_name() + "\nautoload -U +X bashcompinit && bashcompinit\n" + bash
                        : bash;
}

}  // namespace holdfast::command_line
