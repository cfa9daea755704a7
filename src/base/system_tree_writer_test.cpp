#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <csignal>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/system.h"
#include "base/system_beneath.h"
#include "base/system_test_directory.h"

namespace holdfast {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

constexpr std::int64_t some_time = 1'234'567'890'123'456'789;

class SystemTreeWriterTest : public testing::Test {
 protected:
  SystemTreeWriterTest() {
    EXPECT_TRUE(files->make_directories(directory / "target"));
    EXPECT_TRUE(files->make_directories(directory / "outside"));
    renew();
  }
  void renew() { writer = files->tree_writer(directory / "target").value(); }
  Path at(std::string_view name) { return directory / join_path("target", name); }
  std::string text(std::string_view name) { return std::string(as_text(files->read_file(at(name), 1 << 20).value())); }
  std::set<std::string> names(std::string_view folder) {
    std::set<std::string> out;
    const auto entries = files->list(directory / folder).value();
    for (const DirectoryEntry& entry : entries) out.insert(entry.name);
    return out;
  }
  std::set<std::string> names_in_target() { return names("target"); }
  static WriteRequest request(std::string name, std::string_view content, std::uint32_t mode = 0644) {
    return {.name = std::move(name), .parts = {as_bytes(content)}, .metadata = {.mode = mode, .mtime_ns = some_time}};
  }

  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(2);
  std::unique_ptr<TreeWriter> writer;
};

TEST_F(SystemTreeWriterTest, ManyFilesAreMadeAsAskedFor) {
  EXPECT_TRUE(rc::check([&] {
    const TestDirectory root;
    const auto here = files->tree_writer(root.path()).value();
    const auto any_name = rc::gen::suchThat(
        rc::gen::container<std::string>(rc::gen::inRange<char>(-128, 127)), [](const std::string& name) {
          return !name.empty() && name != "." && name != ".." && name.size() < 200 &&
                 name.find('/') == std::string::npos && !ends_early(name);
        });
    const auto wanted = *rc::gen::container<std::map<std::string, Bytes>>(any_name, rc::gen::arbitrary<Bytes>());
    std::vector<WriteRequest> requests;
    for (const auto& [name, content] : wanted) {
      const std::string folder = "d" + std::to_string(name.size() % 3);
      RC_ASSERT(here->make_directory(folder).has_value());
      const std::size_t middle = content.size() / 2;
      requests.push_back(
          {.name = join_path(folder, name),
           .parts = {ByteView(content).first(middle), {}, ByteView(content).subspan(middle)},
           .metadata = {.mode = *rc::gen::inRange<std::uint32_t>(0, 010000),
                        .mtime_ns = *rc::gen::inRange<std::int64_t>(-4'000'000'000'000'000'000 / 2, some_time)}});
    }
    const auto answers = write_files(*here, requests);
    for (const Status& status : answers) RC_ASSERT(status.has_value());
    std::size_t index = 0;
    for (const auto& [name, content] : wanted) {
      const WriteRequest& asked = requests[index++];
      const FileStat stat = files->stat(root / asked.name).value();
      RC_ASSERT(stat.mode == asked.metadata.mode);
      RC_ASSERT(stat.mtime_ns == asked.metadata.mtime_ns);
      RC_ASSERT(stat.size == content.size());
      if (::geteuid() == 0) RC_ASSERT(files->read_file(root / asked.name, 1 << 20).value() == content);
      RC_ASSERT(here->stat(asked.name).value() == stat);
    }
    RC_ASSERT(here->take_warnings().empty());
  }));
}

TEST_F(SystemTreeWriterTest, AFileOfManyPartsIsWhole) {
  Bytes content(3'000'000);
  for (std::size_t i = 0; i < content.size(); ++i) content[i] = static_cast<std::uint8_t>(i * i >> 7);
  WriteRequest many{.name = "many", .metadata = {.mode = 0600}};
  for (std::size_t i = 0; i < content.size(); i += 1000) many.parts.push_back(ByteView(content).subspan(i, 1000));
  ASSERT_TRUE(writer->make_file(many));
  EXPECT_EQ(files->read_file(at("many"), content.size()).value(), content);
}

TEST_F(SystemTreeWriterTest, NamesThatCouldLeaveTheRootAreMalformedAndNothingIsWritten) {
  const std::vector<std::string> names = {
      "", "/", "/etc/x", "a/", "a//b", ".", "..", "../outside/x", "a/../b", "a/./b", "a/..", std::string("a\0b", 3)};
  ASSERT_TRUE(writer->make_directory("a"));
  for (const std::string& name : names) {
    SCOPED_TRACE(printable(name));
    EXPECT_EQ(writer->make_file(request(name, "x")).error().code, Code::Malformed);
    EXPECT_EQ(writer->make_directory(name).error().code, Code::Malformed);
    EXPECT_EQ(writer->open_new(name, true).error().code, Code::Malformed);
    EXPECT_EQ(writer->make_symlink(name, "t", true).error().code, Code::Malformed);
    EXPECT_EQ(writer->make_hard_link(name, "l", true).error().code, Code::Malformed);
    EXPECT_EQ(writer->make_hard_link("a", name, true).error().code, Code::Malformed);
    EXPECT_EQ(writer->make_node(name, {.type = FileType::fifo}, true).error().code, Code::Malformed);
    EXPECT_EQ(writer->set_metadata(name, FileType::directory, {}).error().code, Code::Malformed);
    EXPECT_EQ(writer->stat(name).error().code, Code::Malformed);
    EXPECT_EQ(writer->open_existing(name).error().code, Code::Malformed);
  }
  EXPECT_THAT(names_in_target(), ElementsAre("a"));
}

TEST_F(SystemTreeWriterTest, NoSymbolicLinkLeadsOutOfTheRoot) {
  ASSERT_TRUE(files->replace_file(directory / "outside/victim", as_bytes("untouched")));
  ASSERT_TRUE(writer->make_directory("in"));
  ASSERT_EQ(::symlink("../../outside", at("in/link").c_str()), 0);
  ASSERT_EQ(::symlink((directory / "outside").c_str(), at("absolute").c_str()), 0);
  ASSERT_EQ(::symlink(".", at("self").c_str()), 0);
  ASSERT_EQ(::symlink("../../outside/victim", at("in/file").c_str()), 0);
  const FileStat before = files->stat(directory / "outside/victim").value();

  for (const std::string folder : {"in/link", "absolute", "self", "in/link/deeper"}) {
    SCOPED_TRACE(folder);
    EXPECT_EQ(writer->make_file(request(folder + "/x", "x")).error().code, Code::AlreadyExists);
    WriteRequest replacing = request(folder + "/victim", "x");
    replacing.replace = true;
    EXPECT_EQ(writer->make_file(replacing).error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->make_directory(folder + "/x").error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->open_new(folder + "/victim", true).error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->open_existing(folder + "/victim").error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->make_hard_link(folder + "/victim", "got", false).error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->set_metadata(folder + "/victim", FileType::regular, {}).error().code, Code::AlreadyExists);
    EXPECT_EQ(writer->stat(folder + "/victim").error().code, Code::AlreadyExists);
  }
  EXPECT_EQ(writer->make_directory("in/link").error().code, Code::AlreadyExists);
  EXPECT_FALSE(writer->open_existing("in/file"));
  EXPECT_EQ(writer->set_metadata("in/file", FileType::regular, {.mode = 0777}).error().code, Code::AlreadyExists);
  EXPECT_EQ(writer->set_metadata("absolute", FileType::directory, {.mode = 0777}).error().code, Code::AlreadyExists);
  EXPECT_EQ(writer->make_file(request("in/file", "x")).error().code, Code::AlreadyExists);
  WriteRequest replacing = request("in/file", "new");
  replacing.replace = true;
  EXPECT_TRUE(writer->make_file(replacing));  // the link is replaced, not what it points to
  EXPECT_EQ(writer->stat("in/file").value()->type, FileType::regular);

  EXPECT_EQ(files->stat(directory / "outside/victim").value(), before);
  EXPECT_THAT(names("outside"), ElementsAre("victim"));
}

// Promise: the way without openat2 (old kernels, sandboxes) opens and refuses the same folders.
TEST_F(SystemTreeWriterTest, FoldersAreFoundTheSameWayComponentByComponent) {
  ASSERT_TRUE(files->make_directories(at("a/b/c")));
  ASSERT_TRUE(files->replace_file(at("file"), {}));
  ASSERT_EQ(::symlink("a", at("link").c_str()), 0);
  const Fd root(::open(at("").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  for (const std::string name : {"", "a", "a/b", "a/b/c", "link", "link/b", "a/missing", "file", "file/b"}) {
    SCOPED_TRACE(name);
    const auto fast = open_folder_beneath(root.get(), name), slow = open_folder_stepwise(root.get(), name);
    ASSERT_EQ(fast.has_value(), slow.has_value());
    if (fast) {
      EXPECT_EQ(stat_fd(fast->get(), "").value(), stat_fd(slow->get(), "").value());
    } else {
      EXPECT_EQ(fast.error().code, slow.error().code);
    }
  }
  std::string deep;
  for (int i = 0; i < 30; ++i) {
    deep += (i == 0 ? "" : "/") + std::string(200, 'n');
    ASSERT_TRUE(writer->make_directory(deep));
  }
  EXPECT_TRUE(writer->make_file(request(deep + "/file", "x")));  // longer than PATH_MAX
  EXPECT_EQ(writer->stat(deep + "/file").value()->size, 1u);
}

TEST_F(SystemTreeWriterTest, NothingIsReplacedUnlessAskedForAndDirectoriesNever) {
  const auto old_file = [&] {
    (void)files->remove(at("f"));
    ASSERT_TRUE(files->replace_file(at("f"), as_bytes("old")));
  };
  const std::vector<std::function<Status(const std::string&, bool)>> makers = {
      [&](const std::string& name, bool replace) {
        WriteRequest wanted = request(name, "new");
        wanted.replace = replace;
        return writer->make_file(wanted);
      },
      [&](const std::string& name, bool replace) { return writer->make_symlink(name, "target", replace); },
      [&](const std::string& name, bool replace) { return writer->make_hard_link("other", name, replace); },
      [&](const std::string& name, bool replace) { return writer->make_node(name, {.type = FileType::fifo}, replace); },
      [&](const std::string& name, bool replace) -> Status {
        HF_TRY(auto file, writer->open_new(name, replace));
        HF_OK(file->write_at(0, as_bytes("new")));
        return writer->set_metadata(name, FileType::regular, {.mode = 0600});
      }};
  ASSERT_TRUE(writer->make_file(request("other", "other")));
  ASSERT_TRUE(writer->make_directory("d"));
  for (std::size_t i = 0; i < makers.size(); ++i) {
    SCOPED_TRACE(i);
    old_file();
    const auto opened_before = files->open(at("f"), OpenMode::read).value();
    EXPECT_EQ(makers[i]("f", false).error().code, Code::AlreadyExists);
    EXPECT_EQ(text("f"), "old");
    EXPECT_EQ(makers[i]("d", true).error().code, Code::AlreadyExists);
    EXPECT_TRUE(makers[i]("f", true));
    EXPECT_EQ(opened_before->stat()->size, 3u);  // the old file itself was not written to
    Bytes old(3);
    EXPECT_EQ(opened_before->read_at(0, old), 3u);
    EXPECT_EQ(as_text(old), "old");
    EXPECT_NE(files->stat(at("f"))->inode, opened_before->stat()->inode);
    EXPECT_THAT(names_in_target(), ElementsAre("d", "f", "other"));
  }
}

TEST_F(SystemTreeWriterTest, ALargeFileShowsOnlyWhenItIsFinished) {
  ASSERT_TRUE(files->replace_file(at("big"), as_bytes("old")));
  {
    const auto file = writer->open_new("big", true).value();
    ASSERT_TRUE(file->truncate(50 << 20));
    ASSERT_TRUE(file->write_at(20 << 20, as_bytes("middle")));
    EXPECT_EQ(text("big"), "old");
    ASSERT_TRUE(writer->set_metadata("big", FileType::regular, {.mode = 0444, .mtime_ns = some_time}));
  }
  const FileStat made = files->stat(at("big")).value();
  EXPECT_EQ(made.size, 50u << 20);
  EXPECT_EQ(made.mode, 0444u);
  EXPECT_EQ(made.mtime_ns, some_time);
  EXPECT_LT(made.allocated, 5u << 20);

  ASSERT_TRUE(writer->open_new("big", true));
  ASSERT_TRUE(writer->open_new("fresh", false));
  EXPECT_EQ(files->stat(at("fresh"))->mode, 0600u);
  ASSERT_TRUE(writer->open_new("fresh", false));  // again from the start
  writer.reset();
  EXPECT_THAT(names_in_target(), ElementsAre("big"));
  EXPECT_EQ(files->stat(at("big")), made);
}

TEST_F(SystemTreeWriterTest, LinksAndNodesComeBack) {
  ASSERT_TRUE(writer->make_file(request("file", "x")));
  ASSERT_TRUE(writer->make_directory("d"));
  ASSERT_TRUE(writer->make_hard_link("file", "d/same", false));
  EXPECT_EQ(files->stat(at("file")).value(), files->stat(at("d/same")).value());
  EXPECT_EQ(files->stat(at("file"))->links, 2u);
  ASSERT_TRUE(writer->make_hard_link("file", "d/same", true));  // onto itself
  EXPECT_THAT(names("target/d"), ElementsAre("same"));

  const std::string odd = "../\xff out/of/here";
  ASSERT_TRUE(writer->make_symlink("link", odd, false));
  EXPECT_EQ(files->details(at("link"))->target, odd);
  ASSERT_TRUE(writer->set_metadata("link", FileType::symlink, {.mode = 0777, .mtime_ns = some_time}));
  EXPECT_EQ(files->stat(at("link"))->mtime_ns, some_time);
  EXPECT_EQ(writer->make_symlink("empty", "", false).error().code, Code::Malformed);

  ASSERT_TRUE(writer->make_node("fifo", {.type = FileType::fifo}, false));
  ASSERT_TRUE(writer->set_metadata("fifo", FileType::fifo, {.mode = 0642, .mtime_ns = some_time}));
  const FileStat fifo = files->stat(at("fifo")).value();
  EXPECT_EQ(fifo.type, FileType::fifo);
  EXPECT_EQ(fifo.mode, 0642u);
  EXPECT_EQ(fifo.mtime_ns, some_time);
  EXPECT_EQ(writer->make_node("s", {.type = FileType::socket}, false).error().code, Code::Unsupported);

  const FileStat null_device{.type = FileType::character_device, .device_major = 1, .device_minor = 3};
  const Status made = writer->make_node("null", null_device, false);
  if (made) {
    ASSERT_TRUE(writer->set_metadata("null", FileType::character_device, {.mode = 0666, .mtime_ns = some_time}));
    const FileStat node = files->stat(at("null")).value();
    EXPECT_EQ(node.type, FileType::character_device);
    EXPECT_EQ(std::pair(node.device_major, node.device_minor), std::pair(1u, 3u));
    EXPECT_EQ(node.mode, 0666u);
  } else {
    EXPECT_EQ(made.error().code, Code::PermissionDenied);  // nobody but root
  }
}

// user::rw-, user:12345:r--, group::r--, mask::rw-, other::---; the mode's group bits are the mask.
Bytes access_acl() {
  Bytes out = {2, 0, 0, 0};
  const auto entry = [&out](std::uint8_t tag, std::uint8_t rights, std::uint32_t id) {
    append(out, Bytes{tag, 0, rights, 0, static_cast<std::uint8_t>(id), static_cast<std::uint8_t>(id >> 8),
                      static_cast<std::uint8_t>(id >> 16), static_cast<std::uint8_t>(id >> 24)});
  };
  entry(0x01, 6, ~0u);
  entry(0x02, 4, 12345);
  entry(0x04, 4, ~0u);
  entry(0x10, 6, ~0u);
  entry(0x20, 0, ~0u);
  return out;
}

TEST_F(SystemTreeWriterTest, AttributesAndListsComeBackOrAreNamedAsLeftOut) {
  const Attribute acl{"system.posix_acl_access", access_acl()}, user{"user.colour", {0, 0xff, 7}};
  const Attribute foreign{"nonsense", {1}};
  WriteRequest wanted = request("file", "x", 0460);
  wanted.metadata.attributes = {acl, user, foreign};
  ASSERT_TRUE(writer->make_file(wanted));
  const auto told = writer->take_warnings();
  EXPECT_THAT(told, Contains(HasSubstr("file: the attribute nonsense was not set")));
  EXPECT_THAT(writer->take_warnings(), IsEmpty());

  const auto kept = files->details(at("file"))->attributes.value();
  const bool has_lists = std::ranges::count(kept, acl) == 1, has_user = std::ranges::count(kept, user) == 1;
  EXPECT_EQ(told.size(), 1u + (has_lists ? 0 : 1) + (has_user ? 0 : 1));
  // Without the list the group must not get the mask's rights.
  EXPECT_EQ(files->stat(at("file"))->mode, has_lists ? 0660u : 0440u);
  EXPECT_EQ(files->stat(at("file"))->mtime_ns, some_time);

  ASSERT_TRUE(writer->make_directory("d"));
  const Metadata of_directory{
      .mode = 0750, .mtime_ns = some_time, .attributes = {{"system.posix_acl_default", access_acl()}, user}};
  ASSERT_TRUE(writer->set_metadata("d", FileType::directory, of_directory));
  EXPECT_EQ(files->stat(at("d"))->mtime_ns, some_time);
  if (!has_lists) return;
  EXPECT_EQ(files->details(at("d"))->attributes.value(), of_directory.attributes);

  // What is made below a directory that gives its list to new entries has only what it should have.
  ASSERT_TRUE(writer->make_file(request("d/plain", "x", 0644)));
  EXPECT_THAT(files->details(at("d/plain"))->attributes.value(), IsEmpty());
  EXPECT_EQ(files->stat(at("d/plain"))->mode, 0644u);
  ASSERT_TRUE(writer->make_directory("d/e"));
  ASSERT_TRUE(writer->set_metadata("d/e", FileType::directory, {.mode = 0711, .mtime_ns = some_time}));
  EXPECT_THAT(files->details(at("d/e"))->attributes.value(), IsEmpty());
  EXPECT_EQ(files->stat(at("d/e"))->mode, 0711u);
}

TEST_F(SystemTreeWriterTest, AReadOnlyFileOfAnybodyGetsItsAttributes) {
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(at("").c_str(), 0777), 0);
  EXPECT_TRUE(holds_for_another_process(true, [&] {
    const auto own = system_files(1);
    const auto here = own->tree_writer(at("")).value();
    WriteRequest writable = request("writable", "x", 0644), wanted = request("file", "x", 0444);
    writable.metadata.attributes = wanted.metadata.attributes = {{"user.colour", {1}}};
    if (!here->make_file(writable) || !here->make_file(wanted) || own->stat(at("file"))->mode != 0444) return false;
    // A file system without attributes of the user has none on either.
    return own->details(at("file"))->attributes.value() == own->details(at("writable"))->attributes.value();
  }));
}

TEST_F(SystemTreeWriterTest, AnOwnerThatMayNotBeGivenIsAWarningAndLendsNoRights) {
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod(at("").c_str(), 0777), 0);
  EXPECT_TRUE(holds_for_another_process(true, [&] {
    const auto own = system_files(1);
    const auto here = own->tree_writer(at("")).value();
    WriteRequest wanted = request("file", "x", 06755);
    wanted.metadata.owner = {0, 0};
    if (::geteuid() == 0 || !here->make_file(wanted)) return false;
    return own->stat(at("file"))->mode == 0755 && here->take_warnings().size() == 1;
  }));
  if (::geteuid() != 0) return;
  WriteRequest wanted = request("owned", "x", 06755);
  wanted.metadata.owner = {12345, 54321};
  ASSERT_TRUE(writer->make_file(wanted));
  const FileStat made = files->stat(at("owned")).value();
  EXPECT_EQ(std::pair(made.uid, made.gid), std::pair(12345u, 54321u));
  EXPECT_EQ(made.mode, 06755u);
  ASSERT_TRUE(writer->make_symlink("link", "owned", false));
  ASSERT_TRUE(writer->set_metadata("link", FileType::symlink,
                                   {.owner = {{1, 2}}, .mtime_ns = 5, .attributes = {{"trusted.x", {1}}}}));
  EXPECT_EQ(files->stat(at("link"))->uid, 1u);
  EXPECT_EQ(files->stat(at("owned")), made);
  if (writer->take_warnings().empty()) {
    EXPECT_THAT(files->details(at("link"))->attributes.value(), ElementsAre(Attribute{"trusted.x", {1}}));
  }
}

TEST_F(SystemTreeWriterTest, ModesAreExactWhateverTheUmask) {
  for (const mode_t mask : {0000, 0022, 0077, 0777}) {
    const mode_t before = ::umask(mask);
    renew();
    for (const std::uint32_t mode : {0777u, 0666u, 0640u, 04755u, 01777u}) {
      (void)files->remove(at("f"));
      ASSERT_TRUE(writer->make_file(request("f", "x", mode)));
      EXPECT_EQ(files->stat(at("f"))->mode, mode) << mask;
    }
    ::umask(before);
  }
}

TEST_F(SystemTreeWriterTest, WhenTheDiskIsFullNoPieceOfAFileStays) {
  ASSERT_TRUE(files->replace_file(at("there"), as_bytes("old")));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit small{.rlim_cur = 5000, .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string large(10'000, 'x');
  std::vector<WriteRequest> requests = {request("small", "x"), request("large", large), request("there", large)};
  requests[2].replace = true;
  const auto answers = write_files(*writer, requests);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_TRUE(answers[0]);
  EXPECT_EQ(answers[1].error().code, Code::NoSpaceLeft);
  EXPECT_EQ(answers[2].error().code, Code::NoSpaceLeft);
  EXPECT_THAT(names_in_target(), ElementsAre("small", "there"));
  EXPECT_EQ(text("there"), "old");
  EXPECT_TRUE(writer->sync_all());
}

TEST_F(SystemTreeWriterTest, PiecesOfALargeFileMayBeWrittenInAnyOrder) {
  constexpr std::size_t piece = 20'000, count = 40;
  Bytes whole(piece * count);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::uint8_t>(i * 7 / 3);
  const std::shared_ptr<File> file = writer->open_new("large", false).value();
  for (std::size_t i = count; i-- > 0;)
    (void)writer->submit({.pieces = {{file, i * piece, ByteView(whole).subspan(i * piece, piece)}}});
  std::set<RequestId> seen;
  while (writer->in_flight() > 0) {
    const auto [request_id, outcomes] = writer->next();
    EXPECT_TRUE(seen.insert(request_id).second);
    ASSERT_THAT(outcomes, SizeIs(1));
    EXPECT_TRUE(outcomes[0]);
  }
  EXPECT_EQ(seen.size(), count);
  ASSERT_TRUE(writer->set_metadata("large", FileType::regular, {.mode = 0600}));
  EXPECT_EQ(text("large"), std::string(as_text(whole)));
}

TEST_F(SystemTreeWriterTest, AWriterThatGoesLeavesNoThreadInItsFiles) {
  const std::string content(1'000'000, 'x');
  for (int i = 0; i < 20; ++i) (void)writer->submit({.files = {request("f" + std::to_string(i), content)}});
  writer.reset();
  for (const std::string& name : names_in_target()) EXPECT_EQ(text(name).size(), content.size()) << name;
}

TEST_F(SystemTreeWriterTest, WarningsAreBounded) {
  std::vector<WriteRequest> requests;
  for (int i = 0; i < 1100; ++i) {
    requests.push_back(request("f\n" + std::to_string(i), ""));
    requests.back().metadata.attributes = {{"nonsense", {}}};
  }
  const auto answers = write_files(*writer, requests);
  for (const Status& status : answers) EXPECT_TRUE(status);
  const auto told = writer->take_warnings();
  ASSERT_THAT(told, SizeIs(1001));
  EXPECT_THAT(told.front(), HasSubstr("f\\x0a"));
  EXPECT_EQ(told.back(), "and 100 warnings more");
}

TEST_F(SystemTreeWriterTest, WhatIsMissingIsNotFound) {
  EXPECT_EQ(writer->stat("nothing").value(), std::nullopt);
  EXPECT_EQ(writer->stat("no/such/folder").value(), std::nullopt);
  EXPECT_EQ(writer->make_file(request("no/file", "x")).error().code, Code::NotFound);
  EXPECT_EQ(writer->make_hard_link("nothing", "name", false).error().code, Code::NotFound);
  EXPECT_EQ(writer->set_metadata("nothing", FileType::directory, {}).error().code, Code::NotFound);
  EXPECT_EQ(files->tree_writer(directory / "nowhere").error().code, Code::NotFound);
  EXPECT_THAT(names_in_target(), IsEmpty());
}

}  // namespace
}  // namespace holdfast
