// Commands on a space's live tree, where power fails and where two write at once.
#include <gtest/gtest.h>

#include "session/live.h"
#include "tests/scenarios/backup_world.h"
#include "verbs/live.h"

namespace holdfast::sim {
namespace {

const std::string space_name = "docs";
const Path note_of_user = "/home/user/note";

backup::BackupOptions options_of(const Path& path) {
  backup::BackupOptions options;
  options.paths = {path};
  options.host = "laptop";
  return options;
}

Result<std::uint64_t> put(session::Session& session, const Path& path, const std::string& into) {
  HF_TRY(const auto done, verbs::put(session, {space_name, into}, options_of(path)));
  return done.report.snapshot.seq;
}

struct Version {  // that was acknowledged
  std::uint64_t seq = 0;
  std::string path;
  PlainTree tree;
};

struct Scene : OneLaptop {
  explicit Scene(World& world_given) : OneLaptop(world_given) { plant(laptop.hand(), world.dice()); }

  template <class Work>
  auto run(const std::string& name, Work work) {
    return laptop.run(name, [&](Doors& doors) -> decltype(work(doors, std::declval<OpenHome&>())) {
      HF_TRY(auto home, open_home(doors));
      return work(doors, home);
    });
  }

  Status begin() {
    HF_OK(sign_up_once());
    const auto made =
        run("create", [](Doors&, OpenHome& home) { return verbs::space_create(*home.session, space_name); });
    if (!made && made.error().code != Code::AlreadyExists) return pass_on(made.error());
    return {};
  }
  void put_tree(const std::string& into) {
    const PlainTree tree = look(laptop.hand(), tree_of_user);
    const auto seq = run("put", [&](Doors&, OpenHome& home) { return put(*home.session, tree_of_user, into); });
    if (seq && *seq > 0) acknowledged.push_back({*seq, join_path(into, "documents"), tree});
  }
  void put_note(const std::string& text) {
    write(laptop.hand(), note_of_user, as_bytes(text));
    const auto seq = run("put", [&](Doors&, OpenHome& home) { return put(*home.session, note_of_user, "notes"); });
    if (seq && *seq > 0) acknowledged.push_back({*seq, "notes/note", {}});
  }
  // One that opened the space before the other wrote: it comes late, and is made again on top.
  void two_at_once() {
    (void)run("two", [&](Doors&, OpenHome& home) -> Status {
      HF_TRY(const auto early, session::open_space(*home.session, space_name));
      write(laptop.hand(), note_of_user, as_bytes("by the other"));
      HF_OK(put(*home.session, note_of_user, "notes"));
      auto options = options_of(tree_of_user + "/nothing");
      options.into_live = "notes";
      const auto done = backup::run_backup(*early, options);
      if (!done) return pass_on(done.error());
      both_written = true;
      return {};
    });
  }
  void change_names() {
    (void)run("mkdir", [](Doors&, OpenHome& home) {
      return verbs::make_folders(*home.session, space_name, {{"moved/here"}, true, 0, 0});
    });
    (void)run("mv", [](Doors&, OpenHome& home) {
      return verbs::move(*home.session, {space_name, "documents/letters"}, "moved/here/", false);
    });
    (void)run("rm",
              [](Doors&, OpenHome& home) { return verbs::remove(*home.session, space_name, {"documents"}, true); });
  }
  void all() {
    (void)begin();
    put_tree("");
    put_note("the first words");
    change_names();
    two_at_once();
    change(laptop.hand(), world.dice());
    put_tree("later/on");
  }

  void expect_promises_kept() {
    for (const Version& version : acknowledged) {
      const Path target = "/home/user/out-" + std::to_string(++restores);
      backup::RestoreOptions options;
      options.target = target;
      const auto got = run("get", [&](Doors&, OpenHome& home) {
        return verbs::get(*home.session, {space_name, version.path}, version.seq, options);
      });
      ASSERT_TRUE(got) << got.error().sentence << " " << got.error().object;
      EXPECT_EQ(got->report.problems_count, 0u);
      if (!version.tree.empty()) {
        EXPECT_EQ(look(laptop.hand(), target + "/documents"), version.tree);
      }
    }
  }

