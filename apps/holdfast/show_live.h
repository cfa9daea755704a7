// What commands on a space's live tree give, as text and as JSON.
#pragma once

#include "show.h"
#include "verbs/live.h"

namespace holdfast::app {

std::string text_of(const verbs::PutDone& done, const Command& command, std::int64_t took_ns);
std::string text_of(const verbs::GetDone& done, const Command& command, std::int64_t took_ns);
std::string text_of(const verbs::LiveChanged& done, const Command& command, std::int64_t took_ns);
std::string text_of(const verbs::History& history, const Command& command, std::int64_t took_ns);

std::string json_of(const verbs::PutDone& done);
std::string json_of(const verbs::GetDone& done);
std::string json_of(const verbs::LiveChanged& done);
std::string json_of(const verbs::History& history);

}  // namespace holdfast::app
