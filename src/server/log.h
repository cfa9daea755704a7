// The server's log: one JSON object a line. It names events, counts, durations and at most the first 8 hex digits of a
// group, or of an object that is lost; never bodies, tickets, keys, or other ids. Addresses of peers appear at level
// debug only.
#pragma once

#include <functional>
#include <initializer_list>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

#include "base/clock.h"
#include "base/result.h"

namespace holdfast::server {

enum class Level : std::uint8_t { error, warning, info, debug };
[[nodiscard]] Result<Level> parse_level(std::string_view text);  // "error", "warning", "info", "debug"; InvalidArgument

struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t> value;
  Field(std::string_view n, std::string_view text) : name(n), value(text) {}
  Field(std::string_view n, const std::string& text) : name(n), value(std::string_view(text)) {}
  Field(std::string_view n, const char* text) : name(n), value(std::string_view(text)) {}
  template <std::integral Number>
  Field(std::string_view n, Number number) : name(n), value(static_cast<std::int64_t>(number)) {}
};

// Any thread; a line is written whole.
class EventLog {
 public:
  using Sink = std::function<void(std::string_view line)>;  // with its newline; called by one thread at a time

  EventLog(Clock& clock, Level level, Sink sink) : clock_(clock), level_(level), sink_(std::move(sink)) {}

  // {"time":"2026-01-31T12:00:00.000Z","level":"info","event":"started","port":8470}
  void write(Level level, std::string_view event, std::initializer_list<Field> fields = {});
  // The error's code and sentence, and its object where that is a file.
  void error(std::string_view event, const Error& error);
  [[nodiscard]] bool shows(Level level) const { return level <= level_; }

 private:
  Clock& clock_;
  const Level level_;
  const Sink sink_;
  std::mutex mutex_;
};

EventLog::Sink standard_error_sink();
EventLog::Sink no_sink();

}  // namespace holdfast::server