  std::vector<Version> acknowledged;
  bool both_written = false;
  int restores = 0;
};

void everything(World& world) { Scene(world).all(); }

// Whatever was cut short: the same commands succeed, every acknowledged version is there, and nothing half is.
void expect_recovery(World& world, Scene& scene) {
  world.restore_power();
  const Status begun = scene.begin();
  ASSERT_TRUE(begun) << begun.error().sentence;
  const std::size_t before = scene.acknowledged.size();
  scene.put_tree("after");
  scene.put_note("the last words");
  EXPECT_EQ(scene.acknowledged.size(), before + 2);
  scene.expect_promises_kept();
  const auto whole =
      scene.run("check", [](Doors&, OpenHome& home) { return verbs::check(*home.session, space_name, {true, {}}); });
  ASSERT_TRUE(whole) << whole.error().sentence;
  EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
}

TEST(LiveScenario, IsEqualAndHasAHistoryWhereNothingFails) {
  World world(Fault{.seed = sim_seeds(1).front()});
  Scene scene(world);
  scene.all();
  EXPECT_EQ(scene.acknowledged.size(), 3u);
  EXPECT_TRUE(scene.both_written);
  EXPECT_REACHED("session: lost the race for a commit");
  const auto listed = scene.run(
      "ls", [](Doors&, OpenHome& home) { return verbs::list(*home.session, "backups", {space_name, true, ""}, true); });
  ASSERT_TRUE(listed);
  std::vector<std::string> names;
  for (const auto& [path, entry] : listed->entries)
    if (!path.starts_with("later/on/") && !path.starts_with("moved/here/")) names.push_back(path);
  EXPECT_EQ(names, (std::vector<std::string>{"later", "moved", "notes", "later/on", "moved/here", "notes/note",
                                             "notes/nothing"}));
  const auto note = scene.run(
      "history", [](Doors&, OpenHome& home) { return verbs::history(*home.session, {space_name, "notes/note"}); });
  ASSERT_TRUE(note);
  EXPECT_EQ(note->versions.size(), 2u);
  expect_recovery(world, scene);
}

void expect_recovery(const auto& faults) {
  for (const Fault& fault : faults) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    scene.all();
    expect_recovery(world, scene);
    if (testing::Test::HasFailure()) return;
  }
}

// Promise: what a command on the live tree acknowledged can be had back, whatever came after, wherever the power fails.
// Method: one run for each sampled step of an undisturbed run, with the power cut there; then commands again.
TEST(LiveScenario, LosesNothingAcknowledgedWhereverThePowerFails) {
  expect_recovery(PowerCuts{.run = everything, .seeds = sim_seeds(2), .steps_max = 40});
}

TEST(LiveScenario, LosesNothingAcknowledgedWhereverItIsKilled) {
  expect_recovery(Kills{.run = everything, .seeds = sim_seeds(2), .steps_max = 30});
}

// Promise: small changes are folded into packs, and stay readable, every version of them.
TEST(LiveScenario, ManySmallChangesAreFoldedAndStay) {
  World world(Fault{.seed = sim_seeds(1).front()});
  Scene scene(world);
  ASSERT_TRUE(scene.begin());
  const std::string large(60'000, 'x');
  for (int number = 0; number < 80; ++number) scene.put_note(std::to_string(number) + large);
  EXPECT_REACHED("session: inline changes folded into packs");
  EXPECT_EQ(scene.acknowledged.size(), 80u);
  scene.expect_promises_kept();
  expect_recovery(world, scene);
}

// Has dropped the upload of the first append that publishes one.
class ForgetfulServer final : public Server {
 public:
  explicit ForgetfulServer(std::shared_ptr<BackupServer> honest) : honest_(std::move(honest)) {}
  Result<Bytes> handle(const Call& call) override {
    if (call.name == api::Append::name && !forgotten) {
      HF_TRY(const auto append, decode<api::Append>(call.body, "a call"));
      forgotten = !append.publish.empty();
      if (forgotten) return encode(api::Answer<api::Append>(api::Append::Reply{api::Append::UploadGone{}}));
    }
    return honest_->handle(call);
  }
  void crashed(Prng& dice) override { honest_->crashed(dice); }
  bool forgotten = false;

 private:
  std::shared_ptr<BackupServer> honest_;
};

// Promise: a change that is too large for its commit is not lost with an upload that the server has dropped.
TEST(LiveScenario, AChangeWhoseUploadIsGoneIsMadeAnew) {
  World world(Fault{.seed = sim_seeds(1).front()});
  Scene scene(world);
  ASSERT_TRUE(scene.begin());
  const auto forgetful = std::make_shared<ForgetfulServer>(scene.server);
  world.serve(forgetful);
  const Status changed = scene.run("change", [](Doors&, OpenHome& home) -> Status {
    HF_TRY(const auto space, session::open_space(*home.session, space_name));
    const Bytes bytes(100'000, 7);
    const ChunkId id = space::chunk_id(space->root_keys().chunk_id, space::ChunkKind::data, bytes);
    HF_OK(session::change_live(*space, [&](session::NewChunks& chunks) -> Result<space::Root> {
      HF_OK(chunks.sink(space::ChunkKind::data)(id, bytes));
      space::TreeEntry entry;
      entry.name = "large";
      entry.content = space::FileContent{bytes.size(), space::OneChunk{id}};
      return space::with_entry(chunks, chunks.root_keys(), chunks.sink(space::ChunkKind::node),
                               space->state().live_root, "", entry);
    }));
    return {};
  });
  ASSERT_TRUE(changed) << changed.error().sentence;
  EXPECT_TRUE(forgetful->forgotten);
  EXPECT_REACHED("session: live change started over");
  const auto whole =
      scene.run("check", [](Doors&, OpenHome& home) { return verbs::check(*home.session, space_name, {true, {}}); });
  ASSERT_TRUE(whole) << whole.error().sentence;
  EXPECT_TRUE(whole->whole());
}

}  // namespace
}  // namespace holdfast::sim
