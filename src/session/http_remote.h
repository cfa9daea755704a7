// The door Remote as a server over the network has it.
#pragma once

#include <memory>

#include "api/server_link.h"
#include "base/remote.h"

namespace holdfast::session {

// Maps Channel to connections that are never shared, Call to POST /v1/<name>, HTTP statuses other than 200 to
// Unreachable or RateLimited.
std::unique_ptr<Remote> http_remote(const api::ServerLink& link);

}  // namespace holdfast::session
