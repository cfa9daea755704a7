#include "session/events.h"

#include "crypto/hash.h"

namespace holdfast::session {

namespace {

constexpr std::string_view events_prefix = "event/";
constexpr std::size_t events_max = 100;
constexpr const char* an_event = "an event that this device keeps";

std::string key_of(const Event& event) {
  const Bytes where = encode(Event{event.kind, event.time_ns, event.space, 0, 0, false});
  return std::string(events_prefix) + to_hex(encode(static_cast<std::uint64_t>(event.time_ns))) + "/" +
         crypto::sha256(where).short_hex();
}

}  // namespace

Status put_event(LocalState& state, const Event& event, Change& change) {
  const std::string key = key_of(event);
  std::vector<std::pair<std::string, Bytes>> others;
  HF_OK(state.scan(events_prefix, [&](std::string_view name, ByteView value) {
    if (name != key) others.emplace_back(name, to_bytes(value));
  }));
  // As many of the oldest as are too many, but none of a healing that has not ended: the next one goes on by it.
  std::size_t too_many = others.size() < events_max ? 0 : others.size() - events_max + 1;
  for (std::size_t i = 0; i < others.size() && too_many > 0; ++i) {
    HF_TRY(const auto old, decode<Event>(others[i].second, an_event));
    if (!old.done) continue;
    change.erase.push_back(others[i].first);
    --too_many;
  }
  change.put.emplace_back(key, encode(event));
  return {};
}

Result<std::vector<Event>> read_events(LocalState& state) {
  std::vector<Bytes> values;
  HF_OK(state.scan(events_prefix, [&](std::string_view, ByteView value) { values.push_back(to_bytes(value)); }));
  std::vector<Event> out;
  for (const Bytes& value : values) {
    HF_TRY(out.emplace_back(), decode<Event>(value, an_event));
  }
  return out;
}

Result<std::optional<Event>> open_event(LocalState& state, EventKind kind, const std::string& space) {
  HF_TRY(const auto events, read_events(state));
  std::optional<Event> out;
  for (const Event& event : events)
    if (event.kind == kind && event.space == space && !event.done) out = event;
  return out;
}

}  // namespace holdfast::session
