// A device that has saved once, and a server whose answers about logs a test can change.
#pragma once

#include <gtest/gtest.h>

#include "session/spaces.h"
#include "tests/scenarios/direct_command.h"

namespace holdfast::sim {

using Reply = api::Read::Reply;

inline Result<Reply> reply_of(const Result<Bytes>& answer) {
  HF_TRY(const Bytes bytes, answer);
  return session::ApiClient::decode_answer<api::Read>(bytes);
}

inline Bytes answer_of(Reply reply) { return encode(api::Answer<api::Read>(std::move(reply))); }

inline bool is_of(const Result<Reply>& reply, const GroupId& group) {
  return reply && !reply->entries.empty() && reply->entries.front().group == group;
}

template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

class LogScenario : public ::testing::Test {
 protected:
  // Signs up and backs up once, then plays `scenario` in one process.
  void play(const std::function<Status(Doors&, OpenHome&, session::SpaceSession&)>& scenario) {
    world.serve(server);
    plant(laptop.hand(), world.dice());
    ASSERT_TRUE(laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); }));
    ASSERT_TRUE(laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));
    const auto played = laptop.run("scenario", [&](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      Command command(doors, home, *server);
      HF_TRY(const auto space, session::open_space(command.session, session::backups_space));
      prefix = "space/" + space->id().hex() + "/";
      return scenario(doors, home, *space);
    });
    ASSERT_TRUE(played) << played.error().sentence;
  }

  World world;
  std::shared_ptr<BackupServer> server = std::make_shared<BackupServer>(1);
  Device& laptop = world.device("laptop");
  std::string prefix;
};

}  // namespace holdfast::sim
