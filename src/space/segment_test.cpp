#include "space/segment.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SealedSegment;
using testing::SeededRandom;
using testing::space_of;

const SpaceId space = space_of(9);
constexpr std::uint32_t epoch = 2;

// A pack as make_segment sees it: no bytes, only what stands where.
SealedPack any_pack(SeededRandom& random, std::size_t chunks, std::vector<ChunkId>* ids = nullptr) {
  SealedPack out;
  out.info.object = random.make<ObjectId>();
  out.info.sha256 = random.make<Hash>();
  out.info.epoch = static_cast<std::uint32_t>(random.below(5));
  std::uint32_t offset = 0;
  for (std::size_t i = 0; i < chunks; ++i) {
    if (i == 0 || offset > 500'000) {
      out.info.blocks.push_back({{1000}, {1'000'000}});
      offset = 0;
    }
    const auto length = static_cast<std::uint32_t>(random.between(1, 400'000));
    const auto block = static_cast<std::uint16_t>(out.info.blocks.size() - 1);
    out.chunks.push_back({random.make<ChunkId>(), block, {offset}, {length}});
    if (ids != nullptr) ids->push_back(out.chunks.back().id);
    offset += length;
  }
  return out;
}

Segment any_segment(SeededRandom& random, std::size_t packs, std::size_t chunks_max) {
  std::vector<SealedPack> made;
  for (std::size_t i = 0; i < packs; ++i) made.push_back(any_pack(random, random.between(1, chunks_max)));
  return make_segment(made);
}

// What a segment says, without ordinals: id -> (pack's object, block, offset, length).
using Said = std::map<std::array<std::uint8_t, 16>, std::tuple<ObjectId, std::uint16_t, std::uint32_t, std::uint32_t>>;
Said said_by(const Segment& segment) {
  Said out;
  for (const Record& record : segment.records)
    out[record.id] = {segment.packs[record.pack].object, record.block, record.offset.value, record.length.value};
  return out;
}

class SegmentTest : public ::testing::Test {
 protected:
  static SegmentObject object_of(const SealedPack& sealed) { return {sealed.info.object, sealed.info.sha256}; }
  SealedSegment seal(const Segment& segment) {
    SeededRandom random(99);
    return testing::seal_whole(segment, key_, space, epoch, random);
  }
  Result<Segment> open(const SealedSegment& sealed) const {
    std::vector<Bytes> wholes;
    std::vector<SegmentObject> expected;
    for (const SealedPack& object : sealed.objects) {
      wholes.push_back(object.object->joined());
      expected.push_back(object_of(object));
    }
    const std::vector<ByteView> objects(wholes.begin(), wholes.end());
    return open_segment(
        objects, expected, [this](std::uint32_t asked) { return asked == epoch ? &key_ : nullptr; }, space);
  }

  crypto::PackKey key_ = key_of<crypto::PackKey>(4);
};

TEST_F(SegmentTest, RecordsAreWrittenAsTheCodecDoes) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    Record record{{},
                  static_cast<std::uint32_t>(random.next()),
                  static_cast<std::uint16_t>(random.next()),
                  {static_cast<std::uint32_t>(random.below(1u << 24))},
                  {static_cast<std::uint32_t>(random.below(1u << 24))}};
    random.fill(record.id);
    Bytes out(record_bytes);
    store_record(out.data(), record);
    RC_ASSERT(out == encode(record));
    RC_ASSERT(load_record(out.data()) == record);
  }));
}

TEST_F(SegmentTest, ComesBackFromTheServerAndFromDisk) {
  EXPECT_TRUE(rc::check([this] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    const Segment segment = any_segment(random, random.between(1, 5), 300);
    const SealedSegment sealed = seal(segment);
    RC_ASSERT(sealed.records == segment.records.size());
    RC_ASSERT(sealed.objects.size() == 1u);
    const Segment opened = open(sealed).value();
    RC_ASSERT(opened.records == segment.records);
    RC_ASSERT(opened.packs == segment.packs);

    const Bytes file = encode_local_segment(segment);
    const Segment loaded = SegmentView::over(file).value().load().value();
    RC_ASSERT(loaded.records == segment.records);
    RC_ASSERT(loaded.packs == segment.packs);
  }));
}

