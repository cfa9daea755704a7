#include "schedule/unit.h"

#include <gtest/gtest.h>

namespace holdfast::schedule {
namespace {

Service service(std::vector<std::string> arguments) {
  return {"backup of things", "/usr/bin/holdfast", std::move(arguments), {{"HOLDFAST_HOME", "/somebody/home"}}, {}};
}

std::string line_of(const std::string& text, const std::string& key) {
  const auto at = text.find("\n" + key + "=");
  if (at == std::string::npos) return "(none)";
  return text.substr(at + 1, text.find('\n', at + 1) - at - 1);
}

// What systemd makes of each of these is seen by a real one in tests/end_to_end/schedule_systemd_test.py.
TEST(Unit, EachWordIsQuotedAndNothingInItIsReadBySystemd) {
  const std::vector<std::pair<std::string, std::string>> words{{"plain", "plain"},
                                                               {"--a=b/c", "--a=b/c"},
                                                               {"", "\"\""},
                                                               {"two words", "\"two words\""},
                                                               {"100%u", "\"100%%u\""},
                                                               {"$HOME", "\"$$HOME\""},
                                                               {"${A}$", "\"$${A}$$\""},
                                                               {"a\"b'c", "\"a\\\"b'c\""},
                                                               {"a\\b\\", "\"a\\\\b\\\\\""},
                                                               {"a\nb", "\"a\\nb\""},
                                                               {"\t\x01\x7f", "\"\\x09\\x01\\x7f\""},
                                                               {";", "\";\""},
                                                               {"\xc3\xa9", "\"\xc3\xa9\""},
                                                               {"# no comment", "\"# no comment\""}};
  for (const auto& [word, written] : words) {
    const auto text = service_text(service({word}));
    ASSERT_TRUE(text) << word;
    EXPECT_EQ(line_of(*text, "ExecStart"), "ExecStart=/usr/bin/holdfast " + written);
  }
}

TEST(Unit, TheEnvironmentHasNoDollars) {
  Service odd = service({});
  odd.environment = {{"HOLDFAST_HOME", "/a $b %c \"d\" \\"}};
  EXPECT_EQ(line_of(*service_text(odd), "Environment"), "Environment=\"HOLDFAST_HOME=/a $b %%c \\\"d\\\" \\\\\"");
}

TEST(Unit, WhatCannotBeSaidIsRefused) {
  for (const std::string& word : {std::string("a\xff"), std::string("\xc3"), std::string("a\0b", 3)}) {
    const auto text = service_text(service({word}));
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, Code::InvalidArgument);
  }
  for (const std::string program : {"bin/holdfast", "/a\"b", "/a'b", "/a\\b", "/a\nb", ""}) {
    Service odd = service({});
    odd.program = program;
    EXPECT_FALSE(service_text(odd)) << program;
  }
  for (const std::string credential : {"/a\nExecStart=/bin/sh", "/a\\", "/a ", "/a\xff"}) {
    Service odd = service({});
    odd.credential = credential;
    EXPECT_FALSE(service_text(odd)) << credential;
  }
}

// A line that ends in a backslash goes on in the next one.
TEST(Unit, ADescriptionStaysOnItsLine) {
  Service odd = service({});
  for (const std::string description : {"a\nExecStart=/bin/sh", "50% of a\\", "\xff"}) {
    odd.description = description;
    const auto text = service_text(odd);
    ASSERT_TRUE(text);
    EXPECT_EQ(line_of(*text, "ExecStart"), "ExecStart=/usr/bin/holdfast");
    const std::string line = line_of(*text, "Description");
    EXPECT_TRUE(line == "Description=a\\x0aExecStart=/bin/sh" || line == "Description=50%% of a\\\\" ||
                line == "Description=\\xff")
        << line;
    EXPECT_EQ(line_of(timer_text(description, "hourly"), "Documentation"), "Documentation=man:holdfast-backup(1)");
  }
}

TEST(Unit, ACredentialIsNamedByItsPathAndNeverByItsContent) {
  Service sealed = service({});
  EXPECT_EQ(line_of(*service_text(sealed), "LoadCredentialEncrypted"), "(none)");
  sealed.credential = "/somebody/a b%c";
  EXPECT_EQ(line_of(*service_text(sealed), "LoadCredentialEncrypted"),
            "LoadCredentialEncrypted=holdfast.passphrase:/somebody/a b%%c");
}

TEST(Unit, TheTimerCatchesUpAndPartsThoseThatComeTogether) {
  const std::string text = timer_text("backup of things", "*-*-* *:37:05 UTC");
  EXPECT_EQ(line_of(text, "OnCalendar"), "OnCalendar=*-*-* *:37:05 UTC");
  EXPECT_EQ(line_of(text, "Persistent"), "Persistent=true");
  EXPECT_NE(line_of(text, "RandomizedDelaySec"), "(none)");
  EXPECT_EQ(line_of(text, "WantedBy"), "WantedBy=timers.target");
}

TEST(Unit, ItsNameIsTheSameForTheSamePathsInAnyOrderAndNoOthers) {
  const std::string name = unit_name("/home", "backups", {"/a", "/b"});
  EXPECT_EQ(name.size(), std::string("holdfast-backup-").size() + 16);
  EXPECT_EQ(unit_name("/home", "backups", {"/b", "/a"}), name);
  EXPECT_NE(unit_name("/home", "backups", {"/a"}), name);
  EXPECT_NE(unit_name("/home", "backups", {"/a/b"}), name);
  EXPECT_NE(unit_name("/home", "other", {"/a", "/b"}), name);
  EXPECT_NE(unit_name("/home2", "backups", {"/a", "/b"}), name);
}

TEST(Unit, ALineForCronIsOneForAShellToo) {
  EXPECT_EQ(cron_line("0 * * * *", {{"A", "/x y"}}, {"/bin/holdfast", "it's", "50%", ""}),
            "0 * * * *  A='/x y' /bin/holdfast 'it'\\''s' '50'\\%'' ''");
}

}  // namespace
}  // namespace holdfast::schedule
