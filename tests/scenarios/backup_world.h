// A device with an account, and the real server handlers over stores in memory: what backup scenarios play with.
#pragma once

#include <map>

#include "backup/check.h"
#include "backup/forget.h"
#include "backup/prune.h"
#include "server/map_meta_store.h"
#include "server/memory_object_store.h"
#include "server/service.h"
#include "session/session.h"
#include "tests/simulation/equal_ends.h"
#include "tests/simulation/marks.h"
#include "tests/simulation/world.h"

namespace holdfast::sim {

// The handlers as they are, with a clock and random bytes of their own. A crash loses the process, not what its stores
// acknowledged.
class BackupServer final : public Server {
 public:
  explicit BackupServer(std::uint64_t seed);
  Result<Bytes> handle(const Call& call) override;
  void crashed(Prng& dice) override;
  [[nodiscard]] const api::ServerLink& link() const { return link_; }
  [[nodiscard]] server::MemoryObjectStore& objects() { return *objects_; }
  struct Copy {
    server::MapMetaStore::Contents rows;
    server::MemoryObjectStore::Contents objects;
  };
  [[nodiscard]] Copy copy();
  void put_back(const Copy& copy);  // as an operator does: stopped, its data replaced, started
  void advance(std::int64_t duration_ns) { clock_.sleep_ns(duration_ns); }
  void sweep_as_in_weeks();  // what is retired is freed and what nobody published is dropped, however young it is
  [[nodiscard]] std::uint64_t bytes_stored();

 private:
  void open();
  class OwnClock final : public Clock {
   public:
    std::int64_t now_ns() override { return time_ns_ += 1'000'000; }
    std::int64_t monotonic_ns() override { return now_ns(); }
    void sleep_ns(std::int64_t duration) override { time_ns_ += duration; }

   private:
    std::int64_t time_ns_ = 1'800'000'000 * second_ns;
  };
  class OwnRandom final : public Random {
   public:
    explicit OwnRandom(std::uint64_t seed) : dice_(seed) {}
    void fill(std::span<std::uint8_t> out) override;

   private:
    Prng dice_;
  };

  OwnClock clock_;
  OwnRandom random_;
  server::EventLog log_{clock_, server::Level::error, server::no_sink()};
  std::unique_ptr<server::MapMetaStore> rows_ = std::make_unique<server::MapMetaStore>();
  std::unique_ptr<server::MemoryObjectStore> objects_ = std::make_unique<server::MemoryObjectStore>();
  server::ServiceOptions options_;
  api::ServerLink link_;
  std::unique_ptr<server::Service> service_;
};

inline const Path home_of_user = "/home/user/.holdfast";
inline const Path tree_of_user = "/home/user/documents";

struct OpenHome {
  std::unique_ptr<Lock> lock;
  std::unique_ptr<session::Shared> shared;
  std::unique_ptr<session::Session> session;
};
Result<OpenHome> open_home(Doors& doors);

// The verbs, as apps/holdfast wires them: each opens the home, does its work, and closes it.
Status sign_up(Doors& doors, const api::ServerLink& link);  // repeated harmlessly
Result<backup::BackupReport> back_up(Doors& doors, const Path& path);
Result<backup::RestoreReport> restore(Doors& doors, const std::string& which, const Path& target);
Result<backup::RestoreReport> restore(Doors& doors, const std::string& which, const backup::RestoreOptions& options);
Result<backup::CheckReport> check(Doors& doors);
Status forget_all_but(Doors& doors, std::uint32_t last);
Result<backup::PruneReport> prune(Doors& doors);
Result<std::vector<std::string>> snapshot_ids(Doors& doors);

// What a tree holds, without what a restore need not keep.
struct PlainEntry {
  FileType type = FileType::regular;
  std::uint32_t mode = 0;
  std::int64_t mtime_ns = 0;
  Bytes content;  // of a file or link
  friend bool operator==(const PlainEntry&, const PlainEntry&) = default;
};
using PlainTree = std::map<std::string, PlainEntry>;
Bytes some_bytes(Prng& dice, std::size_t size);
void write(Files& hand, const Path& path, ByteView bytes);
void write_document(Files& hand, const std::string& name, ByteView bytes);  // in tree_of_user
void plant(Files& hand, Prng& dice);                                        // a small tree at tree_of_user
void change(Files& hand, Prng& dice);                                       // some of it changes
PlainTree look(Files& hand, const Path& root);

// On a rough network: again, until it succeeds or has failed six times.
template <class Verb>
Status patiently(const Verb& verb) {
  Status done;
  for (int tries = 0; tries < 6; ++tries)
    if (done = verb(); done) break;
  return done;
}

// One device of one account before a server: where scenarios begin.
struct OneLaptop {
  explicit OneLaptop(World& world_given)
      : world(world_given),
        server(std::make_shared<BackupServer>(world_given.fault().seed)),
        laptop(world_given.device("laptop")) {
    world.serve(server);
  }
  Status sign_up_once() {
    return laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); });
  }

  World& world;
  std::shared_ptr<BackupServer> server;
  Device& laptop;
};

}  // namespace holdfast::sim
