// The index: look-ups in one mapped segment that is all in memory; bench/index.cpp measures memory and page faults.
#include <benchmark/benchmark.h>

#include <map>

#include "bench/synthetic_index.h"
#include "space/chunk_set.h"

namespace holdfast::bench {
namespace {

using space::testing::SeededRandom;

constexpr std::size_t chunks_a_block = 16;
constexpr std::size_t asked = 1 << 16;

struct Index {
  Bytes file;
  space::SegmentView view;
  std::vector<ChunkId> hits, misses;
};

// Made once for each size.
const Index& index_of(std::int64_t records) {
  static std::map<std::int64_t, Index> made;
  Index& index = made[records];
  if (index.file.empty()) {
    SeededRandom random(1);
    index.file =
        space::encode_local_segment(synthetic_upload(random, static_cast<std::size_t>(records), chunks_a_block));
    index.view = space::SegmentView::over(index.file).value();
    for (std::size_t i = 0; i < asked; ++i) {
      index.hits.push_back(id_of(index.view.record(random.below(index.view.records()))));
      index.misses.push_back(random.make<ChunkId>());
    }
  }
  return index;
}

void look_up(benchmark::State& state, const Index& index, const std::vector<ChunkId>& ids) {
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.view.find(ids[next++ % ids.size()]));
}
void IndexHit(benchmark::State& state) { look_up(state, index_of(state.range()), index_of(state.range()).hits); }
BENCHMARK(IndexHit)->Arg(100'000)->Arg(10'000'000);
void IndexMiss(benchmark::State& state) { look_up(state, index_of(state.range()), index_of(state.range()).misses); }
BENCHMARK(IndexMiss)->Arg(100'000)->Arg(10'000'000);

// What one upload keeps of the chunks that it has seen.
void ChunkSetInsert(benchmark::State& state) {
  SeededRandom random(2);
  std::vector<ChunkId> ids(static_cast<std::size_t>(state.range()));
  for (ChunkId& id : ids) id = random.make<ChunkId>();
  for (auto _ : state) {
    space::ChunkSet set;
    for (const ChunkId& id : ids) set.insert(id);
    benchmark::DoNotOptimize(set.size());
  }
  state.SetItemsProcessed(state.iterations() * state.range());
}
BENCHMARK(ChunkSetInsert)->Arg(100'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace holdfast::bench
