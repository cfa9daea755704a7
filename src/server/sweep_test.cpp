#include "server/sweep.h"

#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::ObjectState;
using api::Right;

constexpr std::int64_t day = 86'400;

struct SweepWorld : TestWorld {
  TestGroup account = sign_up();
  TestGroup space = make_space(account);

  Swept sweep_all() {
    Swept all;
    for (bool more = true; more;) {
      const auto swept = sweeper.sweep(7);
      if (!swept) {
        ADD_FAILURE() << swept.error().sentence;
        break;
      }
      all.uploads += swept->uploads;
      all.objects += swept->objects;
      all.notes += swept->notes;
      all.bytes += swept->bytes;
      more = swept->more;
    }
    return all;
  }
  void retire(const ObjectId& id) {
    api::Append append = link(space, "prune", {Right::write, Right::maintain});
    append.retire = {id};
    EXPECT_TRUE(this->append(space, append));
  }
  std::size_t rows_of(std::string_view prefix) {
    std::size_t count = 0;
    for (const auto& [key, value] : own_rows.contents().values) count += key.starts_with(prefix);
    return count;
  }
};

TEST(Sweep, DropsAnUploadThatSleptForSevenDaysAndGivesItsQuotaBack) {
  SweepWorld world;
  const auto used = world.usage(world.account);
  const UploadId upload = world.begin(world.space);
  for (int i = 0; i < 250; ++i)
    ASSERT_TRUE(world.call(world.put_of(world.space, upload, world.random.make<ObjectId>(), Bytes(10))));
  world.clock.pass(7 * day - 1);
  EXPECT_EQ(world.sweep_all().objects, 0u);
  EXPECT_EQ(world.own_objects.contents().size(), 250u);
  world.clock.pass(1);
  const Swept swept = world.sweep_all();
  EXPECT_EQ(swept.uploads, 1u);
  EXPECT_EQ(swept.objects, 250u);
  EXPECT_EQ(swept.bytes, 2500 + upload_charge_bytes);
  EXPECT_TRUE(world.own_objects.contents().empty());
  EXPECT_EQ(world.usage(world.account).bytes_used, used.bytes_used);
  EXPECT_EQ(world.usage(world.account).objects, used.objects);
  for (const char* prefix : {"u/", "l/", "o/", "i/", "s/", "d/"}) EXPECT_EQ(world.rows_of(prefix), 0u) << prefix;
  api::Append late = world.link(world.space, "late");
  late.publish = {upload};
  const auto reply = world.call(late);
  ASSERT_TRUE(reply);
  EXPECT_TRUE(std::holds_alternative<api::Append::UploadGone>(reply->outcome));
  EXPECT_EQ(code_of(world.call(world.put_of(world.space, upload, world.random.make<ObjectId>(), Bytes(1)))),
            Code::UploadGone);
}

TEST(Sweep, KeepsAnUploadThatIsUsed) {
  SweepWorld world;
  const UploadId upload = world.begin(world.space);
  for (int i = 0; i < 4; ++i) {
    world.clock.pass(5 * day);
    EXPECT_EQ(world.sweep_all().uploads, 0u);
    ASSERT_TRUE(world.call(world.put_of(world.space, upload, world.random.make<ObjectId>(), Bytes(10))));
  }
  world.clock.pass(7 * day);
  EXPECT_EQ(world.sweep_all().objects, 4u);
}

TEST(Sweep, LeavesWhatIsLive) {
  SweepWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  world.clock.pass(400 * day);
  EXPECT_EQ(world.sweep_all().objects, 0u);
  EXPECT_EQ(world.state(world.space, id), ObjectState::live);
  EXPECT_EQ(world.rows_of("s/"), 0u);
}

// Else whoever retires and brings back by turns fills the store with timers, which no quota counts.
TEST(Sweep, WhatIsBroughtBackLeavesNoTimer) {
  SweepWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  const std::size_t timers = world.rows_of("s/");
  for (int i = 0; i < 3; ++i) {
    world.retire(id);
    EXPECT_EQ(world.rows_of("s/"), timers + 1);
    world.clock.pass(1);
    api::Append back = world.link(world.space, "back", {Right::admin});
    back.unretire = {id};
    ASSERT_TRUE(world.append(world.space, back));
    EXPECT_EQ(world.rows_of("s/"), timers);
  }
  world.retire(id);
  world.clock.pass(14 * day);
  EXPECT_EQ(world.sweep_all().objects, 1u);
}

TEST(Sweep, RemovesRetiredObjectsAfterTheGrace) {
  SweepWorld world;
  const auto used = world.usage(world.account);
  const ObjectId id = world.live_object(world.space, "bytes"), kept = world.live_object(world.space, "kept");
  world.retire(id);
  world.clock.pass(14 * day - 1);
  EXPECT_EQ(world.sweep_all().objects, 0u);
  EXPECT_EQ(world.state(world.space, id), ObjectState::retired);
  world.clock.pass(1);
  const Swept swept = world.sweep_all();
  EXPECT_EQ(swept.objects, 1u);
  EXPECT_EQ(swept.uploads, 1u);
  EXPECT_EQ(world.state(world.space, id), ObjectState::unknown);
  EXPECT_EQ(code_of(world.call(api::Get{world.ticket(world.space, Right::read), id, 0, 0})), Code::Missing);
  EXPECT_EQ(world.state(world.space, kept), ObjectState::live);
  EXPECT_EQ(world.own_objects.contents().size(), 1u);
  EXPECT_EQ(world.usage(world.account).objects, used.objects + 1);
  api::Append back = world.link(world.space, "too late", {Right::admin});
  back.unretire = {id};
  EXPECT_REFUSED(world, Code::Missing, world.call(back));
}

