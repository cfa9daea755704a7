// What a command says when SIGINT or SIGTERM ends it. It dies of the signal all the same, so that a shell sees it (130,
// 143): nothing has to be settled, as every verb can be killed at any moment.
#pragma once

#include "agent/control.h"
#include "command.h"

namespace holdfast::app {

// Once, before threads are started. A signal that is ignored stays ignored.
void prepare_last_word(const Command& command, const agent::ForwardedCommand& line);
// From here on the command runs in the process that owns the home, which carries on with it; false: here again.
void last_word_is_of_owner(bool at_owner);

}  // namespace holdfast::app
