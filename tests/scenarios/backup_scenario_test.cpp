#include <gtest/gtest.h>

#include <algorithm>

#include "tests/scenarios/backup_world.h"

namespace holdfast::sim {
namespace {

struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given) {
    plant(laptop.hand(), world.dice());
    before = look(laptop.hand(), tree_of_user);
  }

  // What the living are told is promised from then on.
  Status back_up_once(const PlainTree& tree) {
    const auto done = laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
    if (!done) return pass_on(done.error());
    promised[done->snapshot.id.hex()] = tree;
    return {};
  }
  void expect_promises_kept() {
    int number = 0;
    for (const auto& [id, tree] : promised) {
      const Path target = "/home/user/out-" + std::to_string(++restores) + "-" + std::to_string(++number);
      const auto done = laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
      ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
      EXPECT_EQ(done->problems_count, 0u);
      EXPECT_EQ(look(laptop.hand(), target + "/documents"), tree);
    }
  }

  PlainTree before;
  std::map<std::string, PlainTree> promised;
  int restores = 0;
};

void sign_up_and_back_up_twice(World& world) {
  Scene scene(world);
  (void)scene.sign_up_once();
  (void)scene.back_up_once(scene.before);
  change(scene.laptop.hand(), world.dice());
  (void)scene.back_up_once(look(scene.laptop.hand(), tree_of_user));
}

// Whatever was cut short: the same commands succeed, and everything that was promised before or after is there bit for
// bit.
void expect_recovery(World& world, Scene& scene) {
  world.restore_power();
  const auto signed_up = scene.sign_up_once();
  ASSERT_TRUE(signed_up) << signed_up.error().sentence << " " << signed_up.error().object;
  const auto backed_up = scene.back_up_once(look(scene.laptop.hand(), tree_of_user));
  ASSERT_TRUE(backed_up) << backed_up.error().sentence << " " << backed_up.error().object;
  scene.expect_promises_kept();
  const auto whole = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
  ASSERT_TRUE(whole) << whole.error().sentence;
  EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
}

// Promise: what a backup acknowledged is restored bit for bit, wherever the power fails during sign-up and two backups.
// Method: one run for each sampled step of an undisturbed run, with the power cut there; then the same commands again.
TEST(BackupScenario, LosesNothingAcknowledgedWhereverThePowerFails) {
  for (const Fault& fault : PowerCuts{.run = sign_up_and_back_up_twice, .seeds = sim_seeds(3), .steps_max = 40}) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    (void)scene.sign_up_once();
    (void)scene.back_up_once(scene.before);
    change(scene.laptop.hand(), world.dice());
    (void)scene.back_up_once(look(scene.laptop.hand(), tree_of_user));
    expect_recovery(world, scene);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  EXPECT_REACHED("session: upload goes on after an interruption");
}

