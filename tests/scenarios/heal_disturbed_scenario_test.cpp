// Healing ends well whatever comes in between: interruptions, a rough network, a second command; and a server that lies
// gets nothing by it (F6).
#include <gtest/gtest.h>

#include "session/space_records.h"
#include "tests/scenarios/direct_command.h"
#include "tests/scenarios/heal_world.h"

namespace holdfast::sim {
namespace {

using Scene = HealWorld;

// What the server has of a space's log.
Result<api::Head::Reply> head_at_server(session::SpaceSession& space) {
  auto& session = space.session();
  HF_TRY(const auto ticket,
         session.server.ticket(Channel::capability, group_of(space.id()), api::Right::read, space.read_key()));
  return session.server.call(Channel::capability, api::Head{ticket});
}

// Any step of it may fail.
void heal_an_older_server_once(Scene& scene) {
  (void)scene.sign_up_once();
  (void)scene.back_up_once();
  const auto older = scene.server->copy();
  (void)scene.grow_and_back_up();
  (void)scene.grow_and_back_up();
  scene.server->put_back(older);
  (void)scene.heal_once();
}

// Promise: wherever healing is cut short, the same command ends it.
template <class Plan>
void expect_healed(const Plan& plan) {
  for (const Fault& fault : plan) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    heal_an_older_server_once(scene);
    world.restore_power();
    ASSERT_TRUE(scene.sign_up_once());
    const auto done = scene.heal_once();
    ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
    for (const auto& space : done->spaces) ASSERT_FALSE(space.error) << space.error->sentence;
    ASSERT_TRUE(scene.back_up_all());
    scene.expect_promises_kept();
    const auto kept = scene.laptop.run("events", [](Doors& doors) { return events(doors); });
    ASSERT_TRUE(kept);
    for (const auto& event : *kept) EXPECT_TRUE(event.done);
    if (::testing::Test::HasFatalFailure() || ::testing::Test::HasNonfatalFailure()) return;
  }
}

void play_once(World& world) {
  Scene scene(world);
  heal_an_older_server_once(scene);
}

TEST(HealDisturbedScenario, IsEndedByTheSameCommandWhereverThePowerFails) {
  expect_healed(PowerCuts{.run = play_once, .seeds = sim_seeds(2), .steps_max = 30});
}

TEST(HealDisturbedScenario, IsEndedByTheSameCommandWhereverItIsKilled) {
  expect_healed(Kills{.run = play_once, .seeds = sim_seeds(2), .steps_max = 30});
}

TEST(HealDisturbedScenario, SucceedsOverARoughNetwork) {
  for (const Fault& fault : calm_faults(sim_seeds(12), rough_network())) {
    SCOPED_TRACE(fault.replay_command());
    World world(fault);
    Scene scene(world);
    ASSERT_TRUE(patiently([&] { return scene.sign_up_once(); }));
    ASSERT_TRUE(patiently([&] { return scene.back_up_once(); }));
    const auto older = scene.server->copy();
    ASSERT_TRUE(patiently([&] { return scene.grow_and_back_up(); }));
    ASSERT_TRUE(patiently([&] { return scene.grow_and_back_up(); }));
    scene.server->put_back(older);
    ASSERT_TRUE(patiently([&]() -> Status {
      HF_TRY(const auto done, scene.heal_once());
      for (const auto& space : done.spaces)
        if (space.error) return pass_on(*space.error);
      return {};
    }));
    ASSERT_TRUE(patiently([&] { return scene.back_up_all(); }));
    world.network().chances({});
    scene.expect_promises_kept();
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
}

// Of the server that `lie` makes: what a healing with it ends in. The honest one is one entry behind.
class LyingServer : public ::testing::Test {
 protected:
  using Lie = std::function<Result<Bytes>(const Call& call, const DirectRemote::Honest& honest)>;
  std::optional<Code> heal_with(const std::function<Lie(session::SpaceSession&)>& lie) {
    EXPECT_TRUE(scene.sign_up_once());
    EXPECT_TRUE(scene.back_up_once());
    const auto older = scene.server->copy();
    EXPECT_TRUE(scene.grow_and_back_up());
    std::optional<Code> code;
    const auto played = scene.laptop.run("heal", [&](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      Command command(doors, home, *scene.server);
      HF_TRY(const auto space, session::open_space(command.session, session::backups_space));
      scene.server->put_back(older);
      command.remote.between = lie(*space);
      HF_TRY(const auto done, verbs::heal(command.session, {}));
      for (const auto& healed : done.spaces)
        if (healed.error) code = healed.error->code;
      const auto view = home.shared->state->get("space/" + space->id().hex() + "/view");
      HF_TRY(const auto kept, decode<session::View>(view->value(), "a view"));
      EXPECT_GE(kept.head.seq, space->head().seq);  // it never goes back
      command.remote.between = nullptr;
      HF_TRY(const auto server, head_at_server(*space));
      appended = server.head_seq >= space->head().seq;
      return {};
    });
    EXPECT_TRUE(played) << played.error().sentence;
    return code;
  }
  World world;
  Scene scene{world};
  bool appended = false;
  int calls = 0;
};

TEST_F(LyingServer, ThatTakesEntriesAndHasThemNotIsGivenUp) {
  const auto code = heal_with([&](session::SpaceSession&) -> Lie {
    return [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name != api::Append::name) return honest();
      ++calls;
      return encode(api::Answer<api::Append>(api::Append::Reply{api::Appended{1}}));
    };
  });
  EXPECT_EQ(code, Code::Tampered);
  EXPECT_EQ(calls, 1);
}

TEST_F(LyingServer, ThatTakesIndexObjectsAndHasThemNotIsGivenUp) {
  session::PackSet packs;
  const auto code = heal_with([&](session::SpaceSession& space) -> Lie {
    EXPECT_TRUE(space.follow_index());
    for (const auto& segment : space.index().segments())
      for (std::uint32_t i = 0; i < segment.view.packs(); ++i) packs.insert(segment.view.pack(i)->object);
    return [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name == api::Append::name) ++calls;
      if (call.name != api::Stat::name) return honest();
      HF_TRY(const auto asked, decode<api::Stat>(call.body, "a call"));
      HF_TRY(auto reply, session::ApiClient::decode_answer<api::Stat>(honest().value()));
      for (std::size_t i = 0; i < asked.ids.size(); ++i)
        if (!packs.contains(asked.ids[i])) reply.objects[i] = {};
      return encode(api::Answer<api::Stat>(std::move(reply)));
    };
  });
  EXPECT_EQ(code, Code::Tampered);
  EXPECT_EQ(calls, 2);  // the lost entry, and the index once
}