TEST(Sweep, KeepsWhatWasBroughtBackAndCountsAgainFromALaterRetiring) {
  SweepWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  world.retire(id);
  world.clock.pass(10 * day);
  api::Append back = world.link(world.space, "unretire", {Right::admin});
  back.unretire = {id};
  ASSERT_TRUE(world.append(world.space, back));
  world.clock.pass(day);
  world.retire(id);
  world.clock.pass(13 * day);  // day 24: the first timer is long due, the second is not
  EXPECT_EQ(world.sweep_all().objects, 0u);
  EXPECT_EQ(world.state(world.space, id), ObjectState::retired);
  world.clock.pass(day);
  EXPECT_EQ(world.sweep_all().objects, 1u);
}

TEST(Sweep, ForgetsNotesAfterADay) {
  SweepWorld world;
  const api::Append note = world.note(world.space, "hello");
  ASSERT_TRUE(world.append(world.space, note));
  world.clock.pass(day - 1);
  EXPECT_EQ(world.sweep_all().notes, 0u);
  world.clock.pass(1);
  api::Append again = note;
  again.tickets = {world.ticket(world.space, Right::write)};
  ASSERT_EQ(world.append(world.space, again), 3u);
  EXPECT_EQ(world.sweep_all().notes, 0u) << "it came again meanwhile";
  EXPECT_EQ(world.append(world.space, again), 3u);
  world.clock.pass(day);
  EXPECT_EQ(world.sweep_all().notes, 1u);
  EXPECT_EQ(world.rows_of("n/"), 0u);
  EXPECT_EQ(world.rows_of("s/"), 0u);
}

// A store that lets somebody in just before a batch, once.
struct InterruptedRows final : MetaStore {
  MapMetaStore& inner;
  std::function<void(const Batch&)> before_commit;
  bool refuse_writes = false;
  explicit InterruptedRows(MapMetaStore& store) : inner(store) {}
  Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys) override { return inner.get(keys); }
  Result<Page> scan(const Key& from, const Key& to, const Limit& limit) override { return inner.scan(from, to, limit); }
  Result<Outcome> commit(const Batch& batch) override {
    if (before_commit) before_commit(batch);
    if (refuse_writes) return fail(Code::IoError, "the power is gone");
    return inner.commit(batch);
  }
  Result<Cursor> now() override { return inner.now(); }
  Result<Changed> changed(const Cursor& since, std::int64_t wait_ns) override { return inner.changed(since, wait_ns); }
};

TEST(Sweep, LosesToWhoeverUsesTheThingAtTheSameMoment) {
  SweepWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  const UploadId upload = world.begin(world.space);
  world.retire(id);
  world.clock.pass(20 * day);
  api::Append back = world.link(world.space, "unretire", {Right::admin});
  back.unretire = {id};
  const api::Put put = world.put_of(world.space, upload, world.random.make<ObjectId>(), as_bytes("wakes"));
  InterruptedRows rows(world.own_rows);
  bool came = false;
  rows.before_commit = [&](const Batch& batch) {
    if (std::exchange(came, true)) return;
    (void)batch;
    EXPECT_TRUE(world.append(world.space, back));
    EXPECT_TRUE(world.call(put));
  };
  Sweeper sweeper(rows, world.objects, world.clock, world.log);
  ASSERT_TRUE(sweeper.sweep());
  ASSERT_TRUE(sweeper.sweep());
  EXPECT_TRUE(came);
  EXPECT_EQ(world.state(world.space, id), ObjectState::live);
  api::Append publishing = world.link(world.space, "the upload is still open");
  publishing.publish = {upload};
  EXPECT_TRUE(world.append(world.space, publishing));
  EXPECT_EQ(world.own_objects.contents().size(), 2u);
}

// Promise: wherever a sweeper dies, another finishes its work, and quota and bytes come out right.
TEST(Sweep, IsFinishedByTheNextAfterACrashAtAnyStep) {
  for (int step = 0;; ++step) {
    SweepWorld world;
    const auto used = world.usage(world.account);
    const UploadId upload = world.begin(world.space);
    for (int i = 0; i < 150; ++i)
      ASSERT_TRUE(world.call(world.put_of(world.space, upload, world.random.make<ObjectId>(), Bytes(10))));
    world.clock.pass(8 * day);
    InterruptedRows rows(world.own_rows);
    int commits = 0;
    rows.before_commit = [&](const Batch&) { rows.refuse_writes = commits++ >= step; };
    Sweeper dies(rows, world.objects, world.clock, world.log);
    (void)dies.sweep();
    world.sweep_all();
    EXPECT_EQ(world.usage(world.account).bytes_used, used.bytes_used) << step;
    EXPECT_EQ(world.usage(world.account).objects, used.objects);
    EXPECT_TRUE(world.own_objects.contents().empty());
    for (const char* prefix : {"u/", "l/", "o/", "i/", "s/", "d/"}) EXPECT_EQ(world.rows_of(prefix), 0u) << prefix;
    if (commits <= step) break;
    ASSERT_LT(step, 20);
  }
}

TEST(Sweep, OneUnreadableRowDoesNotKeepTheOthers) {
  SweepWorld world;
  const UploadId broken = world.begin(world.space);
  world.clock.pass(1);
  world.begin(world.space);
  Batch damage;
  damage.put.push_back({upload_key(world.space.id, broken), {1, 2, 3}});
  ASSERT_TRUE(world.own_rows.commit(damage));
  world.clock.pass(8 * day);
  EXPECT_EQ(world.sweep_all().uploads, 1u);
  EXPECT_NE(world.lines.find("sweep_failed"), std::string::npos);
}

}  // namespace
}  // namespace holdfast::server
