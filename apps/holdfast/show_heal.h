// What a server has lost and got back, and what happened to a device, as text and as JSON.
#pragma once

#include "show.h"
#include "verbs/heal.h"

namespace holdfast::app {

std::string text_of(const verbs::HealDone& done, const Command& command);
std::string json_of(const verbs::HealDone& done);
std::string text_of(const std::vector<session::Event>& events);
std::string json_of(const std::vector<session::Event>& events);  // {"events": [...]}

}  // namespace holdfast::app
