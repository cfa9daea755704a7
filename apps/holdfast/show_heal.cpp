#include "show_heal.h"

#include <algorithm>

#include "show_parts.h"
#include "terminal.h"

namespace holdfast::app {

namespace {

constexpr const char* not_healed = ", and healing was begun and has not ended: repeat  holdfast heal\n";

std::string entries_text(std::uint64_t from, std::uint64_t to) {
  return from == to ? "entry " + std::to_string(to) : "entries " + std::to_string(from) + " to " + std::to_string(to);
}

const char* name_of(session::EventKind kind) {
  switch (kind) {
    case session::EventKind::device_is_older:
      return "device_is_older";
    case session::EventKind::server_lost_entries:
      return "server_lost_entries";
    case session::EventKind::server_lost_account:
      return "server_lost_account";
  }
  return "";
}

std::string lost_text(const session::Healed& space) {
  std::string out;
  const std::string name = printable(space.space);
  if (space.lost.space)
    out += name + ": the server had lost all of it" + (space.error ? "\n" : "; its log is there again\n");
  if (!space.lost.space && space.lost.to > 0 && !space.error)
    out += name + ": the server had lost " + entries_text(space.lost.from, space.lost.to) +
           " of its log; now it has them again\n";
  if (space.packs_returned > 0)
    out +=
        name + ": " + counted(space.packs_returned, "pack") + " that a prune had replaced stand in its index again\n";
  if (space.index_sent) out += name + ": a part of its index, which the server had lost, was sent again\n";
  if (space.packs_missing > 0)
    out += "ALARM  " + name + ": " + counted(space.packs_missing, "pack") + " (" + size_text(space.bytes_missing) +
           ") that hold what stands nowhere else are not on the server\n";
  if (space.error)
    out += "ALARM  " + name + ": " + space.error->sentence + " (" + std::string(name_of(space.error->code)) + ")\n";
  return out;
}

}  // namespace

std::string text_of(const verbs::HealDone& done, const Command& command) {
  if (done.nothing_was_lost()) return "the server has all that this device knows of\n";
  std::string out;
  if (done.account_made) out += "the server did not know the account any more; it is there again\n";
  for (const auto& space : done.spaces) out += lost_text(space);
  if (!done.all_is_there()) {
    const auto failed = std::ranges::find_if(done.spaces, [](const auto& space) { return space.error.has_value(); });
    out += "  whole   everything else\n  next    ";
    out += failed != done.spaces.end()
               ? hint_of(*failed->error, command)
               : "back the same paths up again, which sends what is still here; then see what is not:  holdfast check";
    out += "\n";
  }
  return out;
}

std::string json_of(const verbs::HealDone& done) {
  Json out{{"account_made", done.account_made}, {"spaces", Json::array()}};
  for (const auto& space : done.spaces) {
    Json one{{"name", json_name(space.space)},
             {"space_lost", space.lost.space},
             {"entries_lost", space.lost.to > 0 ? space.lost.to - space.lost.from + 1 : 0},
             {"first_lost", space.lost.from},
             {"last_lost", space.lost.to},
             {"index_sent", space.index_sent},
             {"packs_returned", space.packs_returned},
             {"packs_missing", space.packs_missing},
             {"bytes_missing", space.bytes_missing}};
    if (space.error) one["error"] = error_json(*space.error);
    out["spaces"].push_back(std::move(one));
  }
  out["nothing_was_lost"] = done.nothing_was_lost();
  out["all_is_there"] = done.all_is_there();
  out["alarms"] = alarms_json(done.alarms);
  return written(out);
}

std::string text_of(const std::vector<session::Event>& events) {
  std::string out;
  for (const auto& event : events) {
    const std::string when = time_text(event.time_ns) + "  ";
    if (event.kind == session::EventKind::device_is_older)
      out += when + "this home was put back from an older copy, or there are two of it: " + printable(event.space) +
             " has commits of this device up to number " + std::to_string(event.to) + ", and it remembered " +
             std::to_string(event.from) + "; what stands in the space counts. Never use two copies of one home\n";
    else if (event.kind == session::EventKind::server_lost_account)
      out += when + "the server had lost the account" + (event.done ? "; it was made again\n" : not_healed);
    else
      out += when + "the server had lost " + entries_text(event.from, event.to) + " of the log of " +
             printable(event.space) + (event.done ? "; it was given them back\n" : not_healed);
  }
  return out;
}

Json events_json(const std::vector<session::Event>& events) {
  Json out = Json::array();
  for (const auto& event : events)
    out.push_back({{"kind", name_of(event.kind)},
                   {"time", time_text(event.time_ns)},
                   {"space", json_name(event.space)},
                   {"from", event.from},
                   {"to", event.to},
                   {"done", event.done}});
  return out;
}

std::string json_of(const std::vector<session::Event>& events) { return written({{"events", events_json(events)}}); }

}  // namespace holdfast::app
