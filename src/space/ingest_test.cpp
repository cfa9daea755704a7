#include "space/ingest.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>
#include <set>

#include "base/system.h"
#include "space/pack_test_support.h"
#include "space/segment.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SeededRandom;
using testing::SeededWorkers;
using testing::space_of;

constexpr std::size_t mebi = 1024 * 1024;
constexpr std::uint32_t epoch = 1;
const SpaceId space = space_of(3);

struct Told {
  std::uint64_t token;
  ChunkId id;
  std::uint32_t length;
  friend bool operator==(const Told&, const Told&) = default;
};

// An upload into a space that keeps what is delivered.
class Upload {
 public:
  explicit Upload(Workers& workers, std::uint64_t seed = 1, IngestLimits limits = {}) : random_(seed) {
    ingest_.emplace(
        IngestContext{.chunk_id = chunk_id_key_,
                      .chunker = chunker_key_,
                      .pack_key = pack_key_,
                      .space = space,
                      .epoch = epoch,
                      .origin = "this device",
                      .workers = workers,
                      .random = random_,
                      .known = [this](const ChunkId& id) { return known_.contains(id) || delivered_.contains(id); },
                      .on_chunk = [this](std::uint64_t token, const ChunkId& id,
                                         std::uint32_t length) { return told(token, id, length); },
                      .before_pack = []() -> Status { return {}; },
                      .deliver = [this](SealedPack pack) -> Status {
                        if (refuse_packs_) return fail(Code::Unreachable, "no server");
                        for (const PackedChunk& chunk : pack.chunks) delivered_.insert(chunk.id);
                        packs_.push_back(std::move(pack));
                        return {};
                      }},
        limits);
  }

  // Reads in windows as backup does; each file has a token.
  Status add_file(std::uint64_t token, ByteView content, std::size_t window = 5 * mebi) {
    files_[token] = to_bytes(content);
    if (content.size() <= chunk_bytes_min) return ingest_->add_chunk(token, to_bytes(content));
    for (std::size_t at = 0; at < content.size();) {
      const std::size_t size = std::min(window, content.size() - at);
      HF_TRY(const std::size_t taken,
             ingest_->add_window(token, content.subspan(at, size), at + size == content.size()));
      if (taken == 0) return fail(Code::Internal, "no progress");
      at += taken;
    }
    return {};
  }

  // Every chunk of what was delivered, opened as a restore does: index, then blocks.
  std::map<ChunkId, Bytes> restored() const {
    std::map<ChunkId, Bytes> out;
    const Segment segment = make_segment(packs_);
    const Bytes file = encode_local_segment(segment);
    const SegmentView view = SegmentView::over(file).value();
    for (const SealedPack& pack : packs_) {
      const PackOpener opener(pack_key_, space, pack.info);
      const auto kind = pack.info.kind == PackKind::nodes ? ChunkKind::node : ChunkKind::data;
      std::map<std::uint16_t, Bytes> blocks;
      for (const PackedChunk& chunk : pack.chunks) {
        const Record record = view.find(chunk.id).value();
        EXPECT_EQ(view.pack(record.pack).value().object, pack.info.object);
        if (!blocks.contains(record.block)) {
          Bytes sealed(pack.info.blocks[record.block].stored.value);
          pack.object->read_at(pack.info.block_offset(record.block), sealed);
          blocks[record.block] = opener.open_block(record.block, sealed).value();
        }
        const ByteView bytes = ByteView(blocks[record.block]).subspan(record.offset.value, record.length.value);
        EXPECT_TRUE(check_chunk(chunk_id_key_, kind, chunk.id, bytes));
        EXPECT_TRUE(out.emplace(chunk.id, to_bytes(bytes)).second) << "sent twice";
      }
    }
    return out;
  }

  // The files as on_chunk and the packs together give them.
  std::map<std::uint64_t, Bytes> files_restored() const {
    const auto chunks = restored();
    std::map<std::uint64_t, Bytes> out;
    for (const Told& told : told_) append(out[told.token], chunks.at(told.id));
    return out;
  }

