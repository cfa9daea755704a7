// The service over the engines on disk, called by many threads at once.
#include <barrier>
#include <latch>
#include <thread>

#include "server/directory_object_store.h"
#include "server/service_test_world.h"
#include "server/sqlite_meta_store.h"
#include "server/test_directory.h"

namespace holdfast::server {
namespace {

using api::Append;
using api::Right;

constexpr int threads = 8;

struct DiskWorld {
  TestDirectory directory;
  std::unique_ptr<MetaStore> rows = *open_sqlite_meta_store({.directory = directory / "meta", .readers = 4, .vfs = {}});
  std::unique_ptr<ObjectStore> objects = *open_directory_object_store({.directory = directory / "objects"});
  TestWorld world{*rows, *objects};
  TestGroup account = world.sign_up();
  TestGroup space = world.make_space(account);

  template <class Call>
  Result<typename Call::Reply> call(const Call& call) {  // TestWorld::call is for one thread
    auto served = world.service->handle(Call::name, encode(call), "192.0.2.7");
    return TestWorld::read<Call>(std::get<ServiceReply>(std::move(served)).joined());
  }
  void run(const std::function<void(int)>& work) {
    std::vector<std::jthread> running;
    for (int i = 0; i < threads; ++i) running.emplace_back([&work, i] { work(i); });
  }
};

// Promise: of any number of appenders at one head exactly one wins; the others get the winner.
TEST(Concurrency, EachPlaceOfALogHasOneWinner) {
  DiskWorld disk;
  constexpr int rounds = 20;
  const auto ticket = disk.world.ticket(disk.space, Right::write);
  std::vector<std::atomic<int>> winners(rounds);
  std::vector<api::Entry> links(rounds);
  std::mutex mutex;
  std::barrier next_round(threads);
  disk.run([&](int me) {
    api::Position last = disk.space.last();
    for (int round = 0; round < rounds; ++round) {
      Append append;
      append.tickets = {ticket};
      append.expect = last;
      append.entry = {
          disk.space.id, api::EntryKind::link, last.seq + 1, last.hash, 0, {}, to_bytes(as_bytes(std::to_string(me)))};
      const auto reply = disk.call(append);
      ASSERT_TRUE(reply);
      if (std::holds_alternative<Append::Appended>(reply->outcome)) {
        ++winners[round];
        const std::lock_guard lock(mutex);
        links[round] = append.entry;
      } else {
        const auto& behind = std::get<Append::Behind>(reply->outcome);
        EXPECT_EQ(behind.since.at(0).seq, last.seq + 1);
      }
      next_round.arrive_and_wait();
      last = {links[round].seq, api::entry_hash(links[round])};
      next_round.arrive_and_wait();
    }
  });
  for (const auto& count : winners) EXPECT_EQ(count, 1);
  const auto read = disk.call(api::Read{disk.world.ticket(disk.space, Right::read), 2});
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries, links);
}

TEST(Concurrency, EveryNoteGetsAPlaceOfItsOwn) {
  DiskWorld disk;
  constexpr int notes = 10;
  const auto ticket = disk.world.ticket(disk.space, Right::write);
  std::mutex mutex;
  std::vector<std::uint64_t> seqs;
  disk.run([&](int me) {
    for (int i = 0; i < notes; ++i) {
      Append append;
      append.tickets = {ticket};
      append.entry.group = disk.space.id;
      append.entry.kind = api::EntryKind::note;
      append.entry.fence = 1;
      append.entry.note_id.bytes = {static_cast<std::uint8_t>(me), static_cast<std::uint8_t>(i), 1};
      const auto reply = disk.call(append);
      ASSERT_TRUE(reply) << reply.error().sentence;
      const std::lock_guard lock(mutex);
      seqs.push_back(std::get<Append::Appended>(reply->outcome).seq);
    }
  });
  std::ranges::sort(seqs);
  for (std::size_t i = 0; i < seqs.size(); ++i) EXPECT_EQ(seqs[i], i + 2);
  EXPECT_EQ(seqs.size(), threads * notes);
}

// G03: the quota holds whoever races, and what was refused leaves no bytes behind.
TEST(Concurrency, QuotaIsNeverExceeded) {
  DiskWorld disk;
  const auto ticket = disk.world.ticket(disk.space, Right::write);
  const auto used = disk.world.usage(disk.account).bytes_used;
  ServiceOptions options{.bytes_max = static_cast<std::int64_t>(used) + upload_charge_bytes + 10'000};
  options.server_key = disk.world.server_key;
  disk.world.service =
      *Service::open(*disk.rows, *disk.objects, disk.world.clock, disk.world.random, disk.world.log, options);
  const UploadId upload = disk.world.begin(disk.space);
  std::atomic<int> stored = 0, refused = 0;
  disk.run([&](int me) {
    for (int i = 0; i < 4; ++i) {
      const Bytes bytes(1000, static_cast<std::uint8_t>(me));
      ObjectId id;
      id.bytes = {static_cast<std::uint8_t>(me), static_cast<std::uint8_t>(i)};
      const auto reply = disk.call(api::Put{ticket, upload, id, crypto::sha256(bytes), bytes});
      if (reply) {
        ++stored;
      } else {
        EXPECT_EQ(reply.error().code, Code::QuotaExceeded);
        ++refused;
      }
    }
  });
  EXPECT_EQ(stored, 10);
  EXPECT_EQ(refused, threads * 4 - 10);
  EXPECT_EQ(disk.world.usage(disk.account).bytes_used, static_cast<std::uint64_t>(options.bytes_max));
  EXPECT_EQ(disk.objects->list(std::nullopt, 1000)->size(), 10u);
}

// Puts, publishing and sweeping at once: what was acknowledged before the upload was published is live.
TEST(Concurrency, AnUploadIsPublishedWithAllThatWasAcknowledged) {
  DiskWorld disk;
  const auto ticket = disk.world.ticket(disk.space, Right::write);
  const UploadId upload = disk.world.begin(disk.space);
  Append publishing = disk.world.link(disk.space, "publish");
  publishing.publish = {upload};
  std::mutex mutex;
  std::vector<ObjectId> acknowledged;
  disk.run([&](int me) {
    for (int i = 0; i < 10; ++i) {
      if (me == 0 && i == 5) {
        const auto reply = disk.call(publishing);
        ASSERT_TRUE(reply);
        EXPECT_TRUE(std::holds_alternative<Append::Appended>(reply->outcome));
        return;
      }
      const Bytes bytes(100, static_cast<std::uint8_t>(me));
      ObjectId id;
      id.bytes = {static_cast<std::uint8_t>(me), static_cast<std::uint8_t>(i)};
      const auto reply = disk.call(api::Put{ticket, upload, id, crypto::sha256(bytes), bytes});
      if (!reply) {
        EXPECT_EQ(reply.error().code, Code::UploadGone);
        continue;
      }
      const std::lock_guard lock(mutex);
      acknowledged.push_back(id);
    }
  });
  const auto stat = disk.call(api::Stat{disk.world.ticket(disk.space, Right::read), acknowledged});
  ASSERT_TRUE(stat);
  for (const api::ObjectStatus& status : stat->objects) EXPECT_EQ(status.state, api::ObjectState::live);
  EXPECT_EQ(disk.objects->list(std::nullopt, 1000)->size(), acknowledged.size());
  EXPECT_EQ(disk.world.usage(disk.account).objects, acknowledged.size());
}

}  // namespace
}  // namespace holdfast::server
