// Verbs that need neither home nor account: completion, inspect, man.
#pragma once

#include "agent/control.h"
#include "world.h"

namespace holdfast::app {

// nullopt: the command is none of them.
std::optional<int> run_tool(World& world, const Command& command, const agent::ForwardedCommand& line,
                            agent::Output& output);

}  // namespace holdfast::app
