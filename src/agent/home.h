// What a home directory must be before anything in it is read or written.
#pragma once

#include "base/files.h"

namespace holdfast::agent {

// NotAuthorized: others could put something of theirs in the place of keys, state or socket.
Status check_home(Files& files, const Path& home);

}  // namespace holdfast::agent
