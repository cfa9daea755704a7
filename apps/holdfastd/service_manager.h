// What a service manager (systemd) hands to a service and is told by it: sd_listen_fds(3) and sd_notify(3), whose
// protocols are stable and need no library. Without a service manager nothing happens.
#pragma once

#include <optional>
#include <string_view>

#include "base/result.h"

namespace holdfast {

// The one listening socket that this process was started with. InvalidArgument: it was started with several.
Result<std::optional<int>> socket_handed_over();

// "READY=1", "STOPPING=1", "STATUS=..."; several stand on lines of their own.
void tell_service_manager(std::string_view state);

}  // namespace holdfast
