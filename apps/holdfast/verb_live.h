// Commands on what stands in a space (verbs/live.h).
#pragma once

#include "agent/control.h"
#include "world.h"

namespace holdfast::app {

// nullopt: the command is none of them.
std::optional<Result<int>> run_live_verb(World& world, session::Session& session, const Command& command,
                                         const agent::ForwardedCommand& line, agent::Output& output);

}  // namespace holdfast::app
