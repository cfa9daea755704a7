#include "space/pack.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <bit>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::any_block;
using testing::key_of;
using testing::SeededRandom;
using testing::space_of;

const SpaceId space = space_of(7);
constexpr std::uint32_t epoch = 3;

struct Made {
  SealedPack pack;
  Bytes object;  // whole
  std::vector<Bytes> plains;
};

class Pack : public ::testing::Test {
 protected:
  Made make(SeededRandom& random, std::size_t blocks, std::size_t chunk_max, PackKind kind = PackKind::data,
            PackBuilder::Size size = PackBuilder::Size::padme) {
    PackBuilder builder(kind);
    Made out;
    for (std::size_t i = 0; i < blocks; ++i) {
      std::vector<std::size_t> sizes(random.between(1, 5));
      for (std::size_t& chunk : sizes) chunk = random.between(1, chunk_max);
      builder.add(any_block(random, sizes, random.below(2) == 0, &out.plains.emplace_back()));
    }
    out.pack = std::move(builder).finish(key_, space, epoch, size, random).value();
    out.object = out.pack.object->joined();
    return out;
  }

  Result<std::vector<Bytes>> open(ByteView object, const ObjectId& id, const SpaceId& in = space) {
    std::vector<Bytes> out;
    HF_OK(open_whole_pack(key_, in, id, object, [&](std::uint16_t, Bytes plain) {
      out.push_back(std::move(plain));
      return Status();
    }));
    return out;
  }

  crypto::PackKey key_ = key_of<crypto::PackKey>(1);
};

TEST_F(Pack, EveryChunkComesBack) {
  EXPECT_TRUE(rc::check([this] {
    SeededRandom random(*rc::gen::arbitrary<std::uint64_t>());
    const Made made = make(random, random.between(1, 20), 3000);
    RC_ASSERT(open(made.object, made.pack.info.object).value() == made.plains);
    std::size_t at = 0;
    for (std::size_t block = 0; block < made.plains.size(); ++block) {
      std::size_t end = 0;
      for (; at < made.pack.chunks.size() && made.pack.chunks[at].block == block; ++at) {
        RC_ASSERT(made.pack.chunks[at].offset.value == end);
        end += made.pack.chunks[at].length.value;
      }
      RC_ASSERT(end == made.plains[block].size());
    }
    RC_ASSERT(at == made.pack.chunks.size());
  }));
}

TEST_F(Pack, OneBlockIsReadWithWhatTheIndexKeeps) {
  SeededRandom random(1);
  const Made made = make(random, 9, 3000);
  EXPECT_EQ(made.pack.info.sha256, crypto::sha256(made.object));
  const PackOpener opener(key_, space, decode<PackInfo>(encode(made.pack.info), "info").value());
  const auto offsets = made.pack.info.block_offsets();
  for (std::uint16_t block = 0; block < 9; ++block) {
    EXPECT_EQ(offsets[block], made.pack.info.block_offset(block));
    const ByteView sealed = ByteView(made.object).subspan(offsets[block], made.pack.info.blocks[block].stored.value);
    EXPECT_EQ(opener.open_block(block, sealed).value(), made.plains[block]);
    EXPECT_EQ(opener.open_block(block, sealed.first(sealed.size() - 1)).error().code, Code::Tampered);
    EXPECT_FALSE(opener.open_block(static_cast<std::uint16_t>(block + 1), sealed));
  }
  EXPECT_EQ(opener.open_block(9, made.object).error().code, Code::Malformed);
}

TEST_F(Pack, EveryFlippedByteIsNoticed) {
  SeededRandom random(2);
  const Made made = make(random, 3, 300);
  Bytes object = made.object;
  ASSERT_EQ(object.size(), pack_bytes_min);
  const std::size_t pad_start = made.pack.info.block_offsets().back();
  const std::size_t pad_end = object.size() - 1000;  // the directory is shorter
  for (std::size_t at = 0; at < object.size(); at += at >= pad_start && at + 5 < pad_end ? 5 : 1) {
    object[at] ^= static_cast<std::uint8_t>(1 << (at % 8));
    const auto opened = open(object, made.pack.info.object);
    ASSERT_FALSE(opened) << at;
    const bool names_itself_otherwise = at < 6;  // magic and suite
    ASSERT_EQ(opened.error().code, names_itself_otherwise ? Code::Malformed : Code::Tampered) << at;
    object[at] ^= static_cast<std::uint8_t>(1 << (at % 8));
  }
  EXPECT_TRUE(open(object, made.pack.info.object));
}

