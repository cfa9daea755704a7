#include "worktree/scan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/stat.h>

#include <functional>
#include <map>
#include <set>

#include "base/system.h"
#include "base/system_test_directory.h"

namespace holdfast::worktree {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

// The walk as lines: "+path", "name", "-", "!path Code".
std::vector<std::string> walk(Files& files, const Path& root, ScanOptions options = {}) {
  Scanner scanner(files, root, std::move(options));
  std::vector<std::string> out;
  for (;;) {
    auto event = scanner.next();
    if (!event) {
      out.push_back("error " + std::string(name_of(event.error().code)));
      return out;
    }
    if (!*event) return out;
    if (const auto* entered = std::get_if<EnterDirectory>(&**event)) out.push_back("+" + entered->path);
    if (const auto* entry = std::get_if<ScanEntry>(&**event)) out.push_back(entry->name);
    if (std::holds_alternative<LeaveDirectory>(**event)) out.push_back("-");
    if (const auto* problem = std::get_if<ScanProblem>(&**event))
      out.push_back("!" + problem->path + " " + std::string(name_of(problem->error.code)));
  }
}

// A tree that exists in memory only, so that it can fail and change at any place.
class FakeTree final : public Files {
 public:
  FakeTree() { make("/r", FileType::directory); }

  void make(const Path& path, FileType type, std::uint64_t size = 0) {
    FileStat stat{.type = type, .size = size, .device = 1, .inode = ++inodes_};
    if (type == FileType::directory) stat.size = 4096;
    stats_.insert_or_assign(path, stat);
    if (path != "/r") names_[Path(parent_of(path))].emplace_back(last_component(path));
  }
  Result<FileStat>& stat_of(const Path& path) { return stats_.at(path); }
  std::map<Path, Error> unlistable;
  std::map<Path, std::string> contents;
  std::function<void(const Path&)> before_list;
  std::vector<std::size_t> batches;

  Result<std::vector<DirectoryEntry>> list(const Path& directory) override {
    if (before_list) before_list(directory);
    if (const auto found = unlistable.find(directory); found != unlistable.end()) return pass_on(found->second);
    HF_TRY(const FileStat now, stat(directory));
    if (now.type != FileType::directory) return fail(Code::Changed, "no directory");
    std::vector<DirectoryEntry> out;
    for (const std::string& name : names_[directory]) out.push_back({name, stats_.at(join_path(directory, name))});
    return out;
  }
  std::vector<Result<DirectoryListing>> list_batch(std::span<const TreePlace> directories) override {
    batches.push_back(directories.size());
    std::vector<Result<DirectoryListing>> out;
    for (const TreePlace& directory : directories) out.push_back(list_one(path_of(directory)));
    return out;
  }
  Result<FileStat> stat(const Path& path) override {
    const auto found = stats_.find(path);
    return found == stats_.end() ? fail(Code::NotFound, "nothing there") : found->second;
  }
  std::vector<Result<ReadAnswer>> read_batch(std::span<const ReadRequest> requests) override {
    std::vector<Result<ReadAnswer>> out;
    for (const ReadRequest& request : requests) {
      const auto found = contents.find(path_of(request.place));
      if (found == contents.end()) {
        out.push_back(fail(Code::PermissionDenied, "no"));
      } else {
        out.push_back(ReadAnswer{.bytes = to_bytes(as_bytes(found->second)), .before = {}, .after = {}});
      }
    }
    return out;
  }

  Result<Path> real_path(const Path&) override { return not_here(); }
  Result<EntryDetails> details(const TreePlace&) override { return not_here(); }
  Result<std::unique_ptr<File>> open_entry(const TreePlace&) override { return not_here(); }
  Result<std::unique_ptr<File>> open(const Path&, OpenMode) override { return not_here(); }
  Result<std::unique_ptr<Mapping>> map(const Path&) override { return not_here(); }
  Result<Bytes> read_file(const Path&, std::uint64_t) override { return not_here(); }
  Status make_directories(const Path&) override { return not_here(); }
  Status rename(const Path&, const Path&) override { return not_here(); }
  Status remove(const Path&) override { return not_here(); }
  Status sync_directory(const Path&) override { return not_here(); }
  Result<std::unique_ptr<Lock>> lock(const Path&) override { return not_here(); }
  Result<std::uint64_t> free_bytes(const Path&) override { return not_here(); }
  Result<bool> is_network_file_system(const Path&) override { return not_here(); }
  Result<std::unique_ptr<TreeWriter>> tree_writer(const Path&) override { return not_here(); }

 private:
  struct FakeFolder final : ListedFolder {
    explicit FakeFolder(Path of) : path(std::move(of)) {}
    const Path path;
  };
  static Path path_of(const TreePlace& place) {
    if (!place.folder) return place.name;
    const Path& folder = static_cast<const FakeFolder&>(*place.folder).path;
    return place.name.empty() ? folder : join_path(folder, place.name);
  }
  Result<DirectoryListing> list_one(const Path& directory) {
    HF_TRY(auto entries, list(directory));
    HF_TRY(const FileStat self, stat(directory));
    return DirectoryListing{self, std::move(entries), std::make_shared<const FakeFolder>(directory)};
  }
  static std::unexpected<Error> not_here() { return fail(Code::Unsupported, "a scan does not need this"); }

