// One pattern of gitignore(5), compiled. Matches byte for byte what git's matcher does, but in steps of at most
// pattern size times path size: a pattern comes from a folder that somebody else may have written.
#pragma once

#include <bitset>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::worktree {

class IgnorePattern {
 public:
  // The text as gitignore(5) has it in a line: "!" in front, "/" at either end, *, ?, [], **, backslash.
  // Longer than pattern_size_max: matches nothing.
  explicit IgnorePattern(std::string_view text);

  static constexpr std::size_t pattern_size_max = 4096;

  // path: relative to the directory that the pattern belongs to, "a/b". name: its last component.
  [[nodiscard]] bool matches(std::string_view path, std::string_view name, bool is_directory) const;
  // Whatever there is: it is empty, too long, or has a [ without its ] or a \ without what it stands before.
  [[nodiscard]] bool matches_nothing() const { return never_ || (literal_.empty() && tokens_.empty() && !ends_with_); }
  [[nodiscard]] bool includes_again() const { return negative_; }  // it began with "!"

 private:
  enum class Kind : std::uint8_t {
    byte,        // this one
    any,         // one byte
    not_slash,   // one byte that is not "/"
    set,         // one byte of a set
    star,        // any number of bytes that are not "/"
    everything,  // any number of bytes
    folders,     // "**/": nothing, or anything that ends in "/"
  };
  struct Token {
    Kind kind = Kind::byte;
    std::uint8_t byte = 0;
    std::uint16_t set = 0;
  };
  using Set = std::bitset<256>;

  void compile(std::string_view glob);
  std::size_t compile_star(std::string_view glob, std::size_t at);
  std::size_t compile_set(std::string_view glob, std::size_t at);  // npos: no set, nothing can match
  bool glob_matches(std::string_view text) const;

  std::string literal_;        // what the text begins with; everything when tokens_ is empty and !ends_with_
  std::vector<Token> tokens_;  // and how it goes on
  std::vector<Set> sets_;
  bool has_glob_ = false;
  bool negative_ = false, only_directories_ = false, name_only_ = false;
  bool ends_with_ = false;  // "*literal": the name ends in literal_
  bool never_ = false;
};

}  // namespace holdfast::worktree
