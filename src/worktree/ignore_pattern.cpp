#include "worktree/ignore_pattern.h"

#include <array>
#include <bit>
#include <cstring>

namespace holdfast::worktree {

namespace {

constexpr std::string_view special = "*?[\\";

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

// The classes of POSIX in the C locale, except that "space" has git's four bytes.
bool in_class(std::string_view name, unsigned c, bool& known) {
  const bool upper = c >= 'A' && c <= 'Z', lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
  const bool graph = c > 0x20 && c < 0x7f, alnum = upper || lower || digit;
  known = true;
  if (name == "alnum") return alnum;
  if (name == "alpha") return upper || lower;
  if (name == "blank") return c == ' ' || c == '\t';
  if (name == "cntrl") return c < 0x20 || c == 0x7f;
  if (name == "digit") return digit;
  if (name == "graph") return graph;
  if (name == "lower") return lower;
  if (name == "print") return graph || c == ' ';
  if (name == "punct") return graph && !alnum;
  if (name == "space") return c == ' ' || c == '\t' || c == '\n' || c == '\r';
  if (name == "upper") return upper;
  if (name == "xdigit") return digit || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
  known = false;
  return false;
}

}  // namespace

IgnorePattern::IgnorePattern(std::string_view text) {
  if (text.starts_with('!')) {
    negative_ = true;
    text.remove_prefix(1);
  }
  never_ = text.size() > pattern_size_max;
  if (never_) return;
  if (text.ends_with('/')) {
    only_directories_ = true;
    text.remove_suffix(1);
  }
  name_only_ = text.find('/') == std::string_view::npos;
  if (text.starts_with('/')) text.remove_prefix(1);
  if (name_only_ && text.starts_with('*') && text.find_first_of(special, 1) == std::string_view::npos) {
    ends_with_ = true;
    literal_ = text.substr(1);
    return;
  }
  // git compares what stands before the first special byte, then matches the rest as a pattern of its own: in
  // "a**/b" the "**" therefore counts as leading. A name is matched as a whole.
  const std::size_t special_at = std::min(text.find_first_of(special), text.size());
  literal_ = text.substr(0, special_at);
  has_glob_ = special_at < text.size();
  if (has_glob_) compile(text.substr(special_at));
}

void IgnorePattern::compile(std::string_view glob) {
  for (std::size_t at = 0; at < glob.size() && !never_;) {
    const std::uint8_t byte = byte_at(glob, at);
    if (byte == '*') {
      at = compile_star(glob, at);
    } else if (byte == '[') {
      at = compile_set(glob, at);
      never_ = at == std::string_view::npos;
    } else if (byte == '?') {
      tokens_.push_back({.kind = name_only_ ? Kind::any : Kind::not_slash});
      ++at;
    } else {
      if (byte == '\\') ++at;
      never_ = at == glob.size();  // a backslash at the end stands for no byte
      tokens_.push_back({.kind = Kind::byte, .byte = byte_at(glob, at)});
      ++at;
    }
  }
}

std::size_t IgnorePattern::compile_star(std::string_view glob, std::size_t at) {
  const std::size_t end = std::min(glob.find_first_not_of('*', at), glob.size());
  const bool several = end - at > 1;
  const bool begins_component = at == 0 || glob[at - 1] == '/';
  const std::string_view rest = glob.substr(end);
  const bool ends_component = rest.empty() || rest.starts_with('/') || rest.starts_with("\\/");
  if (name_only_ || (several && begins_component && ends_component)) {
    const bool folders = !name_only_ && rest.starts_with('/');
    tokens_.push_back({.kind = folders ? Kind::folders : Kind::everything});
    return folders ? end + 1 : end;
  }
  tokens_.push_back({.kind = Kind::star});
  return end;
}

// What is inside [ ]: bytes, ranges, [:classes:]; ! or ^ in front turns it around; ] may stand first; backslash
// escapes.
std::size_t IgnorePattern::compile_set(std::string_view glob, std::size_t at) {
  Set set;
  ++at;
  const bool negated = byte_at(glob, at) == '!' || byte_at(glob, at) == '^';
  if (negated) ++at;
  unsigned previous = 0;  // the byte before, where a range may begin
  for (bool first = true;; first = false, ++at) {
    if (at >= glob.size()) return std::string_view::npos;
    unsigned byte = byte_at(glob, at);
    if (byte == ']' && !first) break;
    if (byte == '\\') {
      if (++at >= glob.size()) return std::string_view::npos;
      byte = byte_at(glob, at);
      set.set(byte);
      previous = byte;
    } else if (byte == '-' && previous != 0 && at + 1 < glob.size() && glob[at + 1] != ']') {
      ++at;
      if (glob[at] == '\\') ++at;
      if (at >= glob.size()) return std::string_view::npos;
      for (unsigned in = previous; in <= byte_at(glob, at); ++in) set.set(in);
      previous = 0;
    } else if (byte == '[' && byte_at(glob, at + 1) == ':') {
      const std::size_t name = at + 2, end = glob.find(']', name);
      if (end == std::string_view::npos) return std::string_view::npos;
      if (end == name || glob[end - 1] != ':') {  // no class after all: the byte [
        set.set('[');
        previous = '[';
        continue;
      }
      bool known = true;
      for (unsigned c = 0; c < 256; ++c)
        if (in_class(glob.substr(name, end - 1 - name), c, known)) set.set(c);
      if (!known) return std::string_view::npos;
      at = end;
      previous = 0;
    } else {
      set.set(byte);
      previous = byte;
    }
  }
  if (negated) set.flip();
  if (!name_only_) set.reset('/');
  tokens_.push_back({.kind = Kind::set, .byte = 0, .set = static_cast<std::uint16_t>(sets_.size())});
  sets_.push_back(set);
  return at + 1;
}

bool IgnorePattern::matches(std::string_view path, std::string_view name, bool is_directory) const {
  if (never_ || (only_directories_ && !is_directory)) return false;
  const std::string_view text = name_only_ ? name : path;
  if (ends_with_) return text.ends_with(literal_);
  if (!has_glob_) return text == literal_;
  return text.starts_with(literal_) && glob_matches(text.substr(literal_.size()));
}

// Keeps the set of tokens that may come next, as bits, and moves it on byte by byte.
bool IgnorePattern::glob_matches(std::string_view text) const {
  constexpr std::size_t word_bits = 64;
  using States = std::array<std::uint64_t, pattern_size_max / word_bits + 1>;
  const std::size_t words = tokens_.size() / word_bits + 1;
  States now, next;
  std::memset(now.data(), 0, words * sizeof(std::uint64_t));
  const auto may_be_empty = [](Kind kind) {
    return kind == Kind::star || kind == Kind::everything || kind == Kind::folders;
  };
  const auto enter = [&](States& states, std::size_t at) {
    for (;; ++at) {
      states[at / word_bits] |= std::uint64_t{1} << (at % word_bits);
      if (at == tokens_.size() || !may_be_empty(tokens_[at].kind)) return;
    }
  };
  enter(now, 0);
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    std::memset(next.data(), 0, words * sizeof(std::uint64_t));
    bool alive = false;
    for (std::size_t word = 0; word < words; ++word) {
      for (std::uint64_t bits = now[word]; bits != 0; bits &= bits - 1) {
        const std::size_t at = word * word_bits + static_cast<std::size_t>(std::countr_zero(bits));
        if (at == tokens_.size()) continue;
        const Token& token = tokens_[at];
        bool step = false, stay = false;
        switch (token.kind) {
          case Kind::byte:
            step = byte == token.byte;
            break;
          case Kind::any:
            step = true;
            break;
          case Kind::not_slash:
            step = byte != '/';
            break;
          case Kind::set:
            step = sets_[token.set].test(byte);
            break;
          case Kind::star:
            stay = byte != '/';
            break;
          case Kind::everything:
            stay = true;
            break;
          case Kind::folders:
            // Stays without letting the next token begin in the middle of a component.
            next[word] |= std::uint64_t{1} << (at % word_bits);
            alive = true;
            step = byte == '/';
            break;
        }
        if (stay) enter(next, at);
        if (step) enter(next, at + 1);
        alive |= stay || step;
      }
    }
    if (!alive) return false;
    std::swap(now, next);
  }
  const std::size_t end = tokens_.size();
  return (now[end / word_bits] >> (end % word_bits) & 1) != 0;
}

}  // namespace holdfast::worktree