TEST_F(SegmentTest, ALargeOneIsSeveralObjectsOfAtMostSixteenMebibytes) {
  SeededRandom random(1);
  Segment segment;
  segment.packs.push_back(any_pack(random, 1).info);
  for (int i = 0; i < 800'000; ++i) {
    Record& record =
        segment.records.emplace_back(Record{{}, 0, 0, {0}, {static_cast<std::uint32_t>(random.between(1, 1000))}});
    random.fill(record.id);
  }
  std::ranges::sort(segment.records, {}, &Record::id);
  // A pack table that does not fit into one object's share.
  PackInfo wide = segment.packs[0];
  wide.blocks.assign(60'000, BlockSize{{17}, {10'000}});
  for (int i = 0; i < 13; ++i) {
    wide.object = random.make<ObjectId>();
    segment.packs.push_back(wide);
  }
  const SealedSegment sealed = seal(segment);
  ASSERT_GE(sealed.objects.size(), 2u);
  for (const SealedPack& object : sealed.objects)
    EXPECT_TRUE(std::has_single_bit(object.object->size()) && object.object->size() <= pack_bytes_max);
  const Segment opened = open(sealed).value();
  EXPECT_EQ(opened.records, segment.records);
  EXPECT_EQ(opened.packs, segment.packs);

  SealedSegment swapped = sealed;
  std::swap(swapped.objects[0], swapped.objects[1]);
  EXPECT_EQ(open(swapped).error().code, Code::Malformed);
  SealedSegment shorter = sealed;
  shorter.objects.erase(shorter.objects.begin());
  EXPECT_EQ(open(shorter).error().code, Code::Malformed);
}

TEST_F(SegmentTest, AnEmptyOneHasNoObjects) {
  EXPECT_TRUE(seal({}).objects.empty());
  const Segment opened = open(seal({})).value();
  EXPECT_TRUE(opened.records.empty() && opened.packs.empty());
  const Bytes file = encode_local_segment({});
  const auto view = SegmentView::over(file).value();
  EXPECT_FALSE(view.find(ChunkId()));
}

TEST_F(SegmentTest, OtherBytesOrNoKeyAreRefused) {
  SeededRandom random(2);
  SealedSegment sealed = seal(any_segment(random, 2, 100));
  ASSERT_TRUE(open(sealed));
  const Bytes whole = sealed.objects[0].object->joined();
  const std::vector<ByteView> objects{whole};
  const std::vector<SegmentObject> expected{object_of(sealed.objects[0])};
  const auto no_key = [](std::uint32_t) -> const crypto::PackKey* { return nullptr; };
  EXPECT_EQ(open_segment(objects, expected, no_key, space).error().code, Code::Missing);
  EXPECT_EQ(open_segment({}, expected, no_key, space).error().code, Code::Missing);
  const auto key = [this](std::uint32_t) { return &key_; };
  EXPECT_EQ(open_segment(objects, expected, key, space_of(1)).error().code, Code::Tampered);
  const std::vector<SegmentObject> other{{random.make<ObjectId>(), {}}};
  EXPECT_EQ(open_segment(objects, other, key, space).error().code, Code::Tampered);
  Bytes damaged = whole;
  damaged[200] ^= 1;
  EXPECT_EQ(open_segment(std::vector<ByteView>{damaged}, expected, key, space).error().code, Code::Tampered);
}

