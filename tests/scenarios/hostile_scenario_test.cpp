// A server that lies, and answers that cross: what the client makes of them.
#include <gmock/gmock.h>

#include "session/spaces.h"
#include "session/upload.h"
#include "tests/scenarios/backup_world.h"

namespace holdfast::sim {
namespace {

Bytes random_bytes(Prng& dice, std::size_t size) {
  Bytes out(size);
  dice.fill(out);
  return out;
}

void make_file(Files& hand, const std::string& name, ByteView content, const Bytes& attribute) {
  const auto writer = hand.tree_writer(tree_of_user);
  ASSERT_TRUE(writer);
  WriteRequest request{name, {content}, {.mode = 0640}, false};
  if (!attribute.empty()) request.metadata.attributes = {{"user.note", attribute}};
  ASSERT_TRUE((*writer)->make_file(request));
}

// Changes one byte in the middle of one answer to a get.
class TamperingServer final : public Server {
 public:
  TamperingServer(std::shared_ptr<BackupServer> honest, int which) : honest_(std::move(honest)), left_(which) {}
  Result<Bytes> handle(const Call& call) override {
    auto answer = honest_->handle(call);
    if (call.name == api::Get::name && answer && left_-- == 0) (*answer)[answer->size() / 2] ^= 1;
    return answer;
  }
  [[nodiscard]] bool tampered() const { return left_ < 0; }

 private:
  std::shared_ptr<BackupServer> honest_;
  int left_;
};

// Changes what it answers to one kind of call.
template <class T>
class LyingServer final : public Server {
 public:
  using Reply = typename T::Reply;
  LyingServer(std::shared_ptr<BackupServer> honest, std::function<void(Reply&)> change)
      : honest_(std::move(honest)), change_(std::move(change)) {}
  Result<Bytes> handle(const Call& call) override {
    auto bytes = honest_->handle(call);
    if (call.name != T::name || !bytes) return bytes;
    auto answer = decode<api::Answer<T>>(*bytes, "an answer");
    if (!answer || answer->index() != 0) return bytes;
    change_(std::get<0>(*answer));
    return encode(*answer);
  }

 private:
  std::shared_ptr<BackupServer> honest_;
  std::function<void(Reply&)> change_;
};

struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given) { (void)laptop.hand().make_directories(tree_of_user); }
  std::string back_up_once() {
    const auto signed_up = sign_up_once();
    EXPECT_TRUE(signed_up);
    const auto done = laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
    EXPECT_TRUE(done);
    return done ? done->snapshot.id.hex() : "";
  }
  Result<backup::RestoreReport> restore_to(const std::string& id, const Path& target) {
    return laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
  }
};

// Promise: what a file needs beside its data is read while ranges of the data are in flight, and neither loses the
// other's answers.
// Method: three packs of files whose attributes are chunks of their own, so that files are finished between ranges.
TEST(HostileScenario, LargeAttributesAreRestoredWhileDataIsInFlight) {
  constexpr int files = 130;
  World world;
  Scene scene(world);
  std::vector<Bytes> notes;
  for (int i = 0; i < files; ++i) {
    notes.push_back(random_bytes(world.dice(), 2500));
    make_file(scene.laptop.hand(), "file" + std::to_string(i), random_bytes(world.dice(), 300 * 1024), notes.back());
  }
  const auto before = look(scene.laptop.hand(), tree_of_user);
  const auto done = scene.restore_to(scene.back_up_once(), "/home/user/out");
  ASSERT_TRUE(done) << done.error().sentence;
  EXPECT_EQ(done->problems_count, 0u);
  EXPECT_EQ(look(scene.laptop.hand(), "/home/user/out/documents"), before);
  for (int i = 0; i < files; ++i) {
    const auto details = scene.laptop.hand().details("/home/user/out/documents/file" + std::to_string(i));
    ASSERT_TRUE(details);
    EXPECT_EQ(details->attributes.value(), (std::vector<Attribute>{{"user.note", notes[static_cast<std::size_t>(i)]}}));
  }
}

// Promise: whichever answer is changed, what it does not touch is restored, and what it does is named.
// Method: a folder of several MiB of nodes, so that nodes are asked for ahead of the one that is changed.
TEST(HostileScenario, ATamperedAnswerIsNamedWhileOthersAreInFlight) {
  World world;
  Scene scene(world);
  for (int i = 0; i < 3; ++i)
    make_file(scene.laptop.hand(), "data" + std::to_string(i), random_bytes(world.dice(), 800 * 1024), {});
  (void)scene.laptop.hand().make_directories(tree_of_user + "/many");
  for (int i = 0; i < 4500; ++i)
    make_file(scene.laptop.hand(), "many/" + std::to_string(i), {}, random_bytes(world.dice(), 990));
  const auto before = look(scene.laptop.hand(), tree_of_user);
  const std::string id = scene.back_up_once();

  int named = 0, which = 0;
  for (;; ++which) {
    const auto hostile = std::make_shared<TamperingServer>(scene.server, which);
    world.serve(hostile);
    const Path target = "/home/user/out" + std::to_string(which);
    const auto done = scene.restore_to(id, target);
    if (!hostile->tampered()) break;
    if (!done) {  // what leads to everything else
      EXPECT_EQ(done.error().code, Code::Tampered);
      ++named;
    } else if (done->problems_count == 0) {
      EXPECT_EQ(look(scene.laptop.hand(), target + "/documents"), before);
    } else {
      EXPECT_EQ(done->problems.front().error.code, Code::Tampered);
      ++named;
    }
  }
  EXPECT_GT(which, 5);  // else nothing was ever asked for ahead
  EXPECT_GT(named, 0);
}