// The same for a process that is killed: what it wrote stays.
TEST(BackupScenario, LosesNothingAcknowledgedWhereverItIsKilled) {
  for (const Fault& fault : Kills{.run = sign_up_and_back_up_twice, .seeds = sim_seeds(2), .steps_max = 30}) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    (void)scene.sign_up_once();
    (void)scene.back_up_once(scene.before);
    change(scene.laptop.hand(), world.dice());
    (void)scene.back_up_once(look(scene.laptop.hand(), tree_of_user));
    expect_recovery(world, scene);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Promise: lost, late and repeated calls and a server that crashes cost time, nothing else.
TEST(BackupScenario, SucceedsOverARoughNetwork) {
  for (const Fault& fault : calm_faults(sim_seeds(25), rough_network())) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    Status signed_up, backed_up;
    for (int tries = 0; tries < 5; ++tries)
      if (signed_up = scene.sign_up_once(); signed_up) break;
    ASSERT_TRUE(signed_up) << signed_up.error().sentence;
    for (int tries = 0; tries < 5; ++tries)
      if (backed_up = scene.back_up_once(scene.before); backed_up) break;
    ASSERT_TRUE(backed_up) << backed_up.error().sentence << " " << backed_up.error().object;
    world.network().chances({});
    scene.expect_promises_kept();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Promise: a disk that fails now and then is told of, and harms nothing that was acknowledged.
TEST(BackupScenario, SurvivesDiskErrors) {
  int kept = 0;
  for (const Fault& fault : calm_faults(sim_seeds(25), {.io_error = 4, .sync_error = 10})) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    for (int tries = 0; tries < 20; ++tries)
      if (scene.sign_up_once()) break;
    for (int tries = 0; tries < 3; ++tries) {
      const auto done = scene.laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
      if (done && done->problems_count == 0) scene.promised[done->snapshot.id.hex()] = scene.before;
    }
    for (const auto& [id, tree] : scene.promised) {
      bool whole = false;
      for (int tries = 0; tries < 20 && !whole; ++tries) {
        const Path target = "/home/user/out-" + std::to_string(tries);
        const auto done = scene.laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
        whole = done && done->problems_count == 0 && look(scene.laptop.hand(), target + "/documents") == tree;
      }
      EXPECT_TRUE(whole) << id;
      ++kept;
    }
  }
  EXPECT_GT(kept, 10);  // else the disks were too bad for anything to be tested
}

// Promise: the index on this device is a copy; what damages it costs a download.
TEST(BackupScenario, ADamagedLocalIndexIsFetchedAgain) {
  World world;
  Scene scene(world);
  ASSERT_TRUE(scene.sign_up_once());
  ASSERT_TRUE(scene.back_up_once(scene.before));
  Files& hand = scene.laptop.hand();
  std::vector<Path> segments;
  const Path index = home_of_user + "/index";
  const auto spaces = hand.list(index);
  ASSERT_TRUE(spaces);
  for (const auto& space : *spaces) {
    const auto files = hand.list(join_path(index, space.name));
    ASSERT_TRUE(files);
    for (const auto& file : *files) segments.push_back(join_path(join_path(index, space.name), file.name));
  }
  ASSERT_FALSE(segments.empty());
  constexpr std::size_t header = 48, parts = 12;
  for (std::size_t part = 0; part <= parts; ++part) {  // each part by itself, and then all of it
    for (const Path& path : segments) {
      Bytes bytes = hand.read_file(path, 1 << 30).value();
      const std::size_t size = bytes.size() - header;
      const std::size_t from = header + (part < parts ? size * part / parts : 0);
      const std::size_t to = header + (part < parts ? size * (part + 1) / parts : size);
      for (std::size_t at = from; at < to; at += 5) bytes[at] ^= 0xff;
      write(hand, path, bytes);
    }
    scene.expect_promises_kept();
    if (HasFatalFailure() || HasNonfatalFailure()) FAIL() << part;
  }
  EXPECT_REACHED("session: damaged index segment fetched again");
}

TEST(BackupScenario, EqualSeedsEndEqual) {
  for (const Fault& fault : calm_faults(sim_seeds(3), rough_network()))
    EXPECT_TRUE(ends_equal(fault, sign_up_and_back_up_twice));
}

// The canary: a server that acknowledges a put and forgets the bytes must be caught, by this same promise.
class ForgetfulServer final : public Server {
 public:
  explicit ForgetfulServer(std::shared_ptr<BackupServer> honest) : honest_(std::move(honest)) {}
  Result<Bytes> handle(const Call& call) override {
    const auto before = objects();
    auto answer = honest_->handle(call);
    if (call.name != api::Put::name || forgot_) return answer;
    const auto after = objects();
    for (const auto& object : after)
      if (std::ranges::find(before, object) == before.end())
        forgot_ = honest_->objects().remove(object.name).has_value();
    return answer;
  }

 private:
  std::vector<server::ObjectInfo> objects() {
    return honest_->objects().list({}, 1000).value_or(std::vector<server::ObjectInfo>());
  }

  std::shared_ptr<BackupServer> honest_;
  bool forgot_ = false;
};

TEST(BackupScenario, AServerThatForgetsAnObjectIsCaught) {
  int caught = 0;
  for (const Fault& fault : calm_faults(sim_seeds(5))) {
    World world(fault);
    Scene scene(world);
    ASSERT_TRUE(scene.sign_up_once());
    world.serve(std::make_shared<ForgetfulServer>(scene.server));
    const auto backed_up = scene.back_up_once(scene.before);
    const auto whole = scene.laptop.run("check", [](Doors& doors) { return check(doors); });
    if (!backed_up || !whole || !whole->whole()) ++caught;
  }
  EXPECT_EQ(caught, 5);
}

}  // namespace
}  // namespace holdfast::sim
