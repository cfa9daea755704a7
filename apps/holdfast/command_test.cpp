#include "command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

namespace holdfast::app {
namespace {

using testing::HasSubstr;
using Words = std::vector<std::string>;

// As a shell cuts a line: blanks, and '...' around what has some.
Words words_of(const std::string& line) {
  Words out(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

Words behind_program(const std::string& line) {
  Words words = words_of(line);
  words.erase(words.begin());
  return words;
}

void each_verb(const CLI::App& app, const std::string& full,
               const std::function<void(const CLI::App&, const std::string&)>& visit) {
  const auto below = app.get_subcommands({});
  if (below.empty()) visit(app, full);
  for (const CLI::App* one : below) each_verb(*one, full + " " + one->get_name(), visit);
}

TEST(Manual, EveryCommandHasADescriptionAndExamplesThatTheParserTakes) {
  Command unused;
  std::size_t verbs = 0;
  each_verb(*make_parser(unused), "holdfast", [&](const CLI::App&, const std::string& full) {
    SCOPED_TRACE(full);
    ++verbs;
    ASSERT_TRUE(manual().pages.contains(full));
    EXPECT_FALSE(manual().pages.at(full).description.empty());
    ASSERT_FALSE(manual().pages.at(full).examples.empty());
    for (const auto& example : manual().pages.at(full).examples)
      EXPECT_TRUE(example.line.starts_with(full + " ") || example.line == full);
  });
  EXPECT_GT(verbs, 30u);
  for (const auto& [name, page] : manual().pages)
    for (const auto& example : page.examples) {
      const auto parsed = parse(behind_program(example.line));
      EXPECT_TRUE(parsed.command.has_value()) << example.line << ": " << parsed.text;
      EXPECT_FALSE(example.what.empty());
    }
}

// Each option and positional of each verb, with nothing as its value: the first example of the verb has its place
// taken.
TEST(WrongValue, AnEmptyWordFitsNowhereAndTheNextLineFits) {
  Command unused;
  const auto parser = make_parser(unused);
  std::size_t tried = 0;
  each_verb(*parser, "holdfast", [&](const CLI::App& verb, const std::string& full) {
    std::size_t position = words_of(full).size() - 1;
    for (const CLI::Option* option : verb.get_options()) {
      if (option->get_expected_max() == 0) continue;  // a flag
      if (full == "holdfast complete") continue;      // any words
      const std::string name = option->get_positional() ? option->get_type_name() : option->get_name();
      SCOPED_TRACE(full + " " + name);
      Words words = behind_program(manual().pages.at(full).examples.front().line);
      if (option->get_positional()) {
        if (position >= words.size()) words.resize(position + 1);
        words[position++] = "";
      } else {
        words.insert(words.end(), {option->get_name(), ""});
      }
      const auto parsed = parse(words);
      ++tried;
      EXPECT_EQ(parsed.code, exit_usage);
      EXPECT_THAT(parsed.text, HasSubstr("\"\" is not what " + name + " takes: "));
      if (option->get_name() == "--server") continue;  // there is no link to show
      EXPECT_TRUE(parsed.next.starts_with(full)) << parsed.next;
      EXPECT_THAT(parse(behind_program(parsed.next)).text, testing::Not(HasSubstr("is not what")));
    }
  });
  EXPECT_GT(tried, 100u);
}

struct Wrong {
  std::string line, said, next;
};

// What can be judged from the line alone.
const std::vector<Wrong> wrong_lines{
    {"signup Anna --server hf://h:1#a.b", "\"Anna\" is not what NAME takes: 1 to 64 of a-z", "holdfast signup anna"},
    {"signup anna --server hf://h:1#a.b", "\"hf://h:1#a.b\" is not what --server takes: hf://", ""},
    {"signup anna", "--server is missing", "holdfast signup anna --server hf://"},
    {"whoami --patience x", "\"x\" is not what --patience takes: a whole number from 0 to 86,400",
     "holdfast whoami --patience 30"},
    {"whoami --patience 86401", "\"86401\" is not what --patience takes", ""},
    {"whoami --patience=-1", "\"-1\" is not what --patience takes", ""},
    {"whoami --passphrase-fd=-1", "\"-1\" is not what --passphrase-fd takes", ""},
    {"whoami --passphrase-fd 3.0", "\"3.0\" is not what --passphrase-fd takes", ""},
    {"space create a/b", "\"a/b\" is not what NAME takes", "holdfast space create photos"},
    {"space create latest", "not \"latest\"", ""},
    {"space info .hidden", "\".hidden\" is not what NAME takes", ""},
    {"backup", "PATH is missing", "holdfast backup ~/Documents"},
    {"backup p --space two/words", "\"two/words\" is not what --space takes", "holdfast backup --space photos"},
    {"backup p --every 7min", "\"7min\" is not what --every takes: 15min", "holdfast backup --every 6h"},
    {"backup p --every", "--every needs INTERVAL behind it", ""},
    {"backup p --scheduled A", "\"A\" is not what --scheduled takes", "holdfast backup --scheduled nightly"},
    {"backup p --every 1h --scheduled a", "only one of them fits", ""},
    {"backup p --exclude [a", "\"[a\" is not what --exclude takes", "holdfast backup --exclude '*.o'"},
    {"backup p --space a --space b", "--space is given more than once", ""},
    {"snapshots --space a:b", "\"a:b\" is not what --space takes", ""},
    {"restore lat d", "\"lat\" is not what SNAPSHOT[:PATH] takes: latest, or the first",
     "holdfast restore latest ~/restored"},
    {"restore docs: d", "\"docs:\" is not what SNAPSHOT[:PATH] takes", ""},
    {"restore latest:a/../b d", "without \"..\"", ""},
    {"restore latest", "DIR is missing", "holdfast restore latest ~/restored"},
    {"ls abc", "\"abc\" is not what SNAPSHOT[:PATH] takes", "holdfast ls latest:Documents"},
    {"ls docs", "\"docs\" is not what SNAPSHOT[:PATH] takes", "holdfast ls docs:"},
    {"ls latset", "\"latset\" is not what SNAPSHOT[:PATH] takes", "holdfast ls latest"},
    {"snapshots extra", "there is more on the line than the command takes: extra", "holdfast snapshots --help"},
    {"forget --keep-last", "--keep-last needs N behind it", "holdfast forget --help"},
    {"ls ABCDEF", "\"ABCDEF\" is not what", ""},
    {"ls a/b:c", "\"a/b:c\" is not what", ""},
    {"diff 12345678 abc", "\"abc\" is not what SNAPSHOT[:PATH] takes", ""},
    {"find latest [a", "\"[a\" is not what PATTERN takes: a pattern of gitignore", "holdfast find latest '*.txt'"},
    {"find latest !a", "\"!a\" is not what PATTERN takes", ""},
    {"find latest a\\", "\"a\\\\\" is not what PATTERN takes", ""},
    {"find latest /", "\"/\" is not what PATTERN takes", ""},
    {"find latest", "PATTERN is missing", ""},
    {"cat latest", "\"latest\" is not what SNAPSHOT:PATH takes", "holdfast cat latest:Documents/letter.txt"},
    {"cat docs:", "\"docs:\" is not what SNAPSHOT:PATH takes", ""},
    {"put a", "is missing", "holdfast put letter.txt"},
    {"put a b", "\"b\", is not what it takes: a space's name, a colon", "holdfast put letter.txt"},
    {"get docs d", "\"docs\" is not what SPACE:PATH takes", "holdfast get docs:letters ~/got"},
    {"get docs:a d --version 1x", "\"1x\" is not what --version takes", "holdfast get --version 17"},
    {"mkdir docs:", "not the top, which has no name", "holdfast mkdir docs:letters/2026 --parents"},
    {"mkdir docs:a other:b", "one command changes one space, and these are two: docs and other", ""},
    {"rm docs", "\"docs\" is not what SPACE:PATH takes", ""},
    {"rm docs:a/..", "without \"..\"", ""},
    {"mv docs:a other:b", "these are two: docs and other", "holdfast mv docs:may.txt docs:june.txt"},
    {"mv docs:a docs:a", "it has this name already: docs:a", ""},
    {"mv docs:a docs:a/b/", "a folder can't be moved into itself", ""},
    {"mv docs: docs:a", "not the top", ""},
    {"history docs:", "not the top", ""},
    {"history docs", "\"docs\" is not what SPACE:PATH takes", ""},
    {"forget", "either by their ids, or by rules", "holdfast forget 6c02ee1f"},
    {"forget 12345678 --keep-last 1", "either by their ids, or by rules", ""},
    {"forget 123", "\"123\" is not what SNAPSHOT takes", ""},
    {"forget --keep-last x", "\"x\" is not what --keep-last takes: a whole number from 0 to 1,000,000",
     "holdfast forget --keep-last 7"},
    {"forget --keep-within 3", "\"3\" is not what --keep-within takes", "holdfast forget --keep-within 30d"},
    {"forget --keep-within 100000d", "\"100000d\" is not what --keep-within takes", ""},
    {"unforget latest", "\"latest\" is not what SNAPSHOT takes", "holdfast unforget 6c02ee1f"},
    {"prune --max-repack 10q", "\"10q\" is not what --max-repack takes: a whole number of bytes, or one with K",
     "holdfast prune --max-repack 500M"},
    {"prune --max-repack 1.5G", "\"1.5G\" is not what --max-repack takes", ""},
    {"prune --max-repack 99999999999P", "is not what --max-repack takes", ""},
    {"completion tcsh", "\"tcsh\" is not what SHELL takes: bash, zsh or fish", "holdfast completion bash"},
};

TEST(WrongValue, OfWhateverVerbEndsWithTwoAndSaysWhatFits) {
  for (const Wrong& wrong : wrong_lines) {
    SCOPED_TRACE(wrong.line);
    const auto parsed = parse(words_of(wrong.line));
    EXPECT_FALSE(parsed.command.has_value());
    EXPECT_EQ(parsed.code, exit_usage);
    EXPECT_THAT(parsed.text, HasSubstr(wrong.said));
    EXPECT_TRUE(parsed.next.starts_with(wrong.next)) << parsed.next;
    EXPECT_TRUE(parsed.next.starts_with("holdfast ")) << parsed.next;
  }
}

TEST(WrongValue, WhatFitsIsTaken) {
  for (const char* line :
       {"ls docs:", "ls abc:", "ls latest:a..b", "ls abcd", "find latest \\!a", "find docs: *", "forget latest",
        "prune --max-repack 0", "prune --max-repack 500MB", "prune --max-repack 20gib", "backup p --exclude !a",
        "backup p --every never", "mv docs:x/a docs:", "mv docs:a docs:b/", "get docs: d", "cat docs:a", "cat abcd:a",
        "backup p --passphrase-fd 0", "unforget abcd"})
    EXPECT_TRUE(parse(words_of(line)).command.has_value()) << line << ": " << parse(words_of(line)).text;
}

TEST(Words, ThatHaveBracketsAreOneValueEach) {
  const auto backup = parse({"backup", "[a,b]", "{}", "[]", "--tag", "[x,y]"});
  ASSERT_TRUE(backup.command) << backup.text;
  EXPECT_THAT(backup.command->paths, testing::ElementsAre("[a,b]", "./{}", "[]"));
  EXPECT_THAT(backup.command->tags, testing::ElementsAre("[x,y]"));
  const auto put = parse({"put", "[a]", "docs:[b]"});
  ASSERT_TRUE(put.command) << put.text;
  EXPECT_THAT(put.command->paths, testing::ElementsAre("[a]"));
  EXPECT_EQ(put.command->place, "docs:[b]");
  EXPECT_EQ(parse({"prune", "--max-repack", "2k"}).command->max_repack_bytes, 2048u);
  const auto braces = parse({"backup", "{}"});
  ASSERT_TRUE(braces.command) << braces.text;
  EXPECT_THAT(braces.command->paths, testing::ElementsAre("./{}"));
}

}  // namespace
}  // namespace holdfast::app
