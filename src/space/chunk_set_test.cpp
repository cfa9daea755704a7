#include "space/chunk_set.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::SeededRandom;

TEST(ChunkSet, HoldsWhatASetHolds) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    ChunkSet set;
    std::set<ChunkId> model;
    std::vector<ChunkId> known{ChunkId{}};
    for (std::size_t i = random.below(3000); i > 0; --i) {
      ChunkId id = random.below(4) == 0 ? known[random.below(known.size())] : random.make<ChunkId>();
      if (random.below(8) == 0) id.bytes[7] = static_cast<std::uint8_t>(0xff);  // some places are taken more often
      known.push_back(id);
      RC_ASSERT(set.contains(id) == model.contains(id));
      RC_ASSERT(set.insert(id) == model.insert(id).second);
      RC_ASSERT(set.contains(id));
    }
    RC_ASSERT(set.size() == model.size());
    std::size_t seen = 0;
    RC_ASSERT(set.all_of([&](const ChunkId& id) { return ++seen, set.contains(id); }));
    RC_ASSERT(seen == model.size());
    RC_ASSERT(model.empty() || !set.all_of([&](const ChunkId&) { return seen-- != 1; }));
    RC_ASSERT(!set.contains(random.make<ChunkId>()));
  }));
}

}  // namespace
}  // namespace holdfast::space
