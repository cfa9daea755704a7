#include "man_pages.h"

#include <algorithm>
#include <filesystem>
#include <functional>

namespace holdfast::command_line {

namespace {

// groff_char(7): what would be typeset as another character, or obeyed.
std::string roff(std::string_view text) {
  std::string out;
  bool line_begins = true;
  for (const char c : text) {
    if (line_begins && (c == '.' || c == '\'')) out += "\\&";
    line_begins = c == '\n';
    switch (c) {
      case '\\':
        out += "\\(rs";
        break;
      case '-':
        out += "\\-";
        break;
      case '\'':
        out += "\\(aq";
        break;
      case '`':
        out += "\\(ga";
        break;
      case '^':
        out += "\\(ha";
        break;
      case '~':
        out += "\\(ti";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// What is filled: no line of the source is longer than 80 bytes if a blank can end it.
std::string prose(std::string_view text) {
  constexpr std::size_t line_bytes = 72;
  std::string out, line;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    const std::string_view word = text.substr(0, end);
    if (!line.empty() && roff(line).size() + roff(word).size() > line_bytes) {
      out += roff(line) + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + roff(line);
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }
std::string section(const std::string& name) { return ".SH " + name + "\n"; }
std::string entry(const std::string& name, const std::string& what) { return ".TP\n" + name + "\n" + what + "\n"; }

std::string paragraphs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find("\n\n"), text.size());
    out += (out.empty() ? "" : ".PP\n") + prose(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 2, text.size()));
  }
  return out;
}

std::string names_of(const CLI::Option& option) {
  if (option.get_positional()) return italic(option.get_type_name());
  std::string out;
  for (const auto& name : option.get_snames()) out += (out.empty() ? "" : ", ") + bold("-" + name);
  for (const auto& name : option.get_lnames()) out += (out.empty() ? "" : ", ") + bold("--" + name);
  if (!option.get_type_name().empty() && option.get_expected_max() > 0) out += " " + italic(option.get_type_name());
  return out;
}

std::string described(const CLI::Option& option) {
  const std::string standard = option.get_default_str();
  return prose(option.get_description() + (standard.empty() ? "" : " (default: " + standard + ")"));
}

std::string synopsis(const CLI::App& app, const std::string& full) {
  std::string out = bold(full) + (app.get_subcommands({}).empty() ? "" : " " + italic("COMMAND"));
  out += " [" + italic("OPTION") + "]...";
  for (const CLI::Option* option : app.get_options()) {
    if (!option->get_positional()) continue;
    const std::string name = italic(option->get_type_name());
    out += " " + (option->get_required() ? name : "[" + name + "]");
    const bool says_so = option->get_type_name().find("...") != std::string::npos;
    if (option->get_expected_max() > 1 && !says_so) out += "...";
  }
  return out + "\n";
}

std::string reference(std::string page, int number) {
  std::ranges::replace(page, ' ', '-');
  return bold(page) + "(" + std::to_string(number) + ")";
}

std::string commands_of(const CLI::App& app) {
  std::string out;
  for (const CLI::App* command : app.get_subcommands({}))
    out += entry(bold(command->get_name()), prose(command->get_description()));
  return out.empty() ? out : section("COMMANDS") + out;
}

std::string options_of(const CLI::App& app) {
  std::string positionals, options;
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? positionals : options) += entry(names_of(*option), described(*option));
  return section("OPTIONS") + positionals + options;
}

std::string named(const std::string& title, const Named& all) {
  if (all.empty()) return {};
  std::string out = section(title);
  for (const auto& [name, what] : all) out += entry(bold(name), prose(what));
  return out;
}

std::string examples_of(const Page& page) {
  std::string out;
  for (const Example& example : page.examples)
    out += (out.empty() ? section("EXAMPLES") : ".PP\n") + roff(example.what) + ":\n.PP\n.RS 4\n.EX\n" +
           roff(example.line) + "\n.EE\n.RE\n";
  return out;
}

std::string see_also(const CLI::App& app, const std::string& full, const Manual& manual) {
  std::vector<std::string> pages;
  for (std::size_t end = full.rfind(' '); end != std::string::npos; end = full.substr(0, end).rfind(' '))
    pages.push_back(reference(full.substr(0, end), manual.section));
  for (const CLI::App* command : app.get_subcommands({}))
    pages.push_back(reference(full + " " + command->get_name(), manual.section));
  for (const auto& [name, number] : manual.see_also) pages.push_back(reference(name, number));
  std::string out = section("SEE ALSO");
  for (std::size_t i = 0; i < pages.size(); ++i) out += pages[i] + (i + 1 < pages.size() ? ",\n" : "\n");
  return out;
}

std::string page_of(const CLI::App& app, const std::string& full, const Manual& manual) {
  std::string title = full;
  std::ranges::replace(title, ' ', '-');
  const auto found = manual.pages.find(full);
  const Page& page = found == manual.pages.end() ? Page() : found->second;
  return ".TH " + title + " " + std::to_string(manual.section) + " \"\" \"holdfast " HOLDFAST_VERSION "\"\n" +
         section("NAME") + roff(title) + " \\- " + roff(app.get_description()) + "\n" + section("SYNOPSIS") +
         synopsis(app, full) + section("DESCRIPTION") + paragraphs(page.description) + commands_of(app) +
         options_of(app) + named("EXIT STATUS", manual.exit_codes) + named("ENVIRONMENT", manual.environment) +
         named("FILES", manual.files) + examples_of(page) + see_also(app, full, manual);
}

void each_command(const CLI::App& app, const std::string& full,
                  const std::function<void(const CLI::App&, const std::string&)>& visit) {
  visit(app, full);
  for (const CLI::App* command : app.get_subcommands({}))
    each_command(*command, full + " " + command->get_name(), visit);
}

}  // namespace

Result<std::vector<std::string>> write_man_pages(Files& files, const CLI::App& app, const Manual& manual,
                                                 const Path& folder) {
  if (const auto there = files.stat(folder); !there && there.error().code == Code::NotFound) {
    HF_OK(files.make_durable_directories(folder));
    std::error_code ignored;
    std::filesystem::permissions(folder, std::filesystem::perms{0755}, ignored);  // as the pages: all may read
  }
  std::vector<std::string> names;
  Status written;
  each_command(app, app.get_name(), [&](const CLI::App& command, const std::string& full) {
    if (!written) return;
    std::string name = full + "." + std::to_string(manual.section);
    std::ranges::replace(name, ' ', '-');
    const Path path = join_path(folder, name);
    auto file = files.open(path, OpenMode::create_or_truncate);
    written = file ? (*file)->write_at(0, as_bytes(page_of(command, full, manual))) : Status(pass_on(file.error()));
    std::error_code ignored;
    std::filesystem::permissions(path, std::filesystem::perms{0644}, ignored);
    names.push_back(std::move(name));
  });
  if (!written) return pass_on(std::move(written).error());
  return names;
}

}  // namespace holdfast::command_line