  std::map<Path, Result<FileStat>> stats_;
  std::map<Path, std::vector<std::string>> names_;
  std::uint64_t inodes_ = 0;
};

TEST(Scanner, GivesADirectorysEntriesTogetherAndEverythingSortedByBytes) {
  FakeTree tree;
  for (const char* name : {"b", "a", "\xff", "B", "a.", "sub2/y", "sub/x", "sub/in/z", "sub.file"}) {
    for (Path path = Path("/r/") + name; path != "/r"; path = Path(parent_of(path)))
      if (!tree.stat(path)) tree.make(path, path == Path("/r/") + name ? FileType::regular : FileType::directory);
  }
  tree.make("/r/link", FileType::symlink);
  tree.make("/r/socket", FileType::socket);
  tree.make("/r/empty", FileType::directory);
  EXPECT_THAT(walk(tree, "/r"), ElementsAre("+", "B", "a", "a.", "b", "link", "socket", "sub.file", "\xff", "+empty",
                                            "-", "+sub", "x", "+sub/in", "z", "-", "-", "+sub2", "y", "-", "-"));
}

TEST(Scanner, TakesAFileAsRootAndNamesAMissingOne) {
  FakeTree tree;
  tree.make("/r/file", FileType::regular);
  tree.make("/r/link", FileType::symlink);
  EXPECT_THAT(walk(tree, "/r/file"), ElementsAre("file"));
  EXPECT_THAT(walk(tree, "/r/link"), ElementsAre("link"));
  EXPECT_THAT(walk(tree, "/r/none"), ElementsAre("error NotFound"));
}

TEST(Scanner, ReportsWhatCanNotBeReadAndGoesOn) {
  FakeTree tree;
  for (const char* path : {"/r/a", "/r/closed", "/r/gone", "/r/z", "/r/turned"}) tree.make(path, FileType::directory);
  for (const char* path : {"/r/bad", "/r/vanished", "/r/good", "/r/z/file"}) tree.make(path, FileType::regular);
  tree.unlistable.insert({"/r/closed", Error{Code::PermissionDenied, "no", {}, {}}});
  tree.stat_of("/r/bad") = fail(Code::IoError, "no");
  tree.stat_of("/r/vanished") = fail(Code::NotFound, "no");
  tree.before_list = [&](const Path& path) {
    if (path == "/r/gone") tree.stat_of(path) = fail(Code::NotFound, "no");
    if (path == "/r/turned") tree.stat_of(path)->type = FileType::symlink;
  };
  EXPECT_THAT(walk(tree, "/r"),
              ElementsAre("+", "!bad IoError", "good", "+a", "-", "+closed", "!closed PermissionDenied", "-", "+turned",
                          "!turned Changed", "-", "+z", "file", "-", "-"));
}

TEST(Scanner, StaysOnOneFileSystemAndLeavesOutGivenInodes) {
  FakeTree tree;
  for (const char* path : {"/r/home", "/r/mount", "/r/mount/deep"}) tree.make(path, FileType::directory);
  for (const char* path : {"/r/home/key", "/r/mount/file", "/r/one", "/r/two"}) tree.make(path, FileType::regular);
  tree.stat_of("/r/mount")->device = tree.stat_of("/r/mount/file")->device = 2;
  const auto inode = [&](const Path& path) { return tree.stat_of(path)->id(); };
  EXPECT_THAT(walk(tree, "/r", {.one_file_system = true, .exclude_inodes = {inode("/r/home"), inode("/r/two")}}),
              ElementsAre("+", "one", "+mount", "-", "-"));
  EXPECT_THAT(walk(tree, "/r", {.exclude_inodes = {inode("/r/home")}}),
              ElementsAre("+", "one", "two", "+mount", "file", "+mount/deep", "-", "-", "-"));
}

TEST(Scanner, AnIgnoreFileWithoutEffectIsNamed) {
  FakeTree tree;
  for (const char* path : {"/r/a", "/r/b", "/r/c", "/r/d"}) tree.make(path, FileType::directory);
  for (const char* path : {"/r/a/x", "/r/b/x", "/r/c/x", "/r/d/x"}) tree.make(path, FileType::regular);
  tree.make("/r/a/.holdfastignore", FileType::regular, 2);
  tree.contents["/r/a/.holdfastignore"] = "x\n";
  tree.make("/r/b/.holdfastignore", FileType::regular, 2);  // can't be read
  tree.make("/r/c/.holdfastignore", FileType::regular, ignore_file_size_max + 1);
  tree.make("/r/d/.holdfastignore", FileType::fifo);
  EXPECT_THAT(walk(tree, "/r"),
              ElementsAre("+", "+a", ".holdfastignore", "-", "+b", "!b/.holdfastignore PermissionDenied",
                          ".holdfastignore", "x", "-", "+c", "!c/.holdfastignore TooLarge", ".holdfastignore", "x", "-",
                          "+d", ".holdfastignore", "x", "-", "-"));
}

TEST(Scanner, DoesNotEvenReadWhatIsExcluded) {
  FakeTree tree;
  tree.make("/r/out", FileType::directory);
  tree.make("/r/out/in", FileType::directory);
  tree.make("/r/kept", FileType::directory);
  tree.before_list = [](const Path& path) { EXPECT_FALSE(path.starts_with("/r/out")); };
  const std::vector<std::string> patterns = {"/out", "!/out/in"};
  EXPECT_THAT(walk(tree, "/r", {.exclude = std::make_shared<IgnoreRules>(IgnoreRules::from_patterns(patterns))}),
              ElementsAre("+", "+kept", "-", "-"));
}

TEST(Scanner, ReadsManyDirectoriesAtOnceButNoMoreThanItCanHold) {
  FakeTree tree;
  for (int i = 0; i < 60; ++i) {
    const Path path = "/r/" + std::to_string(i);
    tree.make(path, FileType::directory);
    for (int k = 0; k < 50; ++k) tree.make(path + "/" + std::to_string(k), FileType::directory);
  }
  EXPECT_THAT(walk(tree, "/r"), SizeIs(2 * (1 + 60 + 3000)));
  EXPECT_LT(tree.batches.size(), 60u);
  EXPECT_LE(*std::ranges::max_element(tree.batches), 256u);

  FakeTree heavy;
  for (int i = 0; i < 50; ++i) {
    heavy.make("/r/" + std::to_string(i), FileType::directory);
    heavy.stat_of("/r/" + std::to_string(i))->size = 3 << 20;
  }
  EXPECT_THAT(walk(heavy, "/r"), SizeIs(2 * 51));
  EXPECT_EQ(*std::ranges::max_element(heavy.batches), 1u);
}

// Promise: whatever the tree, each entry comes exactly once, within its directory, in the same order each time.
TEST(Scanner, FindsEveryEntryOfAnyTreeOnce) {
  EXPECT_TRUE(rc::check([] {
    FakeTree tree;
    std::vector<Path> folders = {"/r"};
    std::set<Path> made = {"/r"};
    const auto count = *rc::gen::resize(100, rc::gen::inRange(0, 400));
    for (int i = 0; i < count; ++i) {
      const Path path =
          *rc::gen::elementOf(folders) + "/" + std::to_string(*rc::gen::resize(100, rc::gen::inRange(0, 1000)));
      if (!made.insert(path).second) continue;
      const bool folder = *rc::gen::element(true, true, false);
      tree.make(path, folder ? FileType::directory : FileType::regular);
      if (folder) folders.push_back(path);
    }
    std::set<Path> found;
    std::vector<Path> open;
    const auto lines = walk(tree, "/r");
    Path last;
    for (const std::string& line : lines) {
      if (line == "-") {
        open.pop_back();
      } else if (line.starts_with("+")) {
        const Path path = line == "+" ? "/r" : "/r/" + line.substr(1);
        RC_ASSERT((open.empty() ? path == "/r" : Path(parent_of(path)) == open.back()));
        RC_ASSERT(found.insert(path).second);
        open.push_back(path);
        last.clear();
      } else {
        RC_ASSERT(last < line);
        last = line;
        RC_ASSERT(found.insert(join_path(open.back(), line)).second);
      }
    }
    RC_ASSERT(open.empty());
    RC_ASSERT(found == made);
    RC_ASSERT(walk(tree, "/r") == lines);
  }));
}

TEST(Scanner, WalksARealTreeAsTheFileSystemHasIt) {
  const TestDirectory directory;
  const auto files = system_files(2);
  const auto writer = files->tree_writer(directory.path()).value();
  std::set<std::string> expected;
  for (int i = 0; i < 30; ++i) {
    const std::string folder = "\xfe" + std::to_string(i % 7) + (i < 7 ? "" : "/d" + std::to_string(i));
    ASSERT_TRUE(writer->make_directory(folder));
    expected.insert(folder);
    for (int k = 0; k < i; ++k) {
      const std::string name = folder + "/f\n" + std::to_string(k);
      ASSERT_TRUE(writer->make_file({.name = name, .metadata = {.mode = 0600}}));
      expected.insert(name);
    }
  }
  ASSERT_EQ(::symlink(".", (directory / "loop").c_str()), 0);
  expected.insert("loop");
  std::set<std::string> found;
  Scanner scanner(*files, directory.path(), {});
  std::vector<std::string> open;
  while (auto event = scanner.next().value()) {
    if (const auto* entered = std::get_if<EnterDirectory>(&*event)) {
      open.push_back(entered->path);
      EXPECT_EQ(files->stat(directory / entered->path).value(), entered->stat);
      if (!entered->path.empty()) found.insert(entered->path);
    } else if (const auto* entry = std::get_if<ScanEntry>(&*event)) {
      const std::string path = open.back().empty() ? entry->name : join_path(open.back(), entry->name);
      EXPECT_EQ(files->stat(directory / path).value(), entry->stat);
      found.insert(path);
    } else {
      EXPECT_TRUE(std::holds_alternative<LeaveDirectory>(*event));
      open.pop_back();
    }
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace holdfast::worktree
