#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>

#include "space/pack_test_support.h"
#include "space/segment.h"

namespace holdfast::space {
namespace {

using testing::SeededRandom;

Segment segment_of(const std::set<std::array<std::uint8_t, 16>>& ids) {
  Segment out;
  PackInfo pack;
  pack.blocks = {{{1000}, {chunk_bytes_max}}};
  out.packs = {pack, pack};
  std::uint32_t count = 0;
  for (const auto& id : ids) out.records.push_back({id, count % 2, 0, {count % 1000}, {++count % 1000 + 1}});
  return out;
}

ChunkId chunk_of(const std::array<std::uint8_t, 16>& prefix, SeededRandom& random) {
  ChunkId out = random.make<ChunkId>();
  std::ranges::copy(prefix, out.bytes.begin());
  return out;
}

// Ids in one of several shapes: uniform as real ones are, in a narrow range, at the ends, with equal first halves.
std::array<std::uint8_t, 16> any_id(SeededRandom& random, std::size_t shape) {
  std::array<std::uint8_t, 16> id{};
  random.fill(id);
  if (shape == 1) std::fill_n(id.begin(), 7, std::uint8_t{0x7f});
  if (shape == 2) std::fill_n(id.begin(), 5, random.below(2) == 0 ? std::uint8_t{0} : std::uint8_t{0xff});
  if (shape == 3) std::fill_n(id.begin(), 9, std::uint8_t{1});
  return id;
}

TEST(SegmentView, FindsAllAndOnlyWhatItHolds) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    const std::size_t shape = random.below(4);
    std::set<std::array<std::uint8_t, 16>> ids;
    for (std::size_t i = random.below(random.below(2) == 0 ? 10 : 3000); i > 0; --i) ids.insert(any_id(random, shape));
    const Segment segment = segment_of(ids);
    const Bytes file = encode_local_segment(segment);
    const SegmentView view = SegmentView::over(file).value();
    RC_ASSERT(view.records() == ids.size());
    for (std::size_t i = 0; i < segment.records.size(); ++i) {
      RC_ASSERT(view.record(i) == segment.records[i]);
      RC_ASSERT(view.find(chunk_of(segment.records[i].id, random)) == segment.records[i]);
      auto near = segment.records[i].id;
      near[15] ^= 1;
      if (!ids.contains(near)) RC_ASSERT(!view.find(chunk_of(near, random)));
    }
    for (int i = 0; i < 200; ++i) {
      const auto other = any_id(random, random.below(4));
      RC_ASSERT(view.find(chunk_of(other, random)).has_value() == ids.contains(other));
    }
    for (const int byte : {0, 255}) {
      ChunkId end;
      end.bytes.fill(static_cast<std::uint8_t>(byte));
      RC_ASSERT(!view.find(end));
    }
  }));
}

TEST(SegmentView, AFileOfTheWrongSizeIsRefused) {
  SeededRandom random(1);
  std::set<std::array<std::uint8_t, 16>> ids;
  for (int i = 0; i < 20; ++i) ids.insert(any_id(random, 0));
  const Bytes file = encode_local_segment(segment_of(ids));
  ASSERT_TRUE(SegmentView::over(file));
  for (std::size_t size = 0; size < file.size(); ++size)
    EXPECT_EQ(SegmentView::over(ByteView(file).first(size)).error().code, Code::Malformed) << size;
  Bytes longer = file;
  longer.push_back(0);
  EXPECT_FALSE(SegmentView::over(longer));
  for (std::size_t at = 0; at < 16; ++at) {  // magic and counts
    Bytes bad = file;
    bad[at] ^= 0xff;
    EXPECT_FALSE(SegmentView::over(bad)) << at;
  }
}

// Promise: whatever the disk did to a local file, reading it ends in an answer or Malformed, and nothing of it is
// merged.
TEST(SegmentView, DamageIsMalformedOrHarmless) {
  SeededRandom random(2);
  std::set<std::array<std::uint8_t, 16>> ids;
  for (int i = 0; i < 100; ++i) ids.insert(any_id(random, 0));
  const Bytes file = encode_local_segment(segment_of(ids));
  for (int round = 0; round < 3000; ++round) {
    Bytes bad = file;
    for (std::size_t flips = random.between(1, 3); flips > 0; --flips)
      bad[random.below(bad.size())] ^= static_cast<std::uint8_t>(random.between(1, 255));
    if (bad == file) continue;
    const auto view = SegmentView::over(bad);
    if (!view) continue;
    for (int i = 0; i < 5; ++i) (void)view->find(random.make<ChunkId>());
    (void)view->find(chunk_of(*ids.begin(), random));
    for (std::uint32_t pack = 0; pack < view->packs() + 1; ++pack) {
      const auto info = view->pack(pack);
      EXPECT_TRUE(!info || check_blocks(info->blocks));
    }
    EXPECT_EQ(view->load().error().code, Code::Malformed);
  }
}

}  // namespace
}  // namespace holdfast::space
