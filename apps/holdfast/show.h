// Values of verbs as text, and as one JSON object. Names from repositories are escaped before a terminal sees them.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "agent/control.h"
#include "command.h"
#include "verbs/search.h"
#include "verbs/verbs.h"

namespace holdfast::app {

std::string text_of(const verbs::WhoAmI& who);
std::string text_of(const verbs::Status& status);
std::string text_of(const std::vector<verbs::Finding>& findings);
std::string text_of(const std::vector<session::SpaceName>& spaces);
std::string text_of(const verbs::SpaceInfo& info);
std::string text_of(const verbs::BackupDone& done, const Command& command, std::int64_t took_ns);
std::string text_of(const verbs::Snapshots& snapshots);
std::string text_of(const verbs::ForgetDone& done, const Command& command);
std::string text_of(const verbs::PruneDone& done, const Command& command);
std::string text_of(const verbs::RestoreDone& done, const Command& command, std::int64_t took_ns);
std::string text_of(const verbs::Listing& listing);
std::string text_of(const verbs::Diff& diff);
std::string text_of(const verbs::TreeStats& stats);
std::string text_of(const backup::CheckReport& report, bool read_data);
std::string text_of(const verbs::Inspected& inspected);
std::string text_of(const session::Alarms& alarms);

std::string json_of(const verbs::WhoAmI& who);
// schedules: an array (show_schedule.h)
std::string json_of(const verbs::Status& status, const nlohmann::ordered_json& schedules, bool alarmed);
std::string json_of(const std::vector<verbs::Finding>& findings);
std::string json_of(const std::vector<session::SpaceName>& spaces);
std::string json_of(const verbs::SpaceInfo& info);
std::string json_of(const verbs::BackupDone& done, bool dry_run);
std::string json_of(const verbs::Snapshots& snapshots);
std::string json_of(const verbs::ForgetDone& done, bool dry_run);
std::string json_of(const verbs::PruneDone& done, bool dry_run);
std::string json_of(const verbs::RestoreDone& done);
std::string json_of(const verbs::Listing& listing);
std::string json_of(const verbs::Diff& diff);
std::string json_of(const verbs::TreeStats& stats);
std::string json_of(const backup::CheckReport& report);
std::string json_of(const verbs::Inspected& inspected);
std::string json_of(const session::Alarms& alarms);

// What happened to which object; what is still whole; what to do next (the hints are made here).
std::string text_of(const Error& error, const Command& command);
std::string json_of(const Error& error, const Command& command);
std::string json_of_completion(const std::string& shell, const std::string& script);
std::string json_of_man(const Path& folder, const std::vector<std::string>& pages);
std::string hint_of(const Error& error, const Command& command);
int exit_code_of(const Error& error);
int report(const Error& error, const Command& command, agent::Output& output);  // shows it; gives its exit code
// Of a command line that is none, or asks for help.
int report(const Parsed& parsed, const std::vector<std::string>& arguments, agent::Output& output);

}  // namespace holdfast::app