  Status told(std::uint64_t token, const ChunkId& id, std::uint32_t length) {
    told_.push_back({token, id, length});
    if (fail_at_ == told_.size()) return fail(Code::IoError, "the tree could not be built");
    if (node_for_each_chunk_) return add_node(encode(token));
    return {};
  }
  Status add_node(Bytes node) {
    const ChunkId id = chunk_id(chunk_id_key_, ChunkKind::node, node);
    nodes_[id] = node;
    return ingest_->add_node(id, std::move(node));
  }

  SeededRandom random_;
  crypto::Hmac chunk_id_key_{key_of<ChunkIdKey>(1)};
  ChunkerKey chunker_key_ = key_of<ChunkerKey>(2);
  crypto::PackKey pack_key_ = key_of<crypto::PackKey>(3);
  std::set<ChunkId> known_, delivered_;
  std::map<std::uint64_t, Bytes> files_;
  std::map<ChunkId, Bytes> nodes_;
  std::vector<Told> told_;
  std::vector<SealedPack> packs_;
  std::size_t fail_at_ = 0;
  bool node_for_each_chunk_ = false, refuse_packs_ = false;
  std::optional<Ingest> ingest_;
};

// A tree of files: many small, some with equal content, a few that are cut into chunks.
std::vector<Bytes> any_files(SeededRandom& random, std::size_t count) {
  std::vector<Bytes> out;
  for (std::size_t i = 0; i < count; ++i) {
    if (!out.empty() && random.below(5) == 0) {
      out.push_back(out[random.below(out.size())]);
    } else {
      const std::size_t size = random.below(40) == 0 ? random.between(mebi / 2, 7 * mebi)
                                                     : random.between(1, random.below(4) == 0 ? 200'000 : 5'000);
      out.push_back(random.below(2) == 0 ? random.text(size) : random.bytes(size));
    }
  }
  return out;
}

