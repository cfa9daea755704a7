#include "worktree/ignore.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <spawn.h>
#include <sys/wait.h>

#include <list>
#include <random>
#include <set>

#include "base/system.h"
#include "base/system_test_directory.h"
#include "worktree/scan.h"

namespace holdfast::worktree {
namespace {

using testing::ElementsAre;

bool excludes(std::string_view rules, std::string_view path, bool is_directory = false) {
  return IgnoreRules::parse(as_bytes(rules)).excludes(path, is_directory).value_or(false);
}

TEST(IgnoreRules, ReadsLinesAsGitignoreDescribesThem) {
  EXPECT_TRUE(excludes("# comment\n\nfoo\n", "foo"));
  EXPECT_FALSE(excludes("#foo\n", "#foo"));
  EXPECT_TRUE(excludes("\\#foo\n", "#foo"));
  EXPECT_TRUE(excludes("\\!foo\n", "!foo"));
  EXPECT_TRUE(excludes("foo  \n", "foo"));
  EXPECT_TRUE(excludes("foo\\  \n", "foo "));
  EXPECT_FALSE(excludes("foo\\  \n", "foo"));
  EXPECT_TRUE(excludes("foo\r\n", "foo"));
  EXPECT_TRUE(
      excludes("\xef\xbb\xbf"
               "foo",
               "foo"));
  EXPECT_FALSE(excludes("foo\n!foo\n", "foo"));
  EXPECT_TRUE(excludes("!foo\nfoo\n", "foo"));
  EXPECT_FALSE(excludes("foo/\n", "foo", false));
  EXPECT_TRUE(excludes("foo/\n", "a/foo", true));
  EXPECT_TRUE(excludes("\xff*\n", "\xff\xfe"));
  EXPECT_FALSE(excludes("Foo\n", "foo"));
}

TEST(IgnoreRules, ASlashAnchorsAndStarsStayInTheirComponent) {
  EXPECT_TRUE(excludes("/foo", "foo"));
  EXPECT_FALSE(excludes("/foo", "a/foo"));
  EXPECT_TRUE(excludes("doc/*.txt", "doc/a.txt"));
  EXPECT_FALSE(excludes("doc/*.txt", "doc/b/a.txt"));
  EXPECT_FALSE(excludes("doc/*.txt", "x/doc/a.txt"));
  EXPECT_TRUE(excludes("*.o", "a/b/c.o"));
  EXPECT_TRUE(excludes("**/foo", "foo"));
  EXPECT_TRUE(excludes("**/foo", "a/b/foo"));
  EXPECT_TRUE(excludes("a/**/b", "a/b"));
  EXPECT_TRUE(excludes("a/**/b", "a/x/y/b"));
  EXPECT_FALSE(excludes("a/**/b", "a/xb"));
  EXPECT_TRUE(excludes("abc/**", "abc/x/y"));
  EXPECT_FALSE(excludes("abc/**", "abc"));
  EXPECT_FALSE(excludes("a?b/c", "a/b/c"));
  EXPECT_TRUE(excludes("[a-c]x", "bx"));
  EXPECT_FALSE(excludes("[!a-c]x", "bx"));
  EXPECT_TRUE(excludes("[]-]", "]"));
  EXPECT_TRUE(excludes("[[:digit:]]*", "7seven"));
  EXPECT_FALSE(excludes("[abc", "a"));
  EXPECT_FALSE(excludes("foo\\", "foo"));
}

TEST(IgnoreRules, AnyBytesAreRulesAndAHostilePatternCostsLittle) {
  EXPECT_TRUE(rc::check(
      [](const Bytes& file, const std::string& path) { (void)IgnoreRules::parse(file).excludes(path, true); }));
  std::string stars, deep;
  for (int i = 0; i < 400; ++i) stars += "*a**/*[a-z]";
  for (int i = 0; i < 1000; ++i) deep += "aa/";
  EXPECT_FALSE(excludes("/" + stars.substr(0, 4000) + "!", deep + "a"));  // for ever with backtracking
  EXPECT_FALSE(excludes(std::string(5000, '*'), "a"));
  EXPECT_TRUE(excludes(std::string(4000, '*'), "a"));
}

TEST(IgnoreScope, TheCommandLineIsStrongerThanFilesAndNearFilesThanFarOnes) {
  const auto rules = [](std::string_view text) { return IgnoreRules::parse(as_bytes(text)); };
  const std::vector<std::string> patterns = {"*.log", "!keep.log", "/top"};
  const auto root =
      IgnoreScope::within(IgnoreScope::root(std::make_shared<IgnoreRules>(IgnoreRules::from_patterns(patterns))), "",
                          rules("*.o\nkeep.log\n/b"));
  const auto inner = IgnoreScope::within(root, "a", rules("!special.o\n/b\nx.log"));
  EXPECT_TRUE(root->excludes("1.log", false));
  EXPECT_FALSE(root->excludes("keep.log", false));
  EXPECT_TRUE(root->excludes("top", true));
  EXPECT_FALSE(inner->excludes("a/top", true));
  EXPECT_TRUE(inner->excludes("a/x.o", false));
  EXPECT_FALSE(inner->excludes("a/special.o", false));
  EXPECT_TRUE(inner->excludes("a/b", false));
  EXPECT_FALSE(inner->excludes("a/c/b", false));
}

// The reference: which files git takes for untracked when its ignore file is called .holdfastignore.
std::set<std::string> files_that_git_takes(const Path& tree, const Path& scratch,
                                           const std::vector<std::string>& excludes) {
  const Path git_dir = scratch + "/git", out = scratch + "/out";
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"git", "-C", tree, "--git-dir=" + git_dir, "--work-tree=" + tree});
    std::vector<char*> raw;
    for (std::string& argument : arguments) raw.push_back(argument.data());
    raw.push_back(nullptr);
    std::vector<std::string> kept = {"PATH=" + std::string(std::getenv("PATH")), "HOME=" + scratch,
                                     "GIT_CONFIG_NOSYSTEM=1"};
    std::vector<char*> environment;
    for (std::string& variable : kept) environment.push_back(variable.data());
    environment.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 1, out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    pid_t child = 0;
    int status = posix_spawnp(&child, "git", &actions, nullptr, raw.data(), environment.data());
    posix_spawn_file_actions_destroy(&actions);
    EXPECT_EQ(status, 0);
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  };
  if (!std::filesystem::exists(git_dir)) run({"init", "-q"});
  std::vector<std::string> arguments = {"ls-files", "-o", "-z", "--exclude-per-directory=.holdfastignore"};
  for (const std::string& pattern : excludes) arguments.insert(arguments.end(), {"-x", pattern});
  run(arguments);
  std::set<std::string> taken;
  const Bytes text = system_files(1)->read_file(out, 64 << 20).value();
  for (std::string_view rest = as_text(text); !rest.empty(); rest.remove_prefix(rest.find('\0') + 1))
    taken.emplace(rest.substr(0, rest.find('\0')));
  return taken;
}

