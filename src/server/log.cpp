#include "server/log.h"

#include <unistd.h>

#include <array>
#include <chrono>

#include "base/bytes.h"

namespace holdfast::server {

namespace {

constexpr std::array<std::string_view, 4> level_names{"error", "warning", "info", "debug"};

std::string_view name_of(Level level) { return level_names.at(static_cast<std::size_t>(level)); }

// RFC 8259 section 7. Bytes that are no ASCII text become \u00NN: a log line is always valid, whatever a peer sent.
void add_quoted(std::string& line, std::string_view text) {
  line += '"';
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (c == '"' || c == '\\') {
      line += '\\';
      line += c;
    } else if (byte >= 0x20 && byte < 0x7f) {
      line += c;
    } else {
      line += "\\u00" + to_hex({&byte, 1});
    }
  }
  line += '"';
}

std::string two_digits(unsigned value) {
  return {static_cast<char>('0' + value / 10), static_cast<char>('0' + value % 10)};
}

std::string utc(std::int64_t time_ns) {
  using namespace std::chrono;
  const sys_time<milliseconds> time(floor<milliseconds>(nanoseconds(time_ns)));
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  const auto part = [](auto count) { return two_digits(static_cast<unsigned>(count)); };
  const auto milliseconds_part = static_cast<unsigned>(clock.subseconds().count());
  return std::to_string(static_cast<int>(date.year())) + "-" + part(static_cast<unsigned>(date.month())) + "-" +
         part(static_cast<unsigned>(date.day())) + "T" + part(clock.hours().count()) + ":" +
         part(clock.minutes().count()) + ":" + part(clock.seconds().count()) + "." +
         std::to_string(milliseconds_part / 100) + two_digits(milliseconds_part % 100) + "Z";
}

}  // namespace

Result<Level> parse_level(std::string_view text) {
  for (std::size_t i = 0; i < level_names.size(); ++i)
    if (level_names.at(i) == text) return static_cast<Level>(i);
  return fail(Code::InvalidArgument, "the log's level is error, warning, info or debug", printable(text));
}

void EventLog::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
  if (!shows(level)) return;
  std::string line = "{\"time\":\"" + utc(clock_.now_ns()) + "\",\"level\":";
  add_quoted(line, name_of(level));
  line += ",\"event\":";
  add_quoted(line, event);
  for (const Field& field : fields) {
    line += ',';
    add_quoted(line, field.name);
    line += ':';
    if (const auto* text = std::get_if<std::string_view>(&field.value)) {
      add_quoted(line, *text);
    } else {
      line += std::to_string(std::get<std::int64_t>(field.value));
    }
  }
  line += "}\n";
  const std::lock_guard lock(mutex_);
  sink_(line);
}

void EventLog::error(std::string_view event, const Error& error) {
  const std::string_view file = error.object.starts_with('/') ? std::string_view(error.object) : std::string_view();
  write(Level::error, event, {{"code", holdfast::name_of(error.code)}, {"reason", error.sentence}, {"file", file}});
}

EventLog::Sink standard_error_sink() {
  return [](std::string_view line) {
    while (!line.empty()) {
      const ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
      if (written <= 0) return;  // nobody reads the log: that must not stop the server
      line.remove_prefix(static_cast<std::size_t>(written));
    }
  };
}

EventLog::Sink no_sink() {
  return [](std::string_view) {};
}

}  // namespace holdfast::server
