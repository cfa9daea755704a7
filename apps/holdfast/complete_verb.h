// `holdfast complete`: the definitions, and names that the account has. It waits for nothing: two seconds, no prompt,
// no word on standard error, no commands of others.
#pragma once

#include "schedules.h"
#include "session/session.h"

namespace holdfast::app {

// In the process that was asked. `run` opens the home, or asks its owner.
int complete(const Command& command, const agent::ForwardedCommand& line, agent::Output& output, const RunAtHome& run);
// Where the home is open.
Result<int> complete_names(session::Session& session, const agent::ForwardedCommand& line, agent::Output& output);

}  // namespace holdfast::app
