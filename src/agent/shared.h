// What several verbs of one process share, made safe for their threads (DECISIONS D4).
#pragma once

#include <memory>

#include "session/session.h"

namespace holdfast::agent {

std::unique_ptr<session::LocalState> locked_state(std::unique_ptr<session::LocalState> inner);
std::unique_ptr<session::Claims> locked_claims();

}  // namespace holdfast::agent
