// A server that is put back from an older copy: what scenarios of healing play with (F6).
#pragma once

#include "tests/scenarios/backup_world.h"
#include "verbs/heal.h"

namespace holdfast::sim {

inline Result<verbs::HealDone> heal(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  return verbs::heal(*home.session, {});
}

inline Result<std::vector<session::Event>> events(Doors& doors) {
  HF_TRY(const auto home, open_home(doors));
  return session::read_events(*home.shared->state);
}

struct HealWorld : OneLaptop {
  explicit HealWorld(World& world_given) : OneLaptop(world_given) { plant(laptop.hand(), world.dice()); }

  Status back_up_once(const Path& path = tree_of_user) {
    const PlainTree tree = look(laptop.hand(), path);
    const auto done = laptop.run("backup", [&](Doors& doors) { return back_up(doors, path); });
    if (!done) return pass_on(done.error());
    promised[done->snapshot.id.hex()] = {std::string(last_component(path)), tree};
    return {};
  }
  // Another folder, so that all that any snapshot has is still on the disk.
  Status grow_and_back_up() {
    folders.push_back("/home/user/folder-" + std::to_string(folders.size()));
    const auto made = laptop.hand().make_directories(folders.back());
    if (!made) return made;
    const auto file = laptop.hand().open(folders.back() + "/file", OpenMode::create_or_truncate);
    if (file) (void)(*file)->write_at(0, some_bytes(world.dice(), 100'000));
    return back_up_once(folders.back());
  }
  Status back_up_all() {
    for (const Path& folder : folders) HF_OK(back_up_once(folder));
    return back_up_once();
  }
  Result<verbs::HealDone> heal_once() {
    return laptop.run("heal", [](Doors& doors) { return heal(doors); });
  }
  void expect_told(const std::string& words) {
    const auto refused = laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); });
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Code::RolledBack);
    EXPECT_NE(refused.error().sentence.find(words), std::string::npos) << refused.error().sentence;
  }
  const session::Healed& of_backups(const verbs::HealDone& done) {
    for (const auto& space : done.spaces)
      if (space.space == session::backups_space) return space;
    ADD_FAILURE() << "the space was not healed";
    return done.spaces.front();
  }
  void expect_promises_kept() {
    const auto ids = laptop.run("list", [](Doors& doors) { return snapshot_ids(doors); });
    ASSERT_TRUE(ids) << ids.error().sentence;
    std::size_t found = 0;
    for (const std::string& id : *ids) {
      if (!promised.contains(id)) continue;  // its command did not live to tell
      ++found;
      const Path target = "/home/user/out-" + std::to_string(++restores);
      const auto done = laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
      ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
      EXPECT_EQ(done->problems_count, 0u);
      const auto& [name, tree] = promised[id];
      EXPECT_EQ(look(laptop.hand(), target + "/" + name), tree);
    }
    EXPECT_EQ(found, promised.size());
    const auto whole = laptop.run("check", [](Doors& doors) { return check(doors); });
    ASSERT_TRUE(whole) << whole.error().sentence;
    EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
  }

  std::map<std::string, std::pair<std::string, PlainTree>> promised;
  std::vector<Path> folders;
  int restores = 0;
};

}  // namespace holdfast::sim
