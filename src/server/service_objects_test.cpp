#include "server/service_test_world.h"

namespace holdfast::server {
namespace {

using api::ObjectState;
using api::Right;

struct ObjectWorld : TestWorld {
  using TestWorld::TestWorld;
  TestGroup account = sign_up();
  TestGroup space = make_space(account);
  UploadId upload = begin(space);
  ObjectId id = random.make<ObjectId>();
};

TEST(Begin, RefusesAtOnceWhatTheQuotaCantHold) {
  ObjectWorld world(ServiceOptions{.bytes_max = 100'000});
  const auto ticket = world.ticket(world.space, Right::write);
  EXPECT_REFUSED(world, Code::QuotaExceeded, world.call(api::Begin{ticket, 100'000}));
  EXPECT_REFUSED(world, Code::QuotaExceeded, world.call(api::Begin{ticket, ~std::uint64_t{0}}));
  EXPECT_TRUE(world.call(api::Begin{ticket, 50'000}));
}

TEST(Begin, NeedsTheRightToWrite) {
  ObjectWorld world;
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Begin{world.ticket(world.space, Right::read), 0}));
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(api::Begin{{}, 0}));
}

TEST(Put, IsStoredCountedAndRepeatable) {
  ObjectWorld world;
  const auto before = world.usage(world.account);
  const api::Put put = world.put_of(world.space, world.upload, world.id, as_bytes("sealed"));
  ASSERT_TRUE(world.call(put));
  EXPECT_EQ(world.usage(world.account).bytes_used, before.bytes_used + 6);
  EXPECT_EQ(world.usage(world.account).objects, before.objects + 1);
  const auto contents = world.own_rows.contents();
  ASSERT_TRUE(world.call(put));
  EXPECT_EQ(world.own_rows.contents(), contents);
  EXPECT_EQ(world.own_objects.contents().size(), 1u);
  EXPECT_EQ(world.own_objects.contents().begin()->second, to_bytes(as_bytes("sealed")));
}

TEST(Put, WithOtherBytesOrInAnotherUploadIsRefused) {
  ObjectWorld world;
  ASSERT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, as_bytes("sealed"))));
  EXPECT_REFUSED(world, Code::AlreadyExists,
                 world.call(world.put_of(world.space, world.upload, world.id, as_bytes("other!"))));
  const UploadId second = world.begin(world.space);
  EXPECT_REFUSED(world, Code::AlreadyExists,
                 world.call(world.put_of(world.space, second, world.id, as_bytes("sealed"))));
}

TEST(Put, ChecksTheHash) {
  ObjectWorld world;
  api::Put put = world.put_of(world.space, world.upload, world.id, as_bytes("sealed"));
  put.sha256.bytes[31] ^= 1;
  EXPECT_REFUSED(world, Code::Malformed, world.call(put));
}

TEST(Put, TakesObjectsUpTo16MiB) {
  ObjectWorld world;
  Bytes bytes(api::object_bytes_max + 1, 0x77);
  EXPECT_REFUSED(world, Code::TooLarge, world.call(world.put_of(world.space, world.upload, world.id, bytes)));
  bytes.pop_back();
  EXPECT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, bytes)));
  EXPECT_TRUE(world.call(world.put_of(world.space, world.upload, world.random.make<ObjectId>(), {})));
}

TEST(Put, GoesIntoOpenUploadsOfItsGroupOnly) {
  ObjectWorld world;
  const TestGroup other = world.make_space(world.account);
  const UploadId foreign = world.begin(other);
  EXPECT_REFUSED(world, Code::UploadGone, world.call(world.put_of(world.space, foreign, world.id, as_bytes("x"))));
  EXPECT_REFUSED(world, Code::UploadGone,
                 world.call(world.put_of(world.space, world.random.make<UploadId>(), world.id, as_bytes("x"))));
  ASSERT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, as_bytes("x"))));
  api::Append publishing = world.link(world.space, "publish");
  publishing.publish = {world.upload};
  ASSERT_TRUE(world.append(world.space, publishing));
  EXPECT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, as_bytes("x"))))
      << "repeated after its publishing";
  EXPECT_REFUSED(world, Code::UploadGone,
                 world.call(world.put_of(world.space, world.upload, world.random.make<ObjectId>(), as_bytes("x"))));
}

TEST(Put, NeedsTheRightToWriteThere) {
  ObjectWorld world;
  api::Put put = world.put_of(world.space, world.upload, world.id, as_bytes("x"));
  put.ticket = world.ticket(world.space, Right::read);
  EXPECT_REFUSED(world, Code::NotAuthorized, world.call(put));
  put.ticket = world.ticket(world.account, Right::write);
  EXPECT_REFUSED(world, Code::UploadGone, world.call(put));  // the account's own log has no such upload
}

