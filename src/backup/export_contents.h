// What an export holds: a list of all its trees, written when it ended well, so that one that is gone together with its
// manifest is missed. The text: docs/formats/export.md.
#pragma once

#include <array>
#include <map>
#include <string>

#include "base/files.h"

namespace holdfast::backup {

inline constexpr std::string_view contents_file = "holdfast contents";  // no space can have this name
inline constexpr std::string_view manifest_ending = ".manifest";

using ExportContents = std::map<std::string, std::string>;  // "SPACE/snapshots/NAME": SHA-256 of its manifest, as hex

[[nodiscard]] Bytes encode_contents(const ExportContents& contents);
// Malformed: not all of what encode_contents() wrote.
[[nodiscard]] Result<ExportContents> decode_contents(ByteView bytes);

// Names of one type in a folder, sorted. A folder that is not there has none.
[[nodiscard]] Result<std::vector<std::string>> names_in(Files& files, const Path& folder, FileType type);
inline constexpr std::array<std::string_view, 2> tree_kinds = {"snapshots", "live"};  // folders of a space's folder
// Every tree that has a manifest, of one such folder: "SPACE/KIND" below the export's.
[[nodiscard]] Status add_contents(Files& files, const Path& folder, const std::string& kind, ExportContents& contents);

}  // namespace holdfast::backup
