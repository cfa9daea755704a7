// A server that lies, and answers that cross: what the client makes of them.
#include <gtest/gtest.h>

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

struct Scene {
  explicit Scene(World& world_given)
      : world(world_given),
        server(std::make_shared<BackupServer>(world_given.fault().seed)),
        laptop(world_given.device("laptop")) {
    world.serve(server);
    (void)laptop.hand().make_directories(tree_of_user);
  }
  std::string back_up_once() {
    const auto signed_up = laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); });
    EXPECT_TRUE(signed_up);
    const auto done = laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
    EXPECT_TRUE(done);
    return done ? done->snapshot.id.hex() : "";
  }
  Result<backup::RestoreReport> restore_to(const std::string& id, const Path& target) {
    return laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
  }

  World& world;
  std::shared_ptr<BackupServer> server;
  Device& laptop;
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
    const auto attributes = scene.laptop.hand().attributes("/home/user/out/documents/file" + std::to_string(i));
    ASSERT_TRUE(attributes);
    EXPECT_EQ(*attributes, (std::vector<Attribute>{{"user.note", notes[static_cast<std::size_t>(i)]}}));
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

}  // namespace
}  // namespace holdfast::sim