TEST_F(Pack, TruncationAndExtensionAreNoticed) {
  SeededRandom random(3);
  const Made made = make(random, 3, 300);
  Bytes object = made.object;
  for (std::size_t size = 0; size < object.size(); size += size < 300 || size > object.size() - 300 ? 1 : 97)
    EXPECT_FALSE(open(ByteView(object).first(size), made.pack.info.object)) << size;
  for (const std::size_t more : {1, 16, 24, 65536}) {
    Bytes longer = object;
    longer.resize(object.size() + more);
    EXPECT_FALSE(open(longer, made.pack.info.object)) << more;
    Bytes shifted(more);
    append(shifted, object);
    EXPECT_FALSE(open(shifted, made.pack.info.object)) << more;
    Bytes again = object;
    append(again, ByteView(object).last(std::min(more, object.size())));
    EXPECT_FALSE(open(again, made.pack.info.object)) << more;
  }
}

TEST_F(Pack, AnotherPacksBytesAreRefused) {
  SeededRandom random(4);
  const std::size_t sizes[] = {5000};
  const auto one_block = [&] {
    PackBuilder builder(PackKind::data);
    builder.add(any_block(random, sizes, false));
    builder.add(any_block(random, sizes, false));
    return std::move(builder).finish(key_, space, epoch, PackBuilder::Size::padme, random).value();
  };
  const SealedPack a = one_block(), b = one_block();
  EXPECT_EQ(open(b.object->joined(), a.info.object).error().code, Code::Tampered);
  const PackOpener opener(key_, space, a.info);
  const auto block_of = [&](const SealedPack& pack, std::size_t block) {
    Bytes out(pack.info.blocks[block].stored.value);
    pack.object->read_at(pack.info.block_offset(block), out);
    return out;
  };
  EXPECT_TRUE(opener.open_block(0, block_of(a, 0)));
  EXPECT_EQ(opener.open_block(0, block_of(b, 0)).error().code, Code::Tampered);
  EXPECT_EQ(opener.open_block(0, block_of(a, 1)).error().code, Code::Tampered);
  PackInfo mixed = a.info;  // as a member could write it into an index
  mixed.salt = b.info.salt;
  EXPECT_EQ(PackOpener(key_, space, mixed).open_block(0, block_of(a, 0)).error().code, Code::Tampered);
  EXPECT_EQ(PackOpener(key_, space, mixed).open_block(0, block_of(b, 0)).error().code, Code::Tampered);
  mixed.commitment = b.info.commitment;
  EXPECT_EQ(PackOpener(key_, space, mixed).open_block(0, block_of(b, 0)).error().code, Code::Tampered);
}

TEST_F(Pack, AnotherKeySpaceOrEpochIsRefused) {
  SeededRandom random(5);
  const Made made = make(random, 2, 300);
  EXPECT_EQ(open(made.object, made.pack.info.object, space_of(8)).error().code, Code::Tampered);
  const auto other = key_of<crypto::PackKey>(2);
  const auto nothing = [](std::uint16_t, Bytes) { return Status(); };
  EXPECT_EQ(open_whole_pack(other, space, made.pack.info.object, made.object, nothing).error().code, Code::Tampered);
  PackInfo info = made.pack.info;
  info.epoch = epoch + 1;
  const ByteView sealed = ByteView(made.object).subspan(info.block_offset(0), info.blocks[0].stored.value);
  EXPECT_EQ(PackOpener(key_, space, info).open_block(0, sealed).error().code, Code::Tampered);
}

