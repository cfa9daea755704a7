// What happened to this device or its server, and stays visible (DECISIONS F6, D22): told by the command that meets it,
// and by `status` from then on. In the local state, "event/<time>/<where>"; the newest 100, and every healing that has
// not ended.
#pragma once

#include <string>
#include <vector>

#include "base/codec.h"
#include "session/local_state.h"

namespace holdfast::session {

enum class EventKind : std::uint8_t {
  device_is_older = 1,  // `from`: the last counter that this device knew; `to`: the one in its own commit
  server_lost_entries,  // `from`, `to`: which entries of the log; `done`: they were all appended again
  server_lost_account   // `done`: it was made again. `space` is empty; what became of its spaces stands beside it
};
constexpr bool wire_valid(EventKind kind) {
  return kind >= EventKind::device_is_older && kind <= EventKind::server_lost_account;
}
struct Event {
  EventKind kind = EventKind::device_is_older;
  std::int64_t time_ns = 0;  // by this device's clock
  std::string space;         // its name
  std::uint64_t from = 0, to = 0;
  bool done = false;
  HOLDFAST_WIRE(kind, time_ns, space, from, to, done)
  friend bool operator==(const Event&, const Event&) = default;
};

// Adds to `change` what keeps the event. Of one kind, time and space there is one: a second takes the first one's
// place.
Status put_event(LocalState& state, const Event& event, Change& change);
[[nodiscard]] Result<std::vector<Event>> read_events(LocalState& state);  // oldest first
// The newest of that kind and space that is not done.
[[nodiscard]] Result<std::optional<Event>> open_event(LocalState& state, EventKind kind, const std::string& space);

}  // namespace holdfast::session