std::set<std::string> files_that_the_scanner_takes(Files& files, const Path& tree,
                                                   const std::vector<std::string>& excludes) {
  Scanner scanner(files, tree, {.exclude = std::make_shared<IgnoreRules>(IgnoreRules::from_patterns(excludes))});
  std::set<std::string> taken;
  std::vector<std::string> open;
  while (auto event = scanner.next().value()) {
    if (const auto* entered = std::get_if<EnterDirectory>(&*event)) open.push_back(entered->path);
    if (std::holds_alternative<LeaveDirectory>(*event)) open.pop_back();
    if (const auto* entry = std::get_if<ScanEntry>(&*event))
      taken.insert(open.back().empty() ? entry->name : join_path(open.back(), entry->name));
    EXPECT_FALSE(std::holds_alternative<ScanProblem>(*event));
  }
  return taken;
}

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t limit) { return engine_() % limit; }
  bool one_in(std::size_t count) { return below(count) == 0; }
  template <class T>
  const T& of(const std::vector<T>& list) {
    return list[below(list.size())];
  }

 private:
  std::mt19937_64 engine_;
};

const std::vector<std::string> names = {"a",  "b",   "ab", "abc", "a.o", "foo", "foo.c", "A",   "a b", "x ", "[a]",
                                        "a]", "a-b", "#h", "!n",  "a\\", "\\b", "\xff",  "b.o", "1",   ".a", "a*"};

