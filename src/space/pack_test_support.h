// What the tests of chunks, packs, segments and ingest share. Included by *_test.cpp only.
#pragma once

#include <deque>
#include <stdexcept>
#include <string>

#include "base/workers.h"
#include "space/packer.h"
#include "space/segment.h"

namespace holdfast::space::testing {

class SeededRandom final : public Random {
 public:
  explicit SeededRandom(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {  // splitmix64
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  std::size_t below(std::size_t end) { return next() % end; }
  std::size_t between(std::size_t low, std::size_t high) { return low + below(high - low + 1); }
  void fill(std::span<std::uint8_t> out) override {
    for (std::size_t at = 0; at < out.size(); at += 8) {
      const std::uint64_t word = next();
      std::memcpy(&out[at], &word, std::min<std::size_t>(8, out.size() - at));
    }
  }
  Bytes bytes(std::size_t size) {
    Bytes out(size);
    fill(out);
    return out;
  }
  Bytes text(std::size_t size) {  // shrinks to about a third
    static constexpr std::string_view words[] = {"static ", "const ", "return ",   "struct ", "if (",
                                                 ");\n",    "0x",     "unsigned ", "\t\t",    "->"};
    Bytes out;
    while (out.size() < size) {
      append(out, as_bytes(words[below(std::size(words))]));
      out.push_back(static_cast<std::uint8_t>('a' + below(26)));
    }
    out.resize(size);
    return out;
  }

 private:
  std::uint64_t state_;
};

// Runs a job when its completion is asked for, in an order that the seed chooses.
class SeededWorkers final : public Workers {
 public:
  explicit SeededWorkers(std::uint64_t seed) : seed_(seed) {}
  std::unique_ptr<WorkQueue> queue() override { return std::make_unique<Queue>(seed_); }
  [[nodiscard]] unsigned count() const override { return 2; }

 private:
  class Queue final : public WorkQueue {
   public:
    explicit Queue(std::uint64_t seed) : random_(seed) {}
    RequestId submit(std::move_only_function<void()> job) override {
      jobs_.emplace_back(++last_, std::move(job));
      return last_;
    }
    RequestId next() override {
      const auto at = jobs_.begin() + static_cast<std::ptrdiff_t>(random_.below(jobs_.size()));
      auto [request_id, job] = std::move(*at);
      jobs_.erase(at);
      job();
      return request_id;
    }
    [[nodiscard]] std::size_t in_flight() const override { return jobs_.size(); }

   private:
    SeededRandom random_;
    RequestId last_ = 0;
    std::deque<std::pair<RequestId, std::move_only_function<void()>>> jobs_;
  };
  std::uint64_t seed_;
};

// Secrets that are the same in every run.
template <class Key>
Key key_of(std::uint8_t first) {
  Bytes bytes(Key::size);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(first + i);
  return Key::copy_of(bytes);
}

inline SpaceId space_of(std::uint8_t byte) {
  SpaceId out;
  out.bytes.fill(byte);
  return out;
}

// A block of chunks of these sizes, with random ids. Its plain bytes go to `plain`, if that is given.
inline CompressedBlock any_block(SeededRandom& random, std::span<const std::size_t> sizes, bool shrinks,
                                 Bytes* plain = nullptr) {
  std::vector<PackedChunk> chunks;
  std::size_t total = 0;
  for (const std::size_t size : sizes) {
    chunks.push_back(
        {random.make<ChunkId>(), 0, {static_cast<std::uint32_t>(total)}, {static_cast<std::uint32_t>(size)}});
    total += size;
  }
  Bytes bytes = shrinks ? random.text(total) : random.bytes(total);
  if (plain != nullptr) *plain = bytes;
  return compress_block(std::move(bytes), std::move(chunks), 1);
}

struct SealedSegment {
  std::vector<SealedPack> objects;
  std::uint64_t records = 0;
};
inline SealedSegment seal_whole(const Segment& segment, const crypto::PackKey& key, const SpaceId& space,
                                std::uint32_t epoch, Random& random) {
  SealedSegment out{{}, segment.records.size()};
  const auto deliver = [&](SealedPack object) {
    out.objects.push_back(std::move(object));
    return Status();
  };
  const Status sealed = seal_segment(segment, key, space, epoch, random, [] { return Status(); }, deliver);
  if (!sealed) throw std::runtime_error(sealed.error().sentence);
  return out;
}

}  // namespace holdfast::space::testing