TEST_F(LyingServer, WhoseLogIsNoBeginningGetsNothing) {
  const auto code = heal_with([&](session::SpaceSession& space) -> Lie {
    return [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name == api::Append::name) ++calls;
      if (call.name != api::Head::name) return honest();
      HF_TRY(auto reply, session::ApiClient::decode_answer<api::Head>(honest().value()));
      if (reply.last_link.group == group_of(space.id())) reply.last_link.blob.push_back(1);
      return encode(api::Answer<api::Head>(std::move(reply)));
    };
  });
  EXPECT_EQ(code, Code::Forked);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(appended);
}

TEST_F(LyingServer, ThatHasLostMoreThanIsKeptGetsNothing) {
  const auto code = heal_with([&](session::SpaceSession& space) -> Lie {
    const std::string key = "space/" + space.id().hex() + "/entry/" + session::seq_key(space.head().seq);
    EXPECT_TRUE(space.session().state().apply({{}, {key}}));
    return [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name == api::Append::name) ++calls;
      return honest();
    };
  });
  EXPECT_EQ(code, Code::RolledBack);
  EXPECT_EQ(calls, 0);
  EXPECT_FALSE(appended);
}

// Promise: a second command that heals the same space at any moment disturbs nobody.
TEST(HealDisturbedScenario, TwoCommandsHealAtOnce) {
  const auto play = [](std::size_t at_call) {
    World world;
    Scene scene(world);
    EXPECT_TRUE(scene.sign_up_once());
    EXPECT_TRUE(scene.back_up_once());
    const auto older = scene.server->copy();
    EXPECT_TRUE(scene.grow_and_back_up());
    EXPECT_TRUE(scene.grow_and_back_up());
    scene.server->put_back(older);
    bool happened = false;
    const auto played = scene.laptop.run("both", [&](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      Command one(doors, home, *scene.server), other(doors, home, *scene.server);
      std::size_t calls = 0;
      one.remote.between = [&](const Call&, const DirectRemote::Honest& honest) -> Result<Bytes> {
        if (calls++ == at_call) {
          happened = true;
          HF_OK(verbs::heal(other.session, {}));
        }
        return honest();
      };
      HF_TRY(const auto done, verbs::heal(one.session, {}));
      for (const auto& space : done.spaces)
        if (space.error) return pass_on(*space.error);
      return {};
    });
    EXPECT_TRUE(played) << played.error().sentence << " " << played.error().object;
    EXPECT_TRUE(scene.back_up_all());
    scene.expect_promises_kept();
    return happened;
  };
  EXPECT_GT(play_at_each_call(play), 10u);
}

}  // namespace
}  // namespace holdfast::sim