TEST_F(Pack, SizesSayOnlyTheirClass) {
  SeededRandom random(6);
  for (const std::size_t blocks : {1, 4, 16}) {
    const auto size_of = [&](PackKind kind, PackBuilder::Size size) {
      return make(random, blocks, 60'000, kind, size).pack.object->size();
    };
    EXPECT_EQ(size_of(PackKind::data, PackBuilder::Size::full), 16u * 1024 * 1024);
    EXPECT_EQ(size_of(PackKind::nodes, PackBuilder::Size::full), 16u * 1024 * 1024);
    const std::size_t last = size_of(PackKind::data, PackBuilder::Size::padme);
    EXPECT_GE(last, pack_bytes_min);
    EXPECT_EQ(padme(last), last);
  }
  PackBuilder index(PackKind::index);
  index.set_extra(Bytes(100'000));
  const SealedPack sealed =
      std::move(index).finish(key_, space, epoch, PackBuilder::Size::power_of_two, random).value();
  EXPECT_EQ(sealed.object->size(), 128u * 1024);
  EXPECT_EQ(sealed.info.kind, PackKind::index);
}

TEST_F(Pack, PadmeCostsAtMostTwelvePercent) {
  EXPECT_TRUE(rc::check([] {
    const auto size = *rc::gen::inRange<std::size_t>(1, pack_bytes_max + 1);
    const std::size_t out = padme(size);
    RC_ASSERT(out >= size && out <= pack_bytes_max);
    RC_ASSERT(out - size <= size * 12 / 100);
    RC_ASSERT(padme(out) == out);
  }));
  EXPECT_EQ(padme(9), 10u);  // of the paper's table
  EXPECT_EQ(padme(1'000'000), 1'015'808u);
}

TEST_F(Pack, IsFilledToItsLastByte) {
  SeededRandom random(7);
  for (const std::size_t chunks : {std::size_t{1}, block_chunks_max}) {  // directories of some KiB and of some MiB
    PackBuilder builder(PackKind::data);
    const std::vector<std::size_t> sizes(chunks, 1'000'000 / chunks);
    for (;;) {
      CompressedBlock block = any_block(random, sizes, false);
      if (!builder.has_room_for(block)) break;
      builder.add(std::move(block));
    }
    // Around a length of the directory that takes more bytes to write down.
    for (std::size_t size = 500'000; size > 0; size /= 2) {
      const std::size_t one[] = {size};
      CompressedBlock block = any_block(random, one, false);
      if (builder.has_room_for(block)) builder.add(std::move(block));
    }
    EXPECT_GT(builder.bytes_used(), pack_bytes_max - 100);
    const SealedPack sealed = std::move(builder).finish(key_, space, epoch, PackBuilder::Size::full, random).value();
    EXPECT_EQ(sealed.object->size(), pack_bytes_max);
    EXPECT_TRUE(open(sealed.object->joined(), sealed.info.object));
  }
}

TEST_F(Pack, APackTakesAnyBlockThatAWriterJoins) {
  SeededRandom random(8);
  const std::size_t large[] = {chunk_bytes_max};
  EXPECT_TRUE(PackBuilder(PackKind::data).has_room_for(any_block(random, large, false)));
  const std::vector<std::size_t> many(block_chunks_max, block_bytes_joined_max / block_chunks_max);
  EXPECT_TRUE(PackBuilder(PackKind::data).has_room_for(any_block(random, many, false)));
}

TEST_F(Pack, ALongDirectoryIsReadInWholeWindows) {
  SeededRandom random(9);
  PackBuilder builder(PackKind::data);
  const std::vector<std::size_t> sizes(6000, 10);
  builder.add(any_block(random, sizes, true));
  const SealedPack sealed = std::move(builder).finish(key_, space, epoch, PackBuilder::Size::full, random).value();
  const Bytes whole = sealed.object->joined();
  const ByteView object = whole;
  const PackHeader header = read_header(object, sealed.info.object).value();
  const auto first = open_directory(key_, space, header, object.size(), object.last(pack_tail_bytes)).value();
  ASSERT_TRUE(std::holds_alternative<NeedMore>(first));
  const std::size_t wanted = std::get<NeedMore>(first).tail_bytes;
  EXPECT_EQ(wanted, 4 * pack_tail_bytes);
  const auto second = open_directory(key_, space, header, object.size(), object.last(wanted)).value();
  ASSERT_TRUE(std::holds_alternative<PackDirectory>(second));
  EXPECT_EQ(std::get<PackDirectory>(second).chunks, sealed.chunks);
}

TEST_F(Pack, ADirectoryThatDoesNotFitIsRefused) {
  SeededRandom random(10);
  const Made made = make(random, 3, 300);
  const ByteView object = made.object;
  const PackHeader header = read_header(object, made.pack.info.object).value();
  const auto opened = open_directory(key_, space, header, object.size(), object).value();
  const PackDirectory good = std::get<PackDirectory>(opened);
  const auto refuses = [&](const auto& change) {
    PackDirectory bad = good;
    change(bad);
    return !info_of(header, bad, object.size(), Hash());
  };
  EXPECT_FALSE(refuses([](PackDirectory&) {}));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.pad.value += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.blocks[0].stored.value += 1; }));
  EXPECT_TRUE(
      refuses([](PackDirectory& d) { d.blocks[0].stored.value += 1, d.pad.value -= 1, d.blocks[0].plain.value = 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.blocks[0].plain.value += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.blocks[0].plain.value = chunk_bytes_max + 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.blocks.pop_back(); }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks.pop_back(), d.pad.value += 40; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { std::swap(d.chunks.front(), d.chunks.back()); }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks[0].offset.value += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks[0].length.value += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks.back().length.value += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks.back().block += 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.chunks.back().length.value = 0; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.extra = {1}, d.pad.value -= 1; }));
  EXPECT_TRUE(refuses([](PackDirectory& d) { d.kind = PackKind::index; }));
  EXPECT_FALSE(info_of(header, good, object.size() + 1, Hash()));
  EXPECT_FALSE(check_blocks(std::vector<BlockSize>(pack_blocks_max + 1, BlockSize{{17}, {1}})));
  EXPECT_FALSE(check_blocks(std::vector<BlockSize>{{{16}, {1}}}));
}

