// From a command line to an exit code: who owns the home runs it, everybody else sends it there (DECISIONS D4).
#pragma once

#include "agent/control.h"
#include "command.h"

namespace holdfast::app {

int run(const Command& command, const agent::ForwardedCommand& line, agent::Output& output);

}  // namespace holdfast::app