std::string any_pattern(Chance& chance) {
  static const std::vector<std::string> pieces = {"a",
                                                  "b",
                                                  "foo",
                                                  ".o",
                                                  "*",
                                                  "*",
                                                  "*",
                                                  "**",
                                                  "**/",
                                                  "/**",
                                                  "?",
                                                  "/",
                                                  "/",
                                                  "[ab]",
                                                  "[!a]",
                                                  "[^b-]",
                                                  "[a-c]",
                                                  "[[:alpha:]]",
                                                  "[[:punct:][:digit:]]",
                                                  "[]a]",
                                                  "[!]]",
                                                  "[\\]a]",
                                                  "[a-\\c]",
                                                  "[a",
                                                  "[[:x:]]",
                                                  "[[:a]",
                                                  "[:alpha:]",
                                                  "**\\/",
                                                  "/**\\/",
                                                  "\\a",
                                                  "\\*",
                                                  "\\\\",
                                                  "\\",
                                                  " ",
                                                  "\\ ",
                                                  "!",
                                                  "#",
                                                  "\xff",
                                                  "-",
                                                  "]",
                                                  ".",
                                                  "\r",
                                                  "[/]",
                                                  "***",
                                                  "[--a]",
                                                  "[[.]",
                                                  "\t"};
  std::string out;
  if (chance.one_in(4)) out += "!";
  if (chance.one_in(5)) out += "/";
  const std::size_t count = chance.one_in(3) ? 1 : 2 + chance.below(4);
  for (std::size_t i = 0; i < count; ++i) out += chance.one_in(3) ? chance.of(names) : chance.of(pieces);
  if (chance.one_in(5)) out += "/";
  if (chance.one_in(8)) out += "  ";
  return out;
}

std::string any_ignore_file(Chance& chance) {
  std::string out = chance.one_in(10) ? "\xef\xbb\xbf" : "";
  const std::size_t lines = chance.below(5);
  for (std::size_t i = 0; i < lines; ++i)
    out += any_pattern(chance) + (chance.one_in(6) ? "\r\n" : chance.one_in(10) ? "\n\n" : "\n");
  if (chance.one_in(5)) out += any_pattern(chance);
  return out;
}

void plant(TreeWriter& writer, Chance& chance, const std::string& folder, int depth,
           std::vector<WriteRequest>& requests, std::list<std::string>& contents) {
  const auto path = [&](std::string_view name) { return folder.empty() ? std::string(name) : join_path(folder, name); };
  std::set<std::string> chosen;
  for (std::size_t i = 0; i < 7; ++i) chosen.insert(chance.of(names));
  for (const std::string& name : chosen) {
    if (depth > 0 && chance.one_in(3)) {
      ASSERT_TRUE(writer.make_directory(path(name)));
      plant(writer, chance, path(name), depth - 1, requests, contents);
    } else if (chance.one_in(12)) {
      ASSERT_TRUE(writer.make_symlink(path(name), ".", false));
    } else {
      requests.push_back({.name = path(name), .metadata = {.mode = 0600}});
    }
  }
  if (chance.one_in(3)) return;
  contents.push_back(any_ignore_file(chance));
  requests.push_back(
      {.name = path(ignore_file_name), .parts = {as_bytes(contents.back())}, .metadata = {.mode = 0600}});
}

