// Commits: the codec both ways, sealing and opening. A content commit has one signature, a snapshot's two (D9).
#include <benchmark/benchmark.h>

#include "tests/formats/world.h"

namespace holdfast::space {
namespace {

// What the space's next commit after its genesis says: a state with `segments` index segments.
struct World : formats::ExampleSpace {
  CommitBody body;

  explicit World(CommitKind kind, std::size_t segments = 8) {
    body.space = made_space.secrets.space;
    body.seq = 2;
    body.prev = api::entry_hash(made_space.genesis);
    body.kind = kind;
    body.time_ns = formats::example_time_ns;
    body.author = {chain.account, seeds.id, chain.n, chain.head, 2};
    body.record = identity::no_record();
    for (std::size_t i = 0; i < segments; ++i) {
      SegmentRef& ref = body.state.index.emplace_back();
      ref.account = chain.account;
      ref.mac = random.make<Hash>();
      ref.objects.push_back({random.make<ObjectId>(), random.make<Hash>()});
    }
  }
  [[nodiscard]] api::Entry seal() { return seal_commit(body, keys, made_space.boxes_id, device, random).value(); }
};

void CommitEncode(benchmark::State& state) {
  const World world(CommitKind::snapshot);
  for (auto _ : state) benchmark::DoNotOptimize(encode(world.body));
}
BENCHMARK(CommitEncode);

void CommitDecode(benchmark::State& state) {
  const Bytes bytes = encode(World(CommitKind::snapshot).body);
  for (auto _ : state) benchmark::DoNotOptimize(decode<CommitBody>(bytes, "a commit"));
}
BENCHMARK(CommitDecode);

CommitKind kind_of(const benchmark::State& state) {
  return state.range() != 0 ? CommitKind::snapshot : CommitKind::content;
}

void CommitSeal(benchmark::State& state) {
  World world(kind_of(state));
  for (auto _ : state) benchmark::DoNotOptimize(world.seal());
}
BENCHMARK(CommitSeal)->ArgName("hybrid")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void CommitOpen(benchmark::State& state) {
  World world(kind_of(state));
  const api::Entry entry = world.seal();
  for (auto _ : state) {
    const auto sealed = decode<SealedCommit>(entry.blob, "a commit");
    benchmark::DoNotOptimize(open_commit(entry, *sealed, world.keys));
  }
}
BENCHMARK(CommitOpen)->ArgName("hybrid")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

void CommitVerify(benchmark::State& state) {
  World world(kind_of(state));
  const api::Entry entry = world.seal();
  const auto plain = open_commit(entry, decode<SealedCommit>(entry.blob, "a commit").value(), world.keys).value();
  const Authority authority{world.made_space.secrets.members, world.chain, 0};
  if (!verify_commit(plain, authority)) std::abort();
  for (auto _ : state) benchmark::DoNotOptimize(verify_commit(plain, authority));
}
BENCHMARK(CommitVerify)->ArgName("hybrid")->Arg(0)->Arg(1)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace holdfast::space
