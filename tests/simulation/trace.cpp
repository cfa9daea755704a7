#include "tests/simulation/trace.h"

#include <cstdio>
#include <cstdlib>

namespace holdfast::sim {
namespace {

std::string line_of(std::uint64_t step, std::int64_t time_ns, const Event& event) {
  char head[64];
  std::snprintf(head, sizeof head, "step %5llu %12.6f s  ", static_cast<unsigned long long>(step),
                static_cast<double>(time_ns) / 1e9);
  std::string line = head;
  line.append(event.who).append("  ").append(event.what);
  if (!event.object.empty()) line += " " + printable(event.object);
  if (!event.other.empty()) line += " -> " + printable(event.other);
  if (event.a != 0 || event.b != 0) line += "  " + std::to_string(event.a) + " +" + std::to_string(event.b);
  return line;
}

}  // namespace

Trace::Trace() : printing_(std::getenv("HOLDFAST_SIM_TRACE") != nullptr) {}

void Trace::add(std::uint64_t step, std::int64_t time_ns, const Event& event) {
  digest_.add(step);
  digest_.add(static_cast<std::uint64_t>(time_ns));
  for (const std::string_view text : {event.who, event.what, event.object, event.other}) digest_.add(text);
  for (const std::uint64_t word : {event.a, event.b, event.content}) digest_.add(word);
  if (!printing_ && !recording_) return;
  std::string line = line_of(step, time_ns, event);
  if (printing_) std::fprintf(stderr, "%s\n", line.c_str());
  if (recording_) lines_.push_back(std::move(line));
}

}  // namespace holdfast::sim
