// Pieces that several values are shown with. Internal to show*.cpp.
#pragma once

#include <nlohmann/json.hpp>

#include "show.h"

namespace holdfast::app {

using Json = nlohmann::ordered_json;

inline constexpr std::size_t problems_shown_max = 20;

std::string with_space(const Command& command);  // " --space NAME", as it was typed, or nothing
std::string padded(std::string text, std::size_t width);
std::string contents_text(const space::SnapshotStats& stats);  // "2 files, 1 folder, 3 others (links, ...), 4 KiB"
std::string problems_text(const std::vector<backup::Problem>& problems, std::uint64_t count);
std::string type_letter(const space::TreeEntry& entry);
std::string mode_text(std::uint16_t mode);
std::string restored_text(const backup::RestoreReport& report, const Command& command, std::int64_t took_ns,
                          const std::string& older);  // older: how to find an older version

std::string written(const Json& json);
std::string json_name(const std::string& name);  // itself when it is UTF-8, else escaped
void put_name(Json& json, const std::string& key, const std::string& name);
Json alarms_json(const session::Alarms& alarms);
Json events_json(const std::vector<session::Event>& events);
Json error_json(const Error& error);
Json stats_json(const space::SnapshotStats& stats);
void put_problems(Json& json, const backup::Problems& problems);
void put_report(Json& json, const backup::BackupReport& report);
void put_report(Json& json, const backup::RestoreReport& report);
Json snapshot_json(const space::Snapshot& snapshot);
Json entry_json(const space::TreeEntry& entry);

}  // namespace holdfast::app
