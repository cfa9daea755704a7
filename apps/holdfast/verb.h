// A command on an account that is open: its words become options, and what it gives is shown.
#pragma once

#include "agent/control.h"
#include "world.h"

namespace holdfast::app {

// Gives the exit code; an error is shown.
int run_verb(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output);

}  // namespace holdfast::app