TEST(Ingest, TreesComeBackWhateverTheOrderOfTheWorkers) {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    SeededRandom random(seed);
    SeededWorkers workers(seed);
    Upload upload(workers, seed,
                  {.bytes_held_max = seed % 3 == 0 ? mebi : 16 * mebi, .packs_sealing_max = 1 + seed % 2});
    upload.node_for_each_chunk_ = seed % 2 == 0;
    std::uint64_t token = 0;
    for (const Bytes& file : any_files(random, 150)) ASSERT_TRUE(upload.add_file(token++, file));
    for (int i = 0; i < 20; ++i) ASSERT_TRUE(upload.add_node(random.text(random.between(1, 60'000))));
    ASSERT_TRUE(upload.ingest_->finish());
    EXPECT_EQ(upload.files_restored(), upload.files_) << "seed " << seed;
    const auto chunks = upload.restored();
    for (const auto& [id, node] : upload.nodes_) EXPECT_EQ(chunks.at(id), node);
    for (const SealedPack& pack : upload.packs_) {
      for (const PackedChunk& chunk : pack.chunks)
        EXPECT_EQ(upload.nodes_.contains(chunk.id), pack.info.kind == PackKind::nodes);
    }
    EXPECT_EQ(upload.ingest_->stats().bytes_held, 0u);
  }
}

TEST(Ingest, WorksOnRealThreads) {
  const auto workers = system_workers(3);
  SeededRandom random(1);
  Upload upload(*workers);
  upload.node_for_each_chunk_ = true;
  std::uint64_t token = 0;
  for (const Bytes& file : any_files(random, 400)) ASSERT_TRUE(upload.add_file(token++, file));
  ASSERT_TRUE(upload.ingest_->finish());
  EXPECT_EQ(upload.files_restored(), upload.files_);
}

TEST(Ingest, AnswersComeInTheOrderOfAdding) {
  SeededRandom random(2);
  SeededWorkers workers(2);
  Upload upload(workers);
  for (std::uint64_t token = 0; token < 3000; ++token)
    ASSERT_TRUE(upload.add_file(token, random.bytes(random.between(1, 3000))));
  EXPECT_LT(upload.told_.size(), 3000u);
  ASSERT_TRUE(upload.ingest_->settle());
  ASSERT_EQ(upload.told_.size(), 3000u);
  for (std::uint64_t token = 0; token < 3000; ++token) {
    const Bytes& file = upload.files_[token];
    EXPECT_EQ(upload.told_[token], (Told{token, chunk_id(upload.chunk_id_key_, ChunkKind::data, file),
                                         static_cast<std::uint32_t>(file.size())}));
  }
}

// Promise: what is sent depends on what was added and on Random, not on the scheduling of the workers.
TEST(Ingest, EqualInputGivesEqualPacks) {
  SeededRandom random(3);
  const auto files = any_files(random, 200);
  const auto packs_with = [&](Workers& workers) {
    Upload upload(workers);
    upload.node_for_each_chunk_ = true;
    std::uint64_t token = 0;
    for (const Bytes& file : files) EXPECT_TRUE(upload.add_file(token++, file));
    EXPECT_TRUE(upload.ingest_->finish());
    std::vector<Hash> out;
    for (const SealedPack& pack : upload.packs_) out.push_back(pack.info.sha256);
    return out;
  };
  SeededWorkers first(1), second(2);
  const auto threads = system_workers(2);
  const auto expected = packs_with(first);
  EXPECT_GE(expected.size(), 2u);
  EXPECT_EQ(packs_with(second), expected);
  EXPECT_EQ(packs_with(*threads), expected);
}

TEST(Ingest, NothingIsSentTwiceNorWhatTheIndexHas) {
  SeededRandom random(4);
  SeededWorkers workers(4);
  Upload upload(workers);
  const Bytes a = random.bytes(3000), b = random.bytes(3000), large = random.bytes(9 * mebi);
  upload.known_.insert(chunk_id(upload.chunk_id_key_, ChunkKind::data, b));
  for (std::uint64_t token = 0; token < 50; ++token) ASSERT_TRUE(upload.add_file(token, token % 2 == 0 ? a : b));
  for (std::uint64_t token = 50; token < 53; ++token) ASSERT_TRUE(upload.add_file(token, large));
  ASSERT_TRUE(upload.add_node({1, 2, 3}));
  ASSERT_TRUE(upload.add_node({1, 2, 3}));
  ASSERT_TRUE(upload.ingest_->finish());
  const IngestStats& stats = upload.ingest_->stats();
  EXPECT_EQ(stats.bytes_new, a.size() + large.size());
  EXPECT_EQ(stats.bytes, 25 * a.size() + 25 * b.size() + 3 * large.size());
  EXPECT_EQ(stats.nodes, 2u);
  EXPECT_EQ(stats.nodes_new, 1u);
  EXPECT_EQ(stats.chunks, upload.told_.size());
  EXPECT_EQ(stats.packs, 2u);
  std::size_t stored = 0;
  for (const SealedPack& pack : upload.packs_) stored += pack.object->size();
  EXPECT_EQ(stats.bytes_stored, stored);
  EXPECT_FALSE(upload.restored().contains(*upload.known_.begin()));

  ASSERT_TRUE(upload.add_file(99, a));  // the same upload goes on after a partial commit
  ASSERT_TRUE(upload.ingest_->finish());
  EXPECT_EQ(upload.packs_.size(), 2u);
}

TEST(Ingest, BlocksJoinNeighboursUpToOneMebibyte) {
  SeededRandom random(5);
  SeededWorkers workers(5);
  Upload upload(workers);
  for (std::uint64_t token = 0; token < 400; ++token)
    ASSERT_TRUE(upload.add_file(token, random.bytes(random.between(1, 20'000))));
  ASSERT_TRUE(upload.add_file(400, random.bytes(12 * mebi)));
  for (std::uint64_t token = 401; token < 20'000; ++token) ASSERT_TRUE(upload.add_file(token, Bytes(encode(token))));
  ASSERT_TRUE(upload.ingest_->finish());
  ASSERT_EQ(upload.packs_.size(), 1u + (upload.packs_[0].object->size() == pack_bytes_max ? 1 : 0));
  std::size_t joined = 0;
  for (const SealedPack& pack : upload.packs_) {
    for (std::size_t block = 0; block < pack.info.blocks.size(); ++block) {
      const auto count = static_cast<std::size_t>(std::ranges::count(pack.chunks, block, &PackedChunk::block));
      EXPECT_TRUE(pack.info.blocks[block].plain.value <= block_bytes_joined_max || count == 1);
      EXPECT_LE(count, block_chunks_max);
      joined += count > 1 ? 1 : 0;
    }
  }
  EXPECT_GE(joined, 4u + 2u);
  EXPECT_EQ(upload.files_restored(), upload.files_);
}

TEST(Ingest, MemoryStaysBoundedBehindASlowPool) {
  SeededRandom random(6);
  SeededWorkers workers(6);  // runs nothing until it must
  const IngestLimits limits{.bytes_held_max = 6 * mebi, .packs_sealing_max = 1};
  Upload upload(workers, 6, limits);
  for (std::uint64_t token = 0; token < 60; ++token) {
    ASSERT_TRUE(upload.add_file(token, random.bytes(token % 7 == 0 ? 2 * mebi : 400'000)));
    EXPECT_LE(upload.ingest_->stats().bytes_held, limits.bytes_held_max);
  }
  ASSERT_TRUE(upload.ingest_->finish());
  EXPECT_LE(upload.ingest_->stats().bytes_held_most, limits.bytes_held_max + chunk_bytes_max);
  EXPECT_EQ(upload.files_restored(), upload.files_);
}

TEST(Ingest, AnErrorEndsItAndStays) {
  SeededRandom random(7);
  SeededWorkers workers(7);
  {
    Upload upload(workers);
    upload.refuse_packs_ = true;
    std::uint64_t token = 0;
    Status status;
    while (status && token < 100) status = upload.add_file(token++, random.bytes(mebi));
    ASSERT_FALSE(status);
    EXPECT_EQ(status.error().code, Code::Unreachable);
    EXPECT_EQ(upload.ingest_->finish().error().code, Code::Unreachable);
    EXPECT_EQ(upload.add_node({1}).error().code, Code::Unreachable);
    EXPECT_EQ(upload.ingest_->add_window(1, Bytes(10), true).error().code, Code::Unreachable);
    EXPECT_TRUE(upload.packs_.empty());
  }
  Upload upload(workers);
  upload.fail_at_ = 3;
  for (std::uint64_t token = 0; token < 10; ++token) ASSERT_TRUE(upload.add_file(token, random.bytes(10)));
  EXPECT_EQ(upload.ingest_->finish().error().code, Code::IoError);
  EXPECT_EQ(upload.told_.size(), 3u);
  EXPECT_TRUE(upload.packs_.empty());
}

TEST(Ingest, WhatIsTooLargeForAChunkIsRefused) {
  SeededWorkers workers(8);
  Upload upload(workers);
  EXPECT_EQ(upload.ingest_->add_chunk(1, Bytes(chunk_bytes_max + 1)).error().code, Code::TooLarge);
  EXPECT_EQ(upload.add_node(Bytes(chunk_bytes_max + 1)).error().code, Code::TooLarge);
  ASSERT_TRUE(upload.ingest_->add_chunk(1, Bytes(chunk_bytes_max)));
  ASSERT_TRUE(upload.ingest_->finish());
  EXPECT_EQ(upload.told_.size(), 1u);
}

TEST(Ingest, AnAbandonedUploadWaitsForItsJobsOnly) {
  const auto workers = system_workers(2);
  SeededRandom random(9);
  for (int round = 0; round < 20; ++round) {
    Upload upload(*workers);
    for (std::uint64_t token = 0; token < 30; ++token) ASSERT_TRUE(upload.add_file(token, random.bytes(100'000)));
  }
}

}  // namespace
}  // namespace holdfast::space
