#include "completion.h"

#include <functional>

namespace holdfast::command_line {

namespace {

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

std::string completion_script(const CLI::App& app, const std::string& shell) {
  if (shell == "fish") return fish_script(app);
  const std::string bash = bash_script(app);
  return shell == "zsh" ? "#compdef " + app.get_name() + "\nautoload -U +X bashcompinit && bashcompinit\n" + bash
                        : bash;
}

}  // namespace holdfast::command_line
