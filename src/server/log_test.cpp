#include "server/log.h"

#include <gtest/gtest.h>

namespace holdfast::server {
namespace {

struct FixedClock final : Clock {
  std::int64_t now_ns() override { return 1'769'904'000'123'456'789; }
  std::int64_t monotonic_ns() override { return 0; }
  void sleep_ns(std::int64_t) override {}
};

struct CapturedLog {
  FixedClock clock;
  std::string lines;
  EventLog log{clock, Level::info, [this](std::string_view line) { lines += line; }};
};

TEST(EventLog, WritesOneJsonObjectALine) {
  CapturedLog captured;
  captured.log.write(Level::info, "started", {{"port", 8470}, {"host", "::1"}, {"bytes", std::int64_t{-3}}});
  EXPECT_EQ(
      captured.lines,
      "{\"time\":\"2026-02-01T00:00:00.123Z\",\"level\":\"info\",\"event\":\"started\",\"port\":8470,\"host\":\"::1\","
      "\"bytes\":-3}\n");
}

TEST(EventLog, LeavesOutWhatIsBelowItsLevel) {
  CapturedLog captured;
  captured.log.write(Level::debug, "call");
  EXPECT_TRUE(captured.lines.empty());
  captured.log.write(Level::error, "broken");
  EXPECT_FALSE(captured.lines.empty());
}

TEST(EventLog, HostileTextStaysInsideItsString) {
  CapturedLog captured;
  captured.log.write(Level::info, "call", {{"name", std::string("a\"b\\c\n\x1b\xff\0d", 10)}});
  EXPECT_NE(captured.lines.find("\"name\":\"a\\\"b\\\\c\\u000a\\u001b\\u00ff\\u0000d\""), std::string::npos)
      << captured.lines;
}

TEST(EventLog, NamesFilesAndNoOtherObjects) {
  CapturedLog captured;
  captured.log.error("failed", {Code::IoError, "the disk failed", "/srv/data/meta.db", {}});
  captured.log.error("failed", {Code::Missing, "not there", "00112233445566778899aabbccddeeff", {}});
  EXPECT_NE(captured.lines.find("/srv/data/meta.db"), std::string::npos);
  EXPECT_EQ(captured.lines.find("00112233"), std::string::npos);
}

TEST(Level, HasFourNames) {
  EXPECT_EQ(*parse_level("warning"), Level::warning);
  EXPECT_FALSE(parse_level("verbose"));
}

}  // namespace
}  // namespace holdfast::server
