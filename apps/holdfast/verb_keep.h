// The verbs that keep a space for years: what was forgotten comes back, and everything leaves and enters in plain form.
#pragma once

#include "agent/control.h"
#include "command.h"
#include "session/session.h"

namespace holdfast::app {

// nullopt: the command is none of these.
std::optional<Result<int>> run_keep_verb(session::Session& session, const Command& command,
                                         const agent::ForwardedCommand& line, agent::Output& output);

}  // namespace holdfast::app