// A member holds the index key, so what opens may still be anything.
TEST_F(SegmentTest, RecordsThatNoClientWritesAreRefused) {
  SeededRandom random(3);
  const Segment good = any_segment(random, 3, 50);
  const auto refused = [&](const auto& change) {
    Segment bad = good;
    change(bad);
    const auto opened = open(seal(bad));
    const Bytes file = encode_local_segment(bad);
    const auto loaded = SegmentView::over(file).value().load();
    return !opened && opened.error().code == Code::Malformed && !loaded && loaded.error().code == Code::Malformed;
  };
  EXPECT_FALSE(refused([](Segment&) {}));
  EXPECT_TRUE(refused([](Segment& s) { std::swap(s.records[0], s.records[1]); }));
  EXPECT_TRUE(refused([](Segment& s) { s.records[1].id = s.records[0].id; }));
  EXPECT_TRUE(refused([](Segment& s) { s.records[5].pack = 3; }));
  EXPECT_TRUE(refused([](Segment& s) { s.records[5].block = 60'000; }));
  EXPECT_TRUE(refused([](Segment& s) { s.records[5].length.value = 0; }));
  EXPECT_TRUE(refused([](Segment& s) { s.records[5].offset.value = 1'000'001 - s.records[5].length.value; }));
  EXPECT_TRUE(refused([](Segment& s) { s.packs[0].kind = PackKind::index; }));
  EXPECT_TRUE(refused([](Segment& s) { s.packs[0].blocks[0].plain.value = chunk_bytes_max + 1; }));
  EXPECT_TRUE(refused([](Segment& s) { s.packs[0].blocks[0].stored.value = 0; }));
}

TEST_F(SegmentTest, ObjectsThatAreNoIndexAreRefused) {
  SeededRandom random(4);
  const std::vector<std::size_t> sizes{1000};
  const auto sealed_as = [&](PackKind kind, const Bytes& extra, Bytes plain) {
    PackBuilder builder(kind);
    if (kind == PackKind::index) {
      builder.add(compress_block(std::move(plain), {}, 1));
      builder.set_extra(extra);
    } else {
      builder.add(testing::any_block(random, sizes, true));
    }
    SealedSegment out{{}, 1};
    out.objects.push_back(
        std::move(builder).finish(key_, space, epoch, PackBuilder::Size::power_of_two, random).value());
    return open(out);
  };
  EXPECT_EQ(sealed_as(PackKind::data, {}, {}).error().code, Code::Malformed);
  const Segment segment = any_segment(random, 1, 1);
  Bytes plain(record_bytes);
  store_record(plain.data(), segment.records[0]);
  const SegmentTable table{0, {segment.records[0].id}, segment.packs};
  EXPECT_TRUE(sealed_as(PackKind::index, encode(table), plain));
  EXPECT_FALSE(sealed_as(PackKind::index, {1, 2, 3}, plain));
  const auto with = [&](const auto& change) {
    SegmentTable bad = table;
    change(bad);
    return sealed_as(PackKind::index, encode(bad), plain);
  };
  EXPECT_FALSE(with([](SegmentTable& t) { t.first_pack = 1; }));
  EXPECT_FALSE(with([](SegmentTable& t) { t.fences.clear(); }));
  EXPECT_FALSE(with([](SegmentTable& t) { t.fences[0][15] ^= 1; }));
  EXPECT_FALSE(with([](SegmentTable& t) { t.packs.clear(); }));
  plain.push_back(0);
  EXPECT_FALSE(sealed_as(PackKind::index, encode(table), plain));
}

TEST_F(SegmentTest, AChunkThatStandsTwiceIsKeptOnce) {
  SeededRandom random(5);
  std::vector<SealedPack> packs{any_pack(random, 20), any_pack(random, 20)};
  packs[1].chunks[3].id = packs[0].chunks[7].id;
  packs[1].chunks[4].id = packs[1].chunks[5].id;
  const Segment segment = make_segment(packs);
  EXPECT_EQ(segment.records.size(), 38u);
  EXPECT_EQ(std::get<0>(said_by(segment)[Record{segment.records[0]}.id]),
            segment.packs[segment.records[0].pack].object);
  EXPECT_TRUE(std::ranges::is_sorted(segment.records, {}, &Record::id));
}

// Promise: a merge says what its parts said, but for retired packs; it forgets no other pack, whether named or not,
// since what no index names nobody can retire.
TEST_F(SegmentTest, AMergeIsTheUnionWithoutWhatIsRetired) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    std::vector<Segment> parts;
    std::vector<Bytes> retired;
    std::set<ObjectId> packs;
    Said expected;
    for (std::size_t i = random.between(0, 5); i > 0; --i) {
      Segment part = any_segment(random, random.between(1, 12), 30);
      if (!parts.empty()) {  // the same chunk again, elsewhere
        part.records[0].id = parts[0].records[random.below(parts[0].records.size())].id;
        std::ranges::sort(part.records, {}, &Record::id);
      }
      Bytes bits;
      if (random.below(2) == 0) bits = random.bytes((part.packs.size() + 7) / 8);
      for (std::uint32_t pack = 0; pack < part.packs.size(); ++pack) {
        const bool bit = !bits.empty() && (bits[pack / 8] & (0x80 >> (pack % 8))) != 0;
        RC_ASSERT(is_retired(bits, pack) == bit);
        if (!bit) packs.insert(part.packs[pack].object);
      }
      Segment live = part;
      std::erase_if(live.records, [&](const Record& record) { return is_retired(bits, record.pack); });
      for (const auto& [id, place] : said_by(live))
        expected.insert_or_assign(id, place);  // the later segment's place wins
      parts.push_back(std::move(part));
      retired.push_back(std::move(bits));
    }
    const Segment merged = merge_segments(parts, retired);
    RC_ASSERT(said_by(merged) == expected);
    RC_ASSERT(merged.records.size() == expected.size());
    RC_ASSERT(std::ranges::is_sorted(merged.records, {}, &Record::id));
    std::set<ObjectId> kept;
    for (const auto& pack : merged.packs) kept.insert(pack.object);
    RC_ASSERT(kept == packs);
    RC_ASSERT(merged.packs.size() == packs.size());
  }));
}

