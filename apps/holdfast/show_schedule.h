// Schedules as text and JSON.
#pragma once

#include "command.h"
#include "schedules.h"

namespace holdfast::app {

std::string text_of(const Scheduled& done, const Command& command);
std::string text_of(const Unscheduled& done, const Command& command);
std::string json_of(const Scheduled& done);
std::string json_of(const Unscheduled& done);

std::string text_of(const std::vector<ScheduleView>& views);  // a part of `status`; empty: there are none
std::string json_of(const verbs::Status& status, const std::vector<ScheduleView>& views, bool alarmed);

}  // namespace holdfast::app
