// Promise: code that works on the simulated disk meets nothing new on a real one.
// Method: the same table of calls and answers on both, whatever base/files.h leaves open.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/system.h"
#include "base/system_test_directory.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {
namespace {

using testing::ElementsAre;

// A door, and a folder of its own.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual Files& files() = 0;
  virtual Path root() = 0;
};

class RealFiles final : public Surroundings {
 public:
  Files& files() override { return *files_; }
  Path root() override { return directory_.path(); }

 private:
  TestDirectory directory_;
  std::unique_ptr<Files> files_ = system_files(1);
};

// The hand of a device: its calls are the processes' own, without their faults.
class SimulatedFiles final : public Surroundings {
 public:
  Files& files() override { return world_.device("laptop").hand(); }
  Path root() override { return "/home/user"; }

 private:
  World world_;
};

struct Candidate {
  const char* name;
  std::function<std::unique_ptr<Surroundings>()> make;
  friend void PrintTo(const Candidate& candidate, std::ostream* out) { *out << candidate.name; }
};

class FilesContract : public testing::TestWithParam<Candidate> {
 protected:
  [[nodiscard]] Path at(std::string_view name) const { return join_path(surroundings_->root(), name); }
  void plant(std::string_view name, std::string_view text) {
    ASSERT_TRUE(files.replace_file(at(name), as_bytes(text)));
  }
  std::string text_of(std::string_view name) {
    const auto bytes = files.read_file(at(name), 1 << 20);
    return bytes ? std::string(as_text(*bytes)) : std::string(name_of(bytes.error().code));
  }
  std::unique_ptr<TreeWriter> writer() { return files.tree_writer(surroundings_->root()).value(); }
  static std::string code_of(const auto& result) { return result ? "ok" : std::string(name_of(result.error().code)); }

  std::unique_ptr<Surroundings> surroundings_ = GetParam().make();
  Files& files = surroundings_->files();
};

INSTANTIATE_TEST_SUITE_P(Both, FilesContract,
                         testing::Values(Candidate{"Real", [] { return std::make_unique<RealFiles>(); }},
                                         Candidate{"Simulated", [] { return std::make_unique<SimulatedFiles>(); }}),
                         [](const auto& kind) { return kind.param.name; });