// Promise: of two places the later one stays, but none that is lost in place of one that is not.
TEST_F(SegmentTest, AMergeKeepsAGoodPlace) {
  SeededRandom random(7);
  const auto part = [&](std::uint8_t length) {
    Segment segment = any_segment(random, 1, 1);
    segment.packs.resize(1);
    segment.records.resize(1);
    segment.records[0].id = {1, 2, 3};
    segment.records[0].pack = 0;
    segment.records[0].length = {length};
    return segment;
  };
  const std::vector<Segment> parts{part(1), part(2), part(3)};
  const Bytes lost{0x80}, none;
  const auto kept = [&](const std::vector<Bytes>& which) {
    const Segment merged = merge_segments(parts, {}, which);
    EXPECT_EQ(merged.records.size(), 1u);
    return merged.records[0].length.value;
  };
  EXPECT_EQ(kept({}), 3u);
  EXPECT_EQ(kept({none, none, lost}), 2u);
  EXPECT_EQ(kept({none, lost, lost}), 1u);
  EXPECT_EQ(kept({lost, lost, none}), 3u);
  EXPECT_EQ(kept({lost, lost, lost}), 3u);
}

TEST_F(SegmentTest, MergesKeepSizesGeometric) {
  EXPECT_TRUE(rc::check([] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    std::vector<std::uint64_t> sizes;
    std::uint64_t total = 0, moved = 0;
    for (int i = 0; i < 300; ++i) {
      const std::uint64_t added = random.between(1, std::size_t{1} << random.below(14));
      total += added;
      const std::size_t from = merge_from(sizes, added);
      RC_ASSERT(from <= sizes.size());
      std::uint64_t merged = added;
      for (std::size_t k = from; k < sizes.size(); ++k) merged += sizes[k];
      if (from < sizes.size()) {  // needed: without it, or with one segment fewer in it, the rule would not hold
        std::uint64_t later = added;
        for (std::size_t k = from + 1; k < sizes.size(); ++k) later += sizes[k];
        RC_ASSERT(sizes[from] < 2 * later);
        moved += merged;
      }
      sizes.resize(from);
      sizes.push_back(merged);
      std::uint64_t later = 0;
      for (std::size_t k = sizes.size(); k-- > 0;) {
        RC_ASSERT(sizes[k] >= 2 * later);
        later += sizes[k];
      }
    }
    RC_ASSERT(sizes.size() <= 24u);
    RC_ASSERT(moved <= total * 24);
  }));
  EXPECT_EQ(merge_from({}, 5), 0u);
  EXPECT_EQ(merge_from(std::vector<std::uint64_t>{10}, 5), 1u);
  EXPECT_EQ(merge_from(std::vector<std::uint64_t>{10}, 6), 0u);
  EXPECT_EQ(merge_from(std::vector<std::uint64_t>{100, 10}, 6), 1u);
}

}  // namespace
}  // namespace holdfast::space