TEST(Put, StopsAtTheQuotaExactly) {
  ObjectWorld world(ServiceOptions{.bytes_max = 10'000, .objects_max = 2});
  const auto left = 10'000 - world.usage(world.account).bytes_used;
  EXPECT_REFUSED(world, Code::QuotaExceeded,
                 world.call(world.put_of(world.space, world.upload, world.id, Bytes(left + 1))));
  EXPECT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, Bytes(left - 1))));
  EXPECT_REFUSED(world, Code::QuotaExceeded,
                 world.call(world.put_of(world.space, world.upload, world.random.make<ObjectId>(), Bytes(2))));
  EXPECT_TRUE(world.call(world.put_of(world.space, world.upload, world.random.make<ObjectId>(), Bytes(1))));
  EXPECT_EQ(world.usage(world.account).bytes_used, 10'000u);
  EXPECT_REFUSED(world, Code::QuotaExceeded,
                 world.call(world.put_of(world.space, world.upload, world.random.make<ObjectId>(), {})));
}

TEST(Get, GivesRanges) {
  ObjectWorld world;
  const ObjectId id = world.live_object(world.space, "0123456789");
  const auto ticket = world.ticket(world.space, Right::read);
  const auto get = [&](std::uint32_t offset, std::uint32_t length) {
    const auto reply = world.call(api::Get{ticket, id, offset, length});
    EXPECT_TRUE(reply);
    EXPECT_EQ(reply->size, 10u);
    return std::string(as_text(reply->bytes));
  };
  EXPECT_EQ(get(0, 0), "0123456789");
  EXPECT_EQ(get(3, 0), "3456789");
  EXPECT_EQ(get(3, 4), "3456");
  EXPECT_EQ(get(8, 4), "89");
  EXPECT_EQ(get(10, 4), "");
  EXPECT_EQ(get(0xfffffffe, 4), "");
  EXPECT_EQ(get(0, 0xffffffff), "0123456789");
  EXPECT_EQ(get(api::get_from_end, 4), "6789");
  EXPECT_EQ(get(api::get_from_end, 65'536), "0123456789");
  EXPECT_EQ(code_of(world.call(api::Get{ticket, id, api::get_from_end, 0})), Code::Malformed);
}

TEST(Get, OfStagedForeignOrInventedObjectsFindsNothing) {
  ObjectWorld world;
  ASSERT_TRUE(world.call(world.put_of(world.space, world.upload, world.id, as_bytes("staged"))));
  TestGroup other = world.make_space(world.account);
  const ObjectId foreign = world.live_object(other, "foreign");
  const auto ticket = world.ticket(world.space, Right::read);
  for (const ObjectId& id : {world.id, foreign, world.random.make<ObjectId>()}) {
    EXPECT_EQ(code_of(world.call(api::Get{ticket, id, 0, 0})), Code::Missing);
    EXPECT_EQ(world.state(world.space, id), ObjectState::unknown);
  }
  EXPECT_EQ(code_of(world.call(api::Get{world.ticket(other, Right::write), foreign, 0, 0})), Code::NotAuthorized);
}

TEST(Get, OfBytesThatTheDiskLostIsMissingAndLogged) {
  ObjectWorld world;
  const ObjectId id = world.live_object(world.space, "bytes");
  for (const auto& [name, bytes] : world.own_objects.contents()) ASSERT_TRUE(world.own_objects.remove(name));
  EXPECT_EQ(code_of(world.call(api::Get{world.ticket(world.space, Right::read), id, 0, 0})), Code::Missing);
  EXPECT_NE(world.lines.find("object_lost"), std::string::npos);
}

TEST(Stat, OfBytesThatTheDiskLostOrCutIsUnknownAndLogged) {
  ObjectWorld world;
  const ObjectId lost = world.live_object(world.space, "bytes"), cut = world.live_object(world.space, "longer bytes");
  for (const auto& [name, bytes] : world.own_objects.contents()) {
    ASSERT_TRUE(world.own_objects.remove(name));
    if (as_text(bytes) != "longer bytes") continue;
    const ByteView less = ByteView(bytes).first(6);
    ASSERT_TRUE(world.own_objects.put(name, less.size(), crypto::sha256(less), {&less, 1}));
  }
  EXPECT_EQ(world.state(world.space, lost), ObjectState::unknown);
  EXPECT_EQ(world.lines.find("not as long"), std::string::npos);
  EXPECT_EQ(world.state(world.space, cut), ObjectState::unknown);
  EXPECT_NE(world.lines.find("not as long"), std::string::npos);
}

TEST(Stat, AnswersInTheOrderAskedFor) {
  ObjectWorld world;
  const ObjectId live = world.live_object(world.space, "live bytes");
  const auto reply = world.call(api::Stat{world.ticket(world.space, Right::read), {world.id, live, world.id, live}});
  ASSERT_TRUE(reply);
  ASSERT_EQ(reply->objects.size(), 4u);
  EXPECT_EQ(reply->objects[0].state, ObjectState::unknown);
  EXPECT_EQ(reply->objects[1].state, ObjectState::live);
  EXPECT_EQ(reply->objects[3].size, 10u);
  EXPECT_EQ(reply->objects[3].sha256, crypto::sha256(as_bytes("live bytes")));
  const auto ticket = world.ticket(world.space, Right::read);
  EXPECT_EQ(code_of(world.call(api::Stat{ticket, std::vector<ObjectId>(api::append_objects_max + 1)})), Code::TooLarge);
  EXPECT_TRUE(world.call(api::Stat{ticket, std::vector<ObjectId>(api::append_objects_max)}));
}

// Fails or reports as told, to reach what happens when stores don't.
struct FullObjectStore final : ObjectStore {
  MemoryObjectStore inner;
  bool full = false;
  std::function<void()> after_put;
  Status put(const ObjectName& name, std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts) override {
    if (full) return fail(Code::NoSpaceLeft, "the server's disk for objects is full");
    HF_OK(inner.put(name, size, sha256, parts));
    if (after_put) after_put();
    return {};
  }
  Result<Bytes> get(const ObjectName& name, const Range& range) override { return inner.get(name, range); }
  Result<std::uint64_t> size_of(const ObjectName& name) override { return inner.size_of(name); }
  Status remove(const ObjectName& name) override { return inner.remove(name); }
  Result<std::vector<ObjectInfo>> list(const std::optional<ObjectName>& after, std::size_t limit) override {
    return inner.list(after, limit);
  }
};

struct RaceWorld {
  MapMetaStore rows;
  FullObjectStore objects;
  TestWorld world{rows, objects};
  TestGroup account = world.sign_up();
  TestGroup space = world.make_space(account);
  UploadId upload = world.begin(space);
  ObjectId id = world.random.make<ObjectId>();
};

TEST(Put, OnAFullDiskSaysSoAndWritesNoRow) {
  RaceWorld race;
  race.objects.full = true;
  const auto contents = race.rows.contents();
  EXPECT_EQ(code_of(race.world.call(race.world.put_of(race.space, race.upload, race.id, as_bytes("x")))),
            Code::NoSpaceLeft);
  EXPECT_EQ(race.rows.contents(), contents);
  EXPECT_NE(race.world.lines.find("the server's disk for objects is full"), std::string::npos)
      << "its operator reads it";
}

TEST(Put, ThatLosesToThePublishingOfItsUploadLeavesNothing) {
  RaceWorld race;
  api::Append publishing = race.world.link(race.space, "publish");
  publishing.publish = {race.upload};
  const api::Put put = race.world.put_of(race.space, race.upload, race.id, as_bytes("x"));
  race.objects.after_put = [&] { EXPECT_TRUE(race.world.append(race.space, publishing)); };
  EXPECT_EQ(code_of(race.world.call(put)), Code::UploadGone);
  EXPECT_TRUE(race.objects.inner.contents().empty());
  EXPECT_EQ(race.world.usage(race.account).objects, 0u);
  EXPECT_EQ(race.world.state(race.space, race.id), ObjectState::unknown);
}

TEST(Put, ThatRunsBesideItselfIsStoredOnce) {
  RaceWorld race;
  const api::Put put = race.world.put_of(race.space, race.upload, race.id, as_bytes("x"));
  race.objects.after_put = [&] {
    race.objects.after_put = nullptr;
    EXPECT_TRUE(race.world.call(put));
  };
  EXPECT_TRUE(race.world.call(put));
  EXPECT_EQ(race.objects.inner.contents().size(), 1u);
  EXPECT_EQ(race.world.usage(race.account).objects, 1u);
}

TEST(Put, ThatRunsBesideAnotherOfItsNameDoesNotTouchTheWinnersBytes) {
  RaceWorld race;
  const api::Put put = race.world.put_of(race.space, race.upload, race.id, as_bytes("loser"));
  const api::Put winner = race.world.put_of(race.space, race.upload, race.id, as_bytes("winner"));
  race.objects.after_put = [&] {
    race.objects.after_put = nullptr;
    EXPECT_TRUE(race.world.call(winner));
  };
  EXPECT_EQ(code_of(race.world.call(put)), Code::AlreadyExists);
  ASSERT_EQ(race.objects.inner.contents().size(), 1u);
  EXPECT_EQ(race.objects.inner.contents().begin()->second, to_bytes(as_bytes("winner")));
}

}  // namespace
}  // namespace holdfast::server
