// What a backup leaves out: files named .holdfastignore in the folders, with the syntax and the meaning of
// gitignore(5), and patterns of the command line. Pure; checked against git itself by ignore_test.cpp.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "worktree/ignore_pattern.h"

namespace holdfast::worktree {

inline constexpr std::string_view ignore_file_name = ".holdfastignore";
inline constexpr std::size_t ignore_file_size_max = 1 << 20;

// The patterns of one place, in order; the last one that matches decides.
class IgnoreRules {
 public:
  static IgnoreRules parse(ByteView file);  // any bytes are some rules
  static IgnoreRules from_patterns(
      std::span<const std::string> patterns);  // taken as they are: no comments, no trimming

  // true: left out, false: taken (by a "!" pattern), nullopt: no pattern matches. path: relative to the rules' place.
  [[nodiscard]] std::optional<bool> excludes(std::string_view path, bool is_directory) const;
  [[nodiscard]] bool empty() const { return patterns_.empty(); }

 private:
  std::vector<IgnorePattern> patterns_;
};

// The rules that hold in one directory: its own and those of the directories above, the nearest first. Scopes are
// shared by all that lies below. What is excluded is not entered, so nothing below it can be included again.
class IgnoreScope {
 public:
  // command_line: anchored at the root of the walk, and stronger than any file.
  static std::shared_ptr<const IgnoreScope> root(std::shared_ptr<const IgnoreRules> command_line);

  // The scope of `directory` (relative to the root, "" is the root), whose ignore file holds `rules`.
  static std::shared_ptr<const IgnoreScope> within(std::shared_ptr<const IgnoreScope> outer, std::string_view directory,
                                                   IgnoreRules rules);

  // path: relative to the root, an entry of the scope's directory or of one below it.
  [[nodiscard]] bool excludes(std::string_view path, bool is_directory) const;

 private:
  std::shared_ptr<const IgnoreScope> outer_;
  std::shared_ptr<const IgnoreRules> command_line_;
  IgnoreRules rules_;
  std::size_t directory_size_ = 0;  // of its path with the "/" behind it
};

}  // namespace holdfast::worktree
