// The chunker and chunk ids.
#include <benchmark/benchmark.h>

#include "space/pack_test_support.h"

namespace holdfast::space {
namespace {

using testing::key_of;
using testing::SeededRandom;

void cut(benchmark::State& state, const Bytes& data) {
  const Chunker chunker(key_of<ChunkerKey>(1));
  std::int64_t chunks = 0;
  for (auto _ : state)
    for (std::size_t at = 0; at < data.size(); ++chunks) at += chunker.cut(ByteView(data).subspan(at));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
  state.counters["chunk_bytes"] =
      static_cast<double>(state.iterations()) * static_cast<double>(data.size()) / static_cast<double>(chunks);
}
void ChunkerRandom(benchmark::State& state) { cut(state, SeededRandom(1).bytes(64 * 1024 * 1024)); }
BENCHMARK(ChunkerRandom)->Unit(benchmark::kMillisecond);
void ChunkerText(benchmark::State& state) { cut(state, SeededRandom(1).text(64 * 1024 * 1024)); }
BENCHMARK(ChunkerText)->Unit(benchmark::kMillisecond);

void ChunkIdOf(benchmark::State& state) {
  const crypto::Hmac key(key_of<ChunkIdKey>(1));
  const Bytes chunk = SeededRandom(1).bytes(static_cast<std::size_t>(state.range()));
  for (auto _ : state) benchmark::DoNotOptimize(chunk_id(key, ChunkKind::data, chunk));
  state.SetBytesProcessed(state.iterations() * state.range());
}
BENCHMARK(ChunkIdOf)->Arg(256)->Arg(16 * 1024)->Arg(chunk_bytes_mean);

}  // namespace
}  // namespace holdfast::space