TEST(Ignore, EveryByteIsInTheClassesThatGitPutsItIn) {
  const auto files = system_files(2);
  const TestDirectory tree, scratch;
  const auto writer = files->tree_writer(tree.path()).value();
  const std::vector<std::string> sets = {
      "[[:alnum:]]", "[[:alpha:]]", "[[:blank:]]", "[[:cntrl:]]",   "[[:digit:]]",  "[[:graph:]]", "[[:lower:]]",
      "[[:print:]]", "[[:punct:]]", "[[:space:]]", "[[:upper:]]",   "[[:xdigit:]]", "[!-~]",       "[!!-~]",
      "[\x80-\xff]", "[^a-z]",      "?",           "[[:space:]-a]", "[z-a]",        "[\\]-a]",     "[--0]"};
  std::list<std::string> contents;
  std::vector<WriteRequest> requests;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    const std::string folder = std::to_string(i);
    ASSERT_TRUE(writer->make_directory(folder));
    contents.push_back(sets[i] + "x\n");
    requests.push_back({.name = join_path(folder, ignore_file_name),
                        .parts = {as_bytes(contents.back())},
                        .metadata = {.mode = 0600}});
    for (unsigned byte = 1; byte < 256; ++byte)
      if (byte != '/')
        requests.push_back(
            {.name = join_path(folder, std::string{static_cast<char>(byte), 'x'}), .metadata = {.mode = 0600}});
  }
  for (const Status& status : write_files(*writer, requests)) ASSERT_TRUE(status);
  EXPECT_EQ(files_that_the_scanner_takes(*files, tree.path(), {}),
            files_that_git_takes(tree.path(), scratch.path(), {}));
}

// Promise: what is left out is what git would ignore, for any tree, ignore files at any depth and command line.
// Method: random trees and patterns, made of pieces that have a meaning; git lists the same tree.
TEST(Ignore, LeavesOutExactlyWhatGitWould) {
  const auto files = system_files(2);
  const TestDirectory scratch;
  std::size_t all = 0, taken = 0;
  EXPECT_TRUE(rc::check([&] {
    Chance chance(*rc::gen::resize(100, rc::gen::arbitrary<std::uint64_t>()));
    const TestDirectory tree;
    const auto writer = files->tree_writer(tree.path()).value();
    std::vector<WriteRequest> requests;
    std::list<std::string> contents;
    plant(*writer, chance, "", 3, requests, contents);
    for (const Status& status : write_files(*writer, requests)) RC_ASSERT(status.has_value());
    std::vector<std::string> excludes;
    if (chance.one_in(2)) excludes.push_back(any_pattern(chance));
    if (chance.one_in(4)) excludes.push_back(any_pattern(chance));
    const auto ours = files_that_the_scanner_takes(*files, tree.path(), excludes);
    const auto reference = files_that_git_takes(tree.path(), scratch.path(), excludes);
    all += requests.size();
    taken += reference.size();
    if (ours != reference) {
      for (const WriteRequest& request : requests)
        if (!request.parts.empty())
          RC_LOG() << printable(request.name) << ": " << printable(as_text(request.parts[0])) << "\n";
      for (const std::string& pattern : excludes) RC_LOG() << "--exclude " << printable(pattern) << "\n";
      for (const std::string& name : ours)
        if (!reference.contains(name)) RC_LOG() << "git leaves out " << printable(name) << "\n";
      for (const std::string& name : reference)
        if (!ours.contains(name)) RC_LOG() << "git takes " << printable(name) << "\n";
    }
    RC_ASSERT(ours == reference);
  }));
  // Trees in which everything or nothing is left out would prove little.
  EXPECT_GT(taken, all / 5);
  EXPECT_LT(taken, all * 19 / 20);
}

}  // namespace
}  // namespace holdfast::worktree
