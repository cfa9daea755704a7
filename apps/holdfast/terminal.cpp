#include "terminal.h"

#include <chrono>
#include <cmath>
#include <ctime>

namespace holdfast::app {

namespace {

constexpr std::int64_t terminal_every_ns = second_ns / 8;
constexpr std::int64_t plain_every_ns = 15 * second_ns;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

std::string formatted(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  static constexpr const char* units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(units)) {
    value /= 1024;
    ++unit;
  }
  return (unit == 0 ? std::to_string(bytes)
                    : formatted(value < 10    ? "%.2f"
                                : value < 100 ? "%.1f"
                                              : "%.0f",
                                value)) +
         " " + units[unit];
}

std::string count_text(std::uint64_t number) {
  std::string out = std::to_string(number);
  for (std::size_t at = out.size(); at > 3; at -= 3) out.insert(at - 3, ",");
  return out;
}

std::string counted(std::uint64_t number, std::string_view noun) {
  return count_text(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string time_text(std::int64_t ns) {
  const std::time_t seconds = static_cast<std::time_t>(ns / second_ns);
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S", &local);
  return text;
}

std::string iso_time(std::int64_t ns) {
  const std::int64_t floor = ns >= 0 ? ns / second_ns : -((-ns + second_ns - 1) / second_ns);
  const std::time_t seconds = static_cast<std::time_t>(floor);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  char fraction[16];
  std::snprintf(fraction, sizeof fraction, ".%09lldZ", static_cast<long long>(ns - floor * second_ns));
  return std::string(text) + fraction;
}

std::string duration_text(std::int64_t ns) {
  const double seconds = static_cast<double>(ns) / static_cast<double>(second_ns);
  if (seconds < 60) return formatted(seconds < 10 ? "%.1f s" : "%.0f s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds);
  if (whole < 3600) return std::to_string(whole / 60) + " min " + std::to_string(whole % 60) + " s";
  return std::to_string(whole / 3600) + " h " + std::to_string(whole % 3600 / 60) + " min";
}

Progress::Progress(agent::Output& output, bool is_terminal, unsigned columns, bool quiet, std::string doing,
                   std::string_view thing)
    : output_(output),
      is_terminal_(is_terminal),
      quiet_(quiet),
      columns_(std::max(40u, columns)),
      doing_(std::move(doing)),
      thing_(thing),
      began_ns_(now_ns()),
      shown_ns_(is_terminal ? 0 : began_ns_) {}

Progress::~Progress() {
  if (drawn_ && is_terminal_) output_.error("\r\x1b[K");
}

void Progress::show(const backup::Counters& counters) {
  if (quiet_) return;
  const std::int64_t now = now_ns();
  if (now - shown_ns_ < (is_terminal_ ? terminal_every_ns : plain_every_ns)) return;
  shown_ns_ = now;
  const double seconds = std::max(0.001, static_cast<double>(now - began_ns_) / static_cast<double>(second_ns));
  const double rate = static_cast<double>(counters.bytes) / seconds;
  // What is most wanted comes first: a narrow terminal leaves out the last ones.
  std::vector<std::string> parts;
  const std::string rate_text = size_text(static_cast<std::uint64_t>(rate)) + "/s";
  if (counters.bytes_total > 0 && counters.bytes > 0) {
    const std::uint64_t done = std::min(counters.bytes, counters.bytes_total);
    const double part = static_cast<double>(done) / static_cast<double>(counters.bytes_total);
    const auto left = static_cast<std::int64_t>(seconds * (1 - part) / std::max(part, 1e-6));
    parts.push_back(std::to_string(static_cast<int>(part * 100)) + " %");
    if (left >= 1)
      parts.push_back((left < 60 ? std::to_string(left) + " s" : duration_text(left * second_ns)) + " left");
    parts.push_back(rate_text);
    parts.push_back(size_text(done) + " of " + size_text(counters.bytes_total));
    parts.push_back(counted(counters.files, thing_));
  } else if (counters.bytes == 0 && counters.files_total > 0) {
    parts.push_back("counting, " + counted(counters.files_total, thing_));
  } else {
    parts = {counted(counters.files, thing_), size_text(counters.bytes), rate_text};
  }
  std::string line = doing_ + " ";
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (is_terminal_ && line.size() + parts[i].size() + 3 > columns_) break;
    line += (i > 0 ? ", " : " ") + parts[i];
  }
  if (!is_terminal_) {
    output_.error(line + "\n");
    return;
  }
  const std::string current = printable(std::string(last_component(counters.current)));
  if (!current.empty() && line.size() + current.size() + 2 < columns_) line += "  " + current;
  output_.error("\r" + line + "\x1b[K");
  drawn_ = true;
}

}  // namespace holdfast::app