// Promise: a check that reads everything finds that the server does not have the whole log any more.
TEST(HostileScenario, ALogWithoutItsMiddleIsFound) {
  World world;
  Scene scene(world);
  make_file(scene.laptop.hand(), "letter", as_bytes("words"), {});
  scene.back_up_once();
  ASSERT_TRUE(scene.laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));
  const auto whole = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
  ASSERT_TRUE(whole) << whole.error().sentence;
  EXPECT_TRUE(whole->whole());

  world.serve(std::make_shared<LyingServer<api::Read>>(scene.server, [](api::Read::Reply& reply) {
    if (reply.entries.size() > 2) reply.entries.erase(reply.entries.begin(), reply.entries.end() - 1);
  }));
  const auto done = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
  ASSERT_TRUE(done) << done.error().sentence;
  EXPECT_THAT(done->findings, testing::Contains(testing::Field(&backup::Finding::code, Code::Tampered)));
}

// Promise: what was retired behind our back is told while it can still be read.
TEST(HostileScenario, RetiredPacksAreToldByACheck) {
  World world;
  Scene scene(world);
  make_file(scene.laptop.hand(), "letter", as_bytes("words"), {});
  const std::string id = scene.back_up_once();
  world.serve(std::make_shared<LyingServer<api::Stat>>(scene.server, [](api::Stat::Reply& reply) {
    for (api::ObjectStatus& object : reply.objects) object.state = api::ObjectState::retired;
  }));
  const auto done = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
  ASSERT_TRUE(done) << done.error().sentence;
  EXPECT_FALSE(done->whole());
  const auto restored = scene.restore_to(id, "/home/user/out");
  ASSERT_TRUE(restored) << restored.error().sentence;
  EXPECT_EQ(restored->problems_count, 0u);
}

// Promise: what one upload has sent never passes for another's, whatever ids the server gives.
TEST(HostileScenario, AnUploadsIdIsNotTakenTwice) {
  World world;
  Scene scene(world);
  make_file(scene.laptop.hand(), "letter", as_bytes("words"), {});
  scene.back_up_once();
  world.serve(std::make_shared<LyingServer<api::Begin>>(scene.server,
                                                        [](api::Begin::Reply& reply) { reply.upload.bytes.fill(7); }));
  const auto second = scene.laptop.run("uploads", [](Doors& doors) -> Status {
    HF_TRY(const auto home, open_home(doors));
    HF_TRY(const auto space, session::open_space(*home.session, session::backups_space));
    HF_OK(session::Upload::begin(*space, "one"));
    return [&]() -> Status {
      HF_OK(session::Upload::begin(*space, "another"));
      return {};
    }();
  });
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::Tampered);
}

// Promise: who exchanges names while a backup reads them gets no content under another file's rights.
TEST(HostileScenario, ContentNeverGetsAnotherFilesRights) {
  const Path letter = tree_of_user + "/letter", secret = "/home/user/secret", aside = "/home/user/aside";
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    Fault fault;
    fault.seed = seed;
    World world(fault);
    Scene scene(world);
    const bool large = seed % 2 == 0;  // read in another way
    const Bytes ours = random_bytes(world.dice(), large ? 700'000 : 1000);
    const Bytes theirs = random_bytes(world.dice(), large ? 700'000 : 1000);
    const auto make = [&](const Path& folder, const std::string& name, ByteView content, std::uint32_t mode) {
      const auto writer = scene.laptop.hand().tree_writer(folder);
      ASSERT_TRUE(writer);
      ASSERT_TRUE((*writer)->make_file({name, {content}, {.mode = mode}, false}));
    };
    make(tree_of_user, "letter", ours, 0644);
    make("/home/user", "secret", theirs, 0600);
    ASSERT_TRUE(scene.laptop.run("signup", [&](Doors& doors) { return sign_up(doors, scene.server->link()); }));
    bool over = false;
    scene.laptop.start("exchange", [&](Doors& doors) {
      while (!over) {
        (void)doors.files.rename(letter, aside);
        (void)doors.files.rename(secret, letter);
        doors.clock.sleep_ns(1);
        (void)doors.files.rename(letter, secret);
        (void)doors.files.rename(aside, letter);
        doors.clock.sleep_ns(1);
      }
    });
    const auto done = scene.laptop.run("backup", [&](Doors& doors) {
      auto report = back_up(doors, tree_of_user);
      over = true;
      return report;
    });
    ASSERT_TRUE(done) << done.error().sentence;
    ASSERT_TRUE(scene.restore_to(done->snapshot.id.hex(), "/home/user/out"));
    const auto tree = look(scene.laptop.hand(), "/home/user/out/documents");
    const auto found = tree.find("letter");
    if (found != tree.end() && found->second.content == theirs) {
      EXPECT_EQ(found->second.mode, 0600u) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace holdfast::sim
