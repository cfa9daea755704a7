// The systemd manager of this user, through the program `systemctl`: what it is told, and what it knows.
#pragma once

#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace holdfast::app {

// Unsupported: none answers (a container, no session, no systemd), and what was said of it.
Result<unsigned> manager_version();

Status manager_reloads();                         // reads the units anew
Status manager_starts(const std::string& timer);  // now, and whenever the manager starts
// Best effort: what is gone is gone already.
void manager_stops(const std::string& timer, const std::string& service);

struct TimerState {
  bool answered = false;  // else nothing below is known
  bool active = false;
  std::optional<std::int64_t> next_ns;
  std::string service_result = "success";  // "exit-code", "signal", ...: of its last start
};
TimerState timer_state(const std::string& unit);  // without ".timer" and ".service"

bool user_lingers();  // whether the manager runs without a login

}  // namespace holdfast::app
