// The form that the texts of an export share: lines of fields between tabs, a first line that says what it is, and a
// last one with the hash of all before. Internal to export_manifest.cpp and export_contents.cpp.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"

namespace holdfast::backup {

std::string escaped(std::string_view field);  // backslash, tab and newline
// Fields of one line, split at tabs and unescaped.
std::optional<std::vector<std::string>> fields_of(std::string_view line);
std::string hash_line(ByteView before);
// What stands between a first line (without its end) and hash_line(); nullopt: not all of it is as it was written.
std::optional<std::string_view> lines_inside(ByteView text, std::string_view first);

}  // namespace holdfast::backup
