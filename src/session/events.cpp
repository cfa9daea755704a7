#include "session/events.h"

#include "crypto/hash.h"

namespace holdfast::session {

namespace {

constexpr std::string_view events_prefix = "event/";
constexpr std::size_t events_max = 100;

std::string key_of(const Event& event) {
  const Bytes where = encode(Event{event.kind, event.time_ns, event.space, 0, 0, false});
  return std::string(events_prefix) + to_hex(encode(static_cast<std::uint64_t>(event.time_ns))) + "/" +
         crypto::sha256(where).short_hex();
}

}  // namespace

Status put_event(LocalState& state, const Event& event, Change& change) {
  const std::string key = key_of(event);
  std::vector<std::string> others;
  HF_OK(state.scan(events_prefix, [&](std::string_view name, ByteView) {
    if (name != key) others.emplace_back(name);
  }));
  if (others.size() >= events_max) {
    others.resize(others.size() - events_max + 1);
    change.erase.insert(change.erase.end(), others.begin(), others.end());
  }
  change.put.emplace_back(key, encode(event));
  return {};
}

Result<std::vector<Event>> read_events(LocalState& state) {
  std::vector<Bytes> values;
  HF_OK(state.scan(events_prefix, [&](std::string_view, ByteView value) { values.push_back(to_bytes(value)); }));
  std::vector<Event> out;
  for (const Bytes& value : values) {
    HF_TRY(out.emplace_back(), decode<Event>(value, "an event that this device keeps"));
  }
  return out;
}

}  // namespace holdfast::session
