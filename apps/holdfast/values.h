// What the words of a command line can be. What is judged here needs neither home nor server.
#pragma once

#include "value.h"

namespace holdfast::app {

using command_line::Value;

// Value::completes: names that the account has (complete_verb.cpp).
inline constexpr std::string_view names_of_spaces = "spaces", names_of_places = "places", names_of_tags = "tags",
                                  names_of_snapshots = "snapshots", names_of_forgotten = "forgotten",
                                  names_of_trees = "trees", files_and_places = "files_and_places";

Value account_name();
Value device_name();
Value server_link();
Value space_name();
Value new_space_name();
Value tag();
Value exclude_pattern();
Value find_pattern();
Value interval();       // of --every
Value schedule_name();  // of --scheduled
Value age();            // of --keep-within
Value snapshot();
Value forgotten_snapshot();
Value snapshot_path();    // SNAPSHOT[:PATH]
Value tree();             // the same, or SPACE:[PATH]
Value file_in_tree();     // the same, of a file: there is a path
Value place();            // SPACE:[PATH]
Value place_below();      // SPACE:PATH, and not the top
Value paths_and_place();  // each word of PATH... SPACE:PATH, the last of which is a place()

[[nodiscard]] std::optional<std::int64_t> parse_age(std::string_view typed);  // "12h", "30d", "8w", "2y", in seconds

}  // namespace holdfast::app
