#include "backup/intake.h"

#include <gtest/gtest.h>

#include <map>

#include "base/system.h"
#include "space/pack_test_support.h"

namespace holdfast::backup {
namespace {

using space::testing::key_of;
using space::testing::SeededRandom;
using space::testing::SeededWorkers;
using space::testing::space_of;

constexpr std::size_t limit = 1000;

// What a run sees of it, and what reaches the server.
class Intaken {
 public:
  explicit Intaken(KeptNodes* kept = nullptr) {
    intake.emplace(
        space::IngestContext{.chunk_id = keys_.chunk_id,
                             .chunker = keys_.chunker,
                             .pack_key = pack_key_,
                             .space = space_of(3),
                             .epoch = 1,
                             .origin = "this device",
                             .workers = workers_,
                             .random = random_,
                             .known = [](const ChunkId&) { return false; },
                             .on_chunk = [this](std::uint64_t token, const ChunkId& id, std::uint32_t) -> Status {
                               told.emplace_back(token, id);
                               return {};
                             },
                             .before_pack = []() -> Status { return {}; },
                             .deliver = [this](space::SealedPack pack) -> Status {
                               for (const auto& chunk : pack.chunks) delivered.push_back(chunk.id);
                               return {};
                             }},
        limit, kept);
  }
  ChunkId id_of(space::ChunkKind kind, ByteView bytes) { return space::chunk_id(keys_.chunk_id, kind, bytes); }
  Status add_node(const Bytes& node) { return intake->add_node(id_of(space::ChunkKind::node, node), node); }

  std::vector<std::pair<std::uint64_t, ChunkId>> told;
  std::vector<ChunkId> delivered;
  std::optional<Intake> intake;

 private:
  space::RootKeys keys_{key_of<space::SpaceRoot>(1), space_of(3)};
  crypto::PackKey pack_key_ = key_of<crypto::PackKey>(2);
  SeededWorkers workers_{1};
  SeededRandom random_{1};
};

TEST(Intake, HoldsLittleBackAndTellsItsIdsAtOnce) {
  Intaken run;
  const Bytes chunk(300, 1), node(200, 2);
  ASSERT_TRUE(run.intake->add_chunk(7, chunk));
  ASSERT_TRUE(run.add_node(node));
  EXPECT_EQ(run.told, (std::vector{std::pair(std::uint64_t{7}, run.id_of(space::ChunkKind::data, chunk))}));
  ASSERT_TRUE(run.intake->settle());
  ASSERT_TRUE(run.intake->finish());
  EXPECT_TRUE(run.delivered.empty());
  ASSERT_EQ(run.intake->held().size(), 2u);
  EXPECT_EQ(run.intake->held()[0].bytes, chunk);
  EXPECT_EQ(run.intake->held()[1].id, run.id_of(space::ChunkKind::node, node));
}

// Promise: once it is too much, all of it goes into packs, and each chunk is told exactly once.
TEST(Intake, GivesAllOfItToPacksWhenItIsTooMuch) {
  const auto files = system_files(1);
  SeededRandom random(2);
  const Path folder = std::string(::testing::TempDir()) + "intake-" + to_hex(random.make<ObjectId>().view());
  KeptNodes kept(*files, random, folder);
  Intaken run(&kept);
  const Bytes small(300, 1), node(200, 2), other(600, 3), last(10, 4);
  ASSERT_TRUE(run.intake->add_chunk(1, small));
  ASSERT_TRUE(run.add_node(node));
  ASSERT_TRUE(run.intake->add_chunk(2, other));
  ASSERT_TRUE(run.add_node(last));
  ASSERT_TRUE(run.intake->settle());
  ASSERT_TRUE(run.intake->finish());
  EXPECT_TRUE(run.intake->held().empty());
  EXPECT_EQ(run.told, (std::vector{std::pair(std::uint64_t{1}, run.id_of(space::ChunkKind::data, small)),
                                   std::pair(std::uint64_t{2}, run.id_of(space::ChunkKind::data, other))}));
  std::ranges::sort(run.delivered);
  std::vector<ChunkId> wanted{run.id_of(space::ChunkKind::data, small), run.id_of(space::ChunkKind::data, other),
                              run.id_of(space::ChunkKind::node, node), run.id_of(space::ChunkKind::node, last)};
  std::ranges::sort(wanted);
  EXPECT_EQ(run.delivered, wanted);

  // Nodes can be read before their commit stands, and the file that has them has no name.
  EXPECT_EQ(kept.get(run.id_of(space::ChunkKind::node, node)).value(), node);
  EXPECT_EQ(kept.get(run.id_of(space::ChunkKind::node, last)).value(), last);
  EXPECT_FALSE(kept.has(run.id_of(space::ChunkKind::data, small)));
  EXPECT_TRUE(files->list(folder).value().empty());
  (void)files->remove(folder);
}

}  // namespace
}  // namespace holdfast::backup
