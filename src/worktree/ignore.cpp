#include "worktree/ignore.h"

#include <ranges>

namespace holdfast::worktree {

namespace {

constexpr auto npos = std::string_view::npos;

// Spaces at the end don't count, unless a backslash keeps them.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\') {
      if (++at == line.size()) return line;
      end = at + 1;
    } else if (line[at] != ' ') {
      end = at + 1;
    }
  }
  return line.substr(0, end);
}

}  // namespace

IgnoreRules IgnoreRules::parse(ByteView file) {
  IgnoreRules out;
  std::string_view text = as_text(file);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.ends_with('\r')) line.remove_suffix(1);
    line = without_trailing_spaces(line.substr(0, line.find('\0')));
    out.patterns_.emplace_back(line);
  }
  return out;
}

IgnoreRules IgnoreRules::from_patterns(std::span<const std::string> patterns) {
  IgnoreRules out;
  for (const std::string& pattern : patterns) out.patterns_.emplace_back(pattern);
  return out;
}

std::optional<bool> IgnoreRules::excludes(std::string_view path, bool is_directory) const {
  const std::size_t slash = path.rfind('/');
  const std::string_view name = slash == npos ? path : path.substr(slash + 1);
  for (const IgnorePattern& pattern : std::views::reverse(patterns_))
    if (pattern.matches(path, name, is_directory)) return !pattern.includes_again();
  return std::nullopt;
}

std::shared_ptr<const IgnoreScope> IgnoreScope::root(std::shared_ptr<const IgnoreRules> command_line) {
  auto out = std::make_shared<IgnoreScope>();
  out->command_line_ = std::move(command_line);
  return out;
}

std::shared_ptr<const IgnoreScope> IgnoreScope::within(std::shared_ptr<const IgnoreScope> outer,
                                                       std::string_view directory, IgnoreRules rules) {
  if (rules.empty()) return outer;
  auto out = std::make_shared<IgnoreScope>();
  out->command_line_ = outer->command_line_;
  out->outer_ = std::move(outer);
  out->rules_ = std::move(rules);
  out->directory_size_ = directory.empty() ? 0 : directory.size() + 1;
  return out;
}

bool IgnoreScope::excludes(std::string_view path, bool is_directory) const {
  if (command_line_)
    if (const auto decided = command_line_->excludes(path, is_directory)) return *decided;
  for (const IgnoreScope* scope = this; scope != nullptr; scope = scope->outer_.get())
    if (const auto decided = scope->rules_.excludes(path.substr(scope->directory_size_), is_directory)) return *decided;
  return false;
}

}  // namespace holdfast::worktree