TEST_P(FilesContract, ReadsWhatWasWrittenWhereItWasWritten) {
  const auto file = files.open(at("f"), OpenMode::create_new).value();
  ASSERT_TRUE(file->write_at(10'000, as_bytes("late")));
  ASSERT_TRUE(file->write_at(2, as_bytes("early")));
  std::array<std::uint8_t, 16> bytes{};
  EXPECT_EQ(file->read_at(0, bytes), 16u);
  EXPECT_EQ(as_text(bytes), std::string_view("\0\0early\0\0\0\0\0\0\0\0\0", 16));
  EXPECT_EQ(file->read_at(9'998, bytes), 6u);
  EXPECT_EQ(file->read_at(20'000, bytes), 0u);
  EXPECT_EQ(file->stat()->size, 10'004u);
  ASSERT_TRUE(file->truncate(4));
  ASSERT_TRUE(file->truncate(8));
  EXPECT_EQ(text_of("f"), std::string_view("\0\0ea\0\0\0\0", 8));
  EXPECT_TRUE(file->sync());
}

TEST_P(FilesContract, AHoleIsNoData) {
  const auto file = files.open(at("f"), OpenMode::create_new).value();
  ASSERT_TRUE(file->write_at(0, Bytes(4096, 1)));
  ASSERT_TRUE(file->write_at(1 << 20, Bytes(5000, 2)));
  ASSERT_TRUE(file->truncate(4 << 20));
  std::uint64_t covered = 0;
  const std::vector<Range> ranges = file->data_ranges().value();
  for (const Range& range : ranges) covered += range.size;
  if (ranges.size() > 1) {  // else this file system has no holes
    EXPECT_EQ(ranges.front(), (Range{0, 4096}));
    EXPECT_LT(covered, 1u << 20);
    EXPECT_LT(file->stat()->allocated, 1u << 20);
  }
  EXPECT_GE(covered, 9096u);
}

TEST_P(FilesContract, ModesOfOpeningSayWhatMayBeThere) {
  EXPECT_EQ(code_of(files.open(at("f"), OpenMode::read)), "NotFound");
  EXPECT_EQ(code_of(files.open(at("f"), OpenMode::write_existing)), "NotFound");
  EXPECT_EQ(code_of(files.open(at("no/f"), OpenMode::create_new)), "NotFound");
  plant("f", "old");
  EXPECT_EQ(files.stat(at("f"))->mode, 0600u);
  EXPECT_EQ(code_of(files.open(at("f"), OpenMode::create_new)), "AlreadyExists");
  EXPECT_EQ(code_of(files.open(at("f/g"), OpenMode::create_or_open)), "NotFound");
  EXPECT_EQ(code_of(files.open(at("f"), OpenMode::create_or_open)), "ok");
  EXPECT_EQ(text_of("f"), "old");
  EXPECT_EQ(code_of(files.open(at("f"), OpenMode::create_or_truncate)), "ok");
  EXPECT_EQ(text_of("f"), "");
  EXPECT_EQ(code_of(files.open(surroundings_->root(), OpenMode::read)), "Unsupported");
  EXPECT_EQ(code_of(files.open(surroundings_->root(), OpenMode::create_or_open)), "AlreadyExists");
  const auto file = files.open(at("f"), OpenMode::read).value();
  EXPECT_FALSE(file->write_at(0, as_bytes("x")));
  EXPECT_EQ(text_of("f"), "");
  EXPECT_EQ(code_of(files.open("", OpenMode::read)), "NotFound");
  EXPECT_EQ(code_of(files.stat(at(std::string_view("f\0g", 3)))), "NotFound");
  EXPECT_EQ(code_of(files.open(at(std::string(300, 'n')), OpenMode::create_new)), "Unsupported");
}

TEST_P(FilesContract, ALinkIsFollowedOnTheWayButNotAtTheEnd) {
  ASSERT_TRUE(files.make_directories(at("real")));
  plant("real/f", "inside");
  const auto out = writer();
  ASSERT_TRUE(out->make_symlink("dir", "real", false));
  ASSERT_TRUE(out->make_symlink("link", "real/f", false));
  ASSERT_TRUE(out->make_symlink("ring", "ring", false));
  ASSERT_TRUE(out->make_symlink("real/up", "../real/f", false));
  EXPECT_EQ(files.stat(at("link"))->type, FileType::symlink);
  EXPECT_EQ(files.stat(at("link"))->size, 6u);
  EXPECT_EQ(files.details(at("link"))->target, "real/f");
  EXPECT_EQ(text_of("dir/f"), "inside");
  EXPECT_EQ(text_of("link"), "inside");
  EXPECT_EQ(code_of(files.open(at("link"), OpenMode::read)), "PermissionDenied");
  EXPECT_EQ(code_of(files.open(at("link"), OpenMode::create_or_open)), "PermissionDenied");
  EXPECT_EQ(code_of(files.map(at("link"))), "PermissionDenied");
  EXPECT_EQ(code_of(files.list(at("dir"))), "NotFound");
  EXPECT_EQ(code_of(files.read_file(at("ring"), 10)), "PermissionDenied");
  EXPECT_EQ(files.real_path(at("dir/../dir/up")), at("real/f"));
  EXPECT_EQ(files.real_path(at("real/./f")), at("real/f"));
  EXPECT_EQ(code_of(files.real_path(at("nothing"))), "NotFound");
}

TEST_P(FilesContract, RenameReplacesAndRemoveTakesEmptyFoldersOnly) {
  plant("a", "A");
  plant("b", "B");
  ASSERT_TRUE(files.rename(at("a"), at("b")));
  EXPECT_EQ(text_of("a"), "NotFound");
  EXPECT_EQ(text_of("b"), "A");
  EXPECT_EQ(code_of(files.rename(at("a"), at("c"))), "NotFound");
  ASSERT_TRUE(files.make_directories(at("d/e")));
  EXPECT_EQ(files.stat(at("d/e"))->mode, 0700u);
  EXPECT_TRUE(files.make_directories(at("d/e")));
  EXPECT_EQ(code_of(files.make_directories(at("b"))), "AlreadyExists");
  EXPECT_EQ(code_of(files.rename(at("b"), at("d"))), "AlreadyExists");
  EXPECT_EQ(code_of(files.rename(at("d"), at("d/e/f"))), "IoError");
  ASSERT_TRUE(files.make_directories(at("full/x")));
  EXPECT_EQ(code_of(files.rename(at("d/e"), at("full"))), "NotEmpty");
  ASSERT_TRUE(files.rename(at("d/e"), at("full/x")));
  EXPECT_EQ(code_of(files.remove(at("full"))), "NotEmpty");
  EXPECT_TRUE(files.remove(at("full/x")));
  EXPECT_TRUE(files.remove(at("full")));
  EXPECT_TRUE(files.remove(at("b")));
  EXPECT_EQ(code_of(files.remove(at("b"))), "NotFound");
  EXPECT_TRUE(files.sync_directory(surroundings_->root()));
  EXPECT_EQ(code_of(files.sync_directory(at("b"))), "NotFound");
}

TEST_P(FilesContract, AnOpenFileOutlivesItsName) {
  plant("f", "alive");
  const auto file = files.open(at("f"), OpenMode::write_existing).value();
  const auto mapping = files.map(at("f")).value();
  ASSERT_TRUE(files.remove(at("f")));
  Bytes bytes(5);
  EXPECT_EQ(file->read_at(0, bytes), 5u);
  EXPECT_EQ(as_text(bytes), "alive");
  EXPECT_EQ(as_text(mapping->bytes()), "alive");
  EXPECT_EQ(file->stat()->links, 0u);
}

TEST_P(FilesContract, WhatAMappingReleasesCanBeReadAgain) {
  const std::string text(100'000, 'x');
  plant("f", text + "end");
  const auto mapping = files.map(at("f")).value();
  const ByteView bytes = mapping->bytes();
  EXPECT_EQ(as_text(bytes), text + "end");
  mapping->release(bytes.subspan(1, 50'000));
  mapping->release(bytes.subspan(50'001));
  mapping->release(bytes.last(0));
  mapping->release(bytes);
  EXPECT_EQ(as_text(bytes), text + "end");
}

TEST_P(FilesContract, AListingTellsEachEntryOnce) {
  plant("f", "12345");
  ASSERT_TRUE(files.make_directories(at("d")));
  ASSERT_TRUE(writer()->make_hard_link("f", "g", false));
  std::vector<std::string> seen;
  const auto entries = files.list(surroundings_->root()).value();
  for (const DirectoryEntry& entry : entries) {
    seen.push_back(entry.name);
    EXPECT_EQ(entry.stat.value(), files.stat(at(entry.name)).value());
  }
  EXPECT_THAT(seen, testing::UnorderedElementsAre("f", "d", "g"));
  EXPECT_EQ(files.stat(at("f"))->links, 2u);
  EXPECT_EQ(files.stat(at("f"))->inode, files.stat(at("g"))->inode);
  const std::vector<TreePlace> wanted{at("d"), at("f"), at("none")};
  const auto answers = files.list_batch(wanted);
  EXPECT_EQ(code_of(answers[0]) + code_of(answers[1]) + code_of(answers[2]), "okChangedNotFound");
}

// Promise: an entry is read in the very folder that was listed, wherever that is moved and whatever gets its name; a
// link is never followed.
TEST_P(FilesContract, APlaceIsInTheFolderThatWasListed) {
  ASSERT_TRUE(files.make_directories(at("a/below")));
  ASSERT_TRUE(files.make_directories(at("b")));
  plant("a/f", "mine");
  plant("b/f", "other");
  plant("a/below/f", "deeper");
  const auto list = [&](const TreePlace& place) { return files.list_batch({&place, 1})[0]; };
  const auto listing = list(at("a")).value();
  const TreePlace place(listing.folder, "f");
  const auto read = [&](const TreePlace& what) {
    const ReadRequest request{what, 100};
    auto answer = files.read_batch({&request, 1})[0];
    return answer ? std::string(as_text(answer->bytes)) : code_of(answer);
  };
  const auto all = [&](const TreePlace& what) {
    return read(what) + " " + code_of(files.details(what)) + " " + code_of(files.open_entry(what));
  };
  EXPECT_EQ(all(place), "mine ok ok");
  EXPECT_EQ(all({listing.folder, "none"}), "NotFound NotFound NotFound");
  EXPECT_EQ(files.details({listing.folder, ""})->stat.id(), listing.self.id());

  ASSERT_TRUE(files.rename(at("a"), at("old")));
  ASSERT_TRUE(files.rename(at("b"), at("a")));
  EXPECT_EQ(all(place), "mine ok ok") << "another folder has the name now";
  EXPECT_EQ(all(at("a/f")), "other ok ok");
  const auto below = list({listing.folder, "below"}).value();
  EXPECT_EQ(read({below.folder, "f"}), "deeper");

  ASSERT_TRUE(writer()->make_symlink("old/link", "below", false));
  EXPECT_EQ(code_of(list({listing.folder, "link"})), "Changed");
  EXPECT_EQ(code_of(list({listing.folder, "f"})), "Changed");
  EXPECT_EQ(files.details({listing.folder, "link"})->target, "below");
  ASSERT_TRUE(writer()->make_symlink("away", "old", false));
  EXPECT_EQ(all(at("away/f")), "Changed Changed Changed") << "a link leads to it";
  EXPECT_EQ(code_of(list(at("away"))), "Changed");
}

TEST_P(FilesContract, ABatchAnswersInTheOrderOfItsRequests) {
  plant("a", "first");
  plant("b", "second");
  ASSERT_TRUE(writer()->make_symlink("link", "a", false));
  ASSERT_TRUE(writer()->make_node("fifo", {.type = FileType::fifo}, false));
  const std::vector<ReadRequest> wanted{{at("b"), 6}, {at("none"), 0}, {at("a"), 5}, {at("link"), 5}, {at("fifo"), 0}};
  const auto answers = files.read_batch(wanted);
  EXPECT_EQ(as_text(answers[0]->bytes), "second");
  EXPECT_EQ(code_of(answers[1]), "NotFound");
  EXPECT_EQ(as_text(answers[2]->bytes), "first");
  EXPECT_EQ(answers[2]->before, answers[2]->after);
  EXPECT_EQ(code_of(answers[3]), "PermissionDenied");
  EXPECT_EQ(code_of(answers[4]), "Changed");
  EXPECT_EQ(code_of(files.read_file(at("b"), 5)), "TooLarge");
}

TEST_P(FilesContract, AFifoIsReplacedByItsLikeOnly) {
  const FileStat fifo{.type = FileType::fifo}, device{.type = FileType::character_device, .device_major = 1};
  ASSERT_TRUE(writer()->make_node("fifo", fifo, false));
  const auto before = files.stat(at("fifo"))->inode;
  EXPECT_EQ(code_of(writer()->make_node("fifo", fifo, false)), "AlreadyExists");
  EXPECT_TRUE(writer()->make_node("fifo", fifo, true));
  EXPECT_NE(files.stat(at("fifo"))->inode, before);  // another's end of the old one leads nowhere
  EXPECT_FALSE(writer()->make_node("fifo", device, true));
  EXPECT_EQ(code_of(writer()->make_symlink("fifo", "target", true)), "AlreadyExists");
  EXPECT_EQ(files.stat(at("fifo"))->type, FileType::fifo);
}

TEST_P(FilesContract, ALockIsHeldOnce) {
  auto lock = files.lock(at("lock")).value();
  EXPECT_EQ(code_of(files.lock(at("lock"))), "Busy");
  lock.reset();
  EXPECT_EQ(code_of(files.lock(at("lock"))), "ok");
}

TEST_P(FilesContract, TheTreeWriterStaysBelowItsRoot) {
  ASSERT_TRUE(files.make_directories(at("tree")));
  ASSERT_TRUE(files.make_directories(at("outside")));
  const auto out = files.tree_writer(at("tree")).value();
  for (const char* name : {"../x", "/x", "", "a/../x", "./x", "a//x", "x/"}) {
    EXPECT_EQ(code_of(out->make_directory(name)), "Malformed") << name;
    EXPECT_EQ(code_of(out->make_file({.name = name, .parts = {}, .metadata = {}})), "Malformed") << name;
  }
  ASSERT_TRUE(out->make_symlink("away", "../outside", false));
  EXPECT_EQ(code_of(out->make_file({.name = "away/x", .parts = {}, .metadata = {}})), "AlreadyExists");
  EXPECT_EQ(code_of(out->make_directory("away")), "AlreadyExists");
  EXPECT_EQ(code_of(out->make_directory("none/x")), "NotFound");
  EXPECT_THAT(files.list(at("outside")).value(), testing::IsEmpty());
  EXPECT_EQ(code_of(files.tree_writer(at("none"))), "NotFound");
}

TEST_P(FilesContract, TheTreeWriterMakesWhatItIsTold) {
  const auto out = writer();
  const std::string text = "one two";
  const std::vector<ByteView> parts{as_bytes(text).first(3), as_bytes(text).subspan(3)};
  const Metadata metadata{.mode = 0640, .owner = {}, .mtime_ns = 1'234'567'890'123'456'789, .attributes = {}};
  ASSERT_TRUE(out->make_directory("d"));
  ASSERT_TRUE(out->make_directory("d"));
  ASSERT_TRUE(out->make_file({.name = "d/f", .parts = parts, .metadata = metadata}));
  EXPECT_EQ(text_of("d/f"), text);
  EXPECT_EQ(files.stat(at("d/f"))->mode, 0640u);
  EXPECT_EQ(files.stat(at("d/f"))->mtime_ns, 1'234'567'890'123'456'789);
  EXPECT_EQ(code_of(out->make_file({.name = "d/f", .parts = {}, .metadata = metadata})), "AlreadyExists");
  EXPECT_EQ(text_of("d/f"), text);
  ASSERT_TRUE(out->make_file({.name = "d/f", .parts = {}, .metadata = metadata, .replace = true}));
  EXPECT_EQ(text_of("d/f"), "");
  EXPECT_EQ(code_of(out->make_file({.name = "d", .parts = {}, .metadata = metadata, .replace = true})),
            "AlreadyExists");
  ASSERT_TRUE(
      out->set_metadata("d", FileType::directory, {.mode = 0555, .owner = {}, .mtime_ns = 5, .attributes = {}}));
  EXPECT_EQ(files.stat(at("d"))->mtime_ns, 5);
  EXPECT_EQ(code_of(out->set_metadata("d", FileType::regular, metadata)), "AlreadyExists");
  EXPECT_EQ(code_of(out->set_metadata("none", FileType::regular, metadata)), "NotFound");
  EXPECT_FALSE(out->stat("none/x").value());
  EXPECT_EQ(out->stat("d/f").value()->size, 0u);
  EXPECT_EQ(code_of(out->make_symlink("l", "", false)), "Malformed");
  EXPECT_EQ(code_of(out->make_node("s", {.type = FileType::socket}, false)), "Unsupported");
  EXPECT_EQ(code_of(out->open_existing("none")), "NotFound");
  EXPECT_EQ(code_of(out->open_existing("d")), "Unsupported");
  EXPECT_TRUE(out->sync_all());
  EXPECT_THAT(out->take_warnings(), testing::IsEmpty());
}

TEST_P(FilesContract, WhatAWriterFindsThereIsLookedAtAndTakenAwayByItsIdentity) {
  const auto out = writer();
  ASSERT_TRUE(out->make_directory("d"));
  plant("d/f", "one");
  plant("d/g", "two");
  const auto folder = out->folder("d").value();
  EXPECT_EQ(code_of(out->folder("d/f")), "AlreadyExists");
  EXPECT_EQ(code_of(out->folder("none")), "NotFound");
  EXPECT_EQ(code_of(out->folder("../d")), "Malformed");
  EXPECT_EQ(files.details({out->folder("").value(), "d"})->stat.type, FileType::directory);
  const TreePlace inside(folder, "");
  EXPECT_EQ(files.list_batch({&inside, 1}).front()->entries.size(), 2u);
  const FileId f = files.details({folder, "f"})->stat.id(), g = files.details({folder, "g"})->stat.id();
  Bytes read(3);
  ASSERT_EQ(files.open_entry({folder, "f"}).value()->read_at(0, read).value(), 3u);
  EXPECT_EQ(as_text(read), "one");

  EXPECT_EQ(code_of(out->complete("d/f", FileType::regular, g, {.mode = 0400, .mtime_ns = 5})), "AlreadyExists");
  EXPECT_NE(files.stat(at("d/f"))->mtime_ns, 5);
  EXPECT_TRUE(out->complete("d/f", FileType::regular, f, {.mode = 0400, .mtime_ns = 5}));
  EXPECT_EQ(files.stat(at("d/f"))->mtime_ns, 5);
  EXPECT_EQ(code_of(out->discard("d/f", g)), "Changed");
  EXPECT_EQ(code_of(out->discard("d", files.stat(at("d"))->id())), "Changed");
  EXPECT_EQ(text_of("d/f"), "one");
  EXPECT_TRUE(out->discard("d/f", f));
  EXPECT_EQ(code_of(out->discard("d/f", f)), "Changed");
  EXPECT_EQ(files.list(at("d"))->size(), 1u);
}

TEST_P(FilesContract, WhatReplacesIsSeenWhenItIsComplete) {
  plant("f", "old");
  const auto out = writer();
  {
    const auto file = out->open_new("f", true).value();
    ASSERT_TRUE(file->write_at(0, as_bytes("new")));
  }
  EXPECT_EQ(text_of("f"), "old");
  ASSERT_TRUE(out->set_metadata("f", FileType::regular, {.mode = 0600, .owner = {}, .attributes = {}}));
  EXPECT_EQ(text_of("f"), "new");
  EXPECT_EQ(files.list(surroundings_->root())->size(), 1u);
  ASSERT_TRUE(out->make_symlink("f", "target", true));
  EXPECT_EQ(files.details(at("f"))->target, "target");
  plant("g", "G");
  ASSERT_TRUE(out->make_hard_link("g", "f", true));
  ASSERT_TRUE(out->make_hard_link("g", "f", true));
  EXPECT_EQ(text_of("f"), "G");
  EXPECT_EQ(files.list(surroundings_->root())->size(), 2u);
}

// Promise: owner, mode and attributes of a large file go to that file, and not to what got its name meanwhile.
TEST_P(FilesContract, WhatTookTheNameOfAnUnfinishedFileIsLeftAsItIs) {
  const auto out = writer();
  auto file = out->open_new("large", false).value();
  ASSERT_TRUE(files.rename(at("large"), at("moved")));
  plant("large", "somebody else's");
  const FileStat before = files.stat(at("large")).value();
  EXPECT_EQ(code_of(out->set_metadata("large", FileType::regular, {.mode = 04777})), "AlreadyExists");
  EXPECT_EQ(files.stat(at("large")).value(), before);
}

// Promise: a folder's metadata goes to the folder that was made, and a link to the file that was meant.
TEST_P(FilesContract, WhatTookANameGetsNeitherMetadataNorLinks) {
  const auto out = writer();
  const MadeDirectory made = out->make_directory("d").value();
  EXPECT_TRUE(made.is_new);
  EXPECT_FALSE(out->make_directory("d")->is_new);
  ASSERT_TRUE(files.rename(at("d"), at("moved")));
  ASSERT_TRUE(files.make_directories(at("d")));
  const FileStat before = files.stat(at("d")).value();
  EXPECT_EQ(code_of(out->complete("d", FileType::directory, made.id, {.mode = 0777})), "AlreadyExists");
  EXPECT_EQ(files.stat(at("d")).value(), before);
  ASSERT_TRUE(files.remove(at("d")));
  ASSERT_TRUE(files.rename(at("moved"), at("d")));
  EXPECT_TRUE(out->complete("d", FileType::directory, made.id, {.mode = 0711, .mtime_ns = 5}));
  EXPECT_EQ(files.stat(at("d"))->mode, 0711u);

  plant("f", "meant");
  const FileStat meant = files.stat(at("f")).value();
  const ExpectedFile expected{.owner = std::pair(meant.uid, meant.gid), .size = 5, .mtime_ns = meant.mtime_ns};
  ExpectedFile of_another = expected;
  of_another.owner->first += 1;
  ASSERT_TRUE(out->make_hard_link("f", "g", false, expected));
  EXPECT_EQ(files.stat(at("g"))->id(), meant.id());
  EXPECT_EQ(code_of(out->make_hard_link("f", "h", false, of_another)), "Changed");
  EXPECT_EQ(code_of(files.stat(at("h"))), "NotFound");
}

TEST_P(FilesContract, AFileThatWasNeverFinishedGoesWithItsWriter) {
  plant("f", "old");
  {
    const auto out = writer();
    ASSERT_TRUE(out->open_new("f", true).value()->write_at(0, as_bytes("new")));
    ASSERT_TRUE(out->open_new("g", false).value()->write_at(0, as_bytes("new")));
  }
  EXPECT_EQ(text_of("f"), "old");
  EXPECT_EQ(files.list(surroundings_->root())->size(), 1u);
}

TEST_P(FilesContract, AttributesAreSortedAndKept) {
  const auto out = writer();
  const std::vector<Attribute> attributes{{"user.b", to_bytes(as_bytes("2"))}, {"user.a", {}}};
  ASSERT_TRUE(
      out->make_file({.name = "f", .parts = {}, .metadata = {.mode = 0600, .owner = {}, .attributes = attributes}}));
  if (!out->take_warnings().empty()) return;  // this file system has none
  EXPECT_THAT(files.details(at("f"))->attributes.value(), ElementsAre(attributes[1], attributes[0]));
  EXPECT_EQ(code_of(files.details(at("none"))), "NotFound");
}

}  // namespace
}  // namespace holdfast::sim
