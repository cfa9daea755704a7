#include "values.h"

#include <algorithm>
#include <map>

#include "address.h"
#include "mistake.h"
#include "schedule/interval.h"
#include "schedule/record.h"
#include "session/spaces.h"
#include "worktree/ignore_pattern.h"

namespace holdfast::app {

namespace {

constexpr std::size_t word_bytes_max = 255;
constexpr std::string_view snapshot_takes = "latest, or the first characters of an id (0-9 a-f), at least 4";

constexpr std::string_view id_digits = "0123456789abcdef";

bool is_id(std::string_view typed) {
  return typed.size() >= backup::id_characters_min && typed.size() <= 2 * space::SnapshotId::size &&
         typed.find_first_not_of(id_digits) == typed.npos;
}
bool is_snapshot(std::string_view typed) { return typed == backup::latest_snapshot || is_id(typed); }
bool is_space(std::string_view typed) { return session::check_space_name(typed).has_value(); }
bool is_short_word(std::string& typed) { return typed.size() <= word_bytes_max; }

bool can_be_in_a_tree(const std::string& path) {
  std::size_t at = 0;
  while (at <= path.size()) {
    const std::size_t end = std::min(path.find('/', at), path.size());
    const std::string_view name = std::string_view(path).substr(at, end - at);
    if (name == ".." || name.size() > space::name_bytes_max) return false;
    at = end + 1;
  }
  return true;
}

// Each word before the colon, and whether a path may be missing.
bool is_tree(const std::string& typed, bool may_be_space, bool needs_path) {
  const auto at = tree_path(typed);
  const bool known = is_snapshot(at.tree) || (may_be_space && at.may_be_space && is_space(at.tree));
  return known && can_be_in_a_tree(at.path) && !(needs_path && at.path.empty());
}

// A mistyped "latest", or a space's name whose colon was forgotten.
std::string meant_tree(const std::string& typed) {
  std::string latest = command_line::nearest_of(typed, {std::string(backup::latest_snapshot)});
  const bool too_short_id = typed.find_first_not_of(id_digits) == std::string::npos;
  return !latest.empty() ? latest : is_space(typed) && !too_short_id ? typed + ":" : "";
}

Value with(std::string form, std::string takes, std::string example, std::function<bool(std::string&)> fits,
           std::string completes = {}) {
  return {std::move(form), std::move(takes), std::move(example), std::move(fits), std::move(completes)};
}

}  // namespace

Value account_name() {
  return with("NAME", "1 to 64 of a-z, 0-9 and . _ -", "anna",
              [](std::string& typed) { return identity::check_user_name(typed).has_value(); });
}

Value device_name() { return with("NAME", "a name of at most 255 bytes", "laptop", is_short_word); }

Value server_link() {
  return with("LINK", "hf://host:port#key.policy, as `holdfastd serve` prints it, with two hashes of 64 hex digits", "",
              [](std::string& typed) { return api::parse_server_link(typed).has_value(); });
}

Value space_name() {
  return with(
      "NAME", "the name of a space: 1 to 64 letters, digits and . _ -, the first no . or -, and not \"latest\"",
      "photos", [](std::string& typed) { return is_space(typed); }, std::string(names_of_spaces));
}

Value new_space_name() {
  Value out = space_name();
  out.completes.clear();
  return out;
}

Value tag() { return with("TAG", "a word of at most 255 bytes", "monthly", is_short_word, std::string(names_of_tags)); }

Value exclude_pattern() {
  return with("PATTERN", "a pattern of gitignore that something can match: no [ without its ], no \\ at the end",
              "'*.o'", [](std::string& typed) { return !worktree::IgnorePattern(typed).matches_nothing(); });
}

Value find_pattern() {
  return with("PATTERN",
              "a pattern of gitignore that something can match: no ! in front, no [ without its ], no \\ at the end",
              "'*.txt'", [](std::string& typed) {
                const worktree::IgnorePattern pattern(typed);
                return !pattern.matches_nothing() && !pattern.includes_again();
              });
}

Value interval() {
  return with(
      "INTERVAL", std::string(schedule::intervals) + ", or never", "6h",
      [](std::string& typed) { return typed == "never" || schedule::parse_every(typed).has_value(); },
      "words 15min 20min 30min 1h 2h 3h 4h 6h 8h 12h 1d 2d 1w 2w 4w never");
}

Value schedule_name() {
  return with("NAME", "1 to 64 of a-z, 0-9 and -", "nightly",
              [](std::string& typed) { return schedule::is_name(typed); });
}

std::optional<std::int64_t> parse_age(std::string_view typed) {
  static const std::map<char, std::int64_t> units{
      {'h', 3600}, {'d', 24 * 3600}, {'w', 7 * 24 * 3600}, {'m', 31 * 24 * 3600}, {'y', 366 * 24 * 3600}};
  const auto unit = typed.empty() ? units.end() : units.find(typed.back());
  if (unit == units.end() || typed.size() > 6) return std::nullopt;
  const auto number = command_line::parse_number(typed.substr(0, typed.size() - 1));
  if (!number) return std::nullopt;
  return static_cast<std::int64_t>(*number) * unit->second;
}

Value age() {
  return with(
      "TIME", "a whole number below 100,000 and one of h, d, w, m, y", "30d",
      [](std::string& typed) { return parse_age(typed).has_value(); }, "words 12h 7d 30d 8w 6m 2y");
}

Value snapshot() {
  return with(
      "SNAPSHOT", std::string(snapshot_takes), "latest", [](std::string& typed) { return is_snapshot(typed); },
      std::string(names_of_snapshots));
}

Value forgotten_snapshot() {
  return with(
      "SNAPSHOT", "the first characters of an id (0-9 a-f), at least 4", "6c02ee1f",
      [](std::string& typed) { return is_id(typed); }, std::string(names_of_forgotten));
}

Value snapshot_path() {
  return with(
      "SNAPSHOT[:PATH]", std::string(snapshot_takes) + "; behind a colon a path in it without \"..\"", "latest:docs",
      [](std::string& typed) { return is_tree(typed, false, false); }, std::string(names_of_snapshots));
}

Value tree() {
  Value out = with(
      "SNAPSHOT[:PATH]",
      std::string(snapshot_takes) +
          ", and behind a colon a path in it without \"..\"; or a space's name, a colon and a path: SPACE:[PATH]",
      "latest:docs", [](std::string& typed) { return is_tree(typed, true, false); }, std::string(names_of_trees));
  out.meant = meant_tree;
  return out;
}

Value file_in_tree() {
  return with(
      "SNAPSHOT:PATH",
      std::string(snapshot_takes) + ", or a space's name; then a colon and the path of a file without \"..\"",
      "latest:docs/letter.txt", [](std::string& typed) { return is_tree(typed, true, true); },
      std::string(names_of_trees));
}

Value place() {
  return with(
      "SPACE:PATH", "a space's name, a colon, and a path in it without \"..\"; SPACE: is its top", "docs:letters",
      [](std::string& typed) {
        const auto at = live_path(typed);
        return at && is_space(at->space);
      },
      std::string(names_of_places));
}

Value place_below() {
  Value out = place();
  out.takes = "a space's name, a colon, and a path in it without \"..\"; not the top, which has no name";
  out.fits = [](std::string& typed) {
    const auto at = live_path(typed);
    return at && is_space(at->space) && !at->path.empty();
  };
  return out;
}

Value paths_and_place() {
  return with("PATH... SPACE:PATH", "files and folders, and then a folder of a space", "", {},
              std::string(files_and_places));
}

}  // namespace holdfast::app