TEST_F(Pack, ACopiedRandomStateRepeatsNoKey) {
  const auto made_of = [&](std::uint8_t content) {
    SeededRandom copied(11);
    PackBuilder builder(PackKind::data);
    ChunkId id;
    id.bytes.fill(content);
    builder.add(compress_block(Bytes(1000, content), {{id, 0, {0}, {1000}}}, 1));
    return std::move(builder).finish(key_, space, epoch, PackBuilder::Size::padme, copied).value();
  };
  const SealedPack a = made_of(1), b = made_of(2);
  EXPECT_EQ(a.info.object, b.info.object);
  EXPECT_NE(a.info.salt, b.info.salt);
  EXPECT_EQ(made_of(1).object->joined(), a.object->joined());
}

TEST_F(Pack, DrawnBeforeOrByTheWayIsTheSame) {
  const std::size_t sizes[] = {100};
  const auto finish = [&](bool before) {
    SeededRandom content(12), random(13);
    PackBuilder builder(PackKind::data);
    builder.add(any_block(content, sizes, true));
    PackRandom drawn(random);
    SeededRandom again(13);
    Random& used = before ? static_cast<Random&>(drawn) : again;
    return std::move(builder).finish(key_, space, epoch, PackBuilder::Size::padme, used).value().object->joined();
  };
  EXPECT_EQ(crypto::sha256(finish(true)), crypto::sha256(finish(false)));
}

TEST_F(Pack, APackThatDoesNotOpenIsNotSent) {
  SeededRandom random(14);
  const Made made = make(random, 2, 300);
  const ByteView whole = made.object;
  const auto header = read_header(whole, made.pack.info.object).value();
  const auto opened = std::get<PackDirectory>(open_directory(key_, space, header, whole.size(), whole).value());
  const auto check = [&](ByteView object, const PackDirectory& expected) {
    const std::size_t tail_at = made.pack.info.block_offset(2) + crypto::tag_size + opened.pad.value;
    return check_own_pack(key_, space, made.pack.info.object, object.first(pack_header_bytes), object.size(),
                          object.subspan(tail_at), expected);
  };
  EXPECT_TRUE(check(whole, opened));
  for (const std::size_t at : {std::size_t{50}, whole.size() - 10, whole.size() - 60}) {
    Bytes damaged = made.object;
    damaged[at] ^= 1;
    EXPECT_EQ(check(damaged, opened).error().code, Code::SelfCheckFailed) << at;
  }
  PackDirectory other = opened;
  other.chunks.back().id.bytes[0] ^= 1;
  EXPECT_EQ(check(whole, other).error().code, Code::SelfCheckFailed);
}

TEST_F(Pack, HeadersOfOthersAreRefused) {
  SeededRandom random(15);
  const Made made = make(random, 1, 300);
  const ObjectId id = made.pack.info.object;
  EXPECT_EQ(pack_header_bytes, encode(PackHeader()).size());
  EXPECT_EQ(read_header(ByteView(made.object).first(pack_header_bytes - 1), id).error().code, Code::Malformed);
  EXPECT_EQ(read_header(made.object, random.make<ObjectId>()).error().code, Code::Tampered);
  Bytes other = made.object;
  other[5] = 2;
  EXPECT_EQ(read_header(other, id).error().code, Code::Malformed);
}

}  // namespace
}  // namespace holdfast::space
