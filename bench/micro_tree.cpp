// Tree nodes: the codec both ways, and the building of a directory.
#include <benchmark/benchmark.h>

#include "space/tree_test_support.h"

namespace holdfast::space {
namespace {

using testing::a_file;
using testing::SeededRandom;
using testing::test_root_keys;

// As many files as one directory has, sorted, with names and sizes like those of a source tree.
std::vector<TreeEntry> files(std::size_t count) {
  SeededRandom random(1);
  std::vector<TreeEntry> out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string number = std::to_string(i);
    number.insert(0, 8 - number.size(), '0');
    out.push_back(a_file("driver-" + number + ".c", random.between(1, 40'000), 1'700'000'000'000'000'000));
    out.back().user = out.back().group = "root";
  }
  return out;
}

constexpr std::size_t entries_of_a_node = 500;  // about 64 KiB

void of_entries(benchmark::State& state, std::size_t entries, std::size_t bytes) {
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(entries));
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

void NodeEncode(benchmark::State& state) {
  const Node node{0, files(entries_of_a_node)};
  for (auto _ : state) benchmark::DoNotOptimize(encode(node));
  of_entries(state, entries_of_a_node, encode(node).size());
}
BENCHMARK(NodeEncode);

void NodeDecode(benchmark::State& state) {
  const Bytes bytes = encode(Node{0, files(entries_of_a_node)});
  for (auto _ : state) benchmark::DoNotOptimize(decode<Node>(bytes, "a node"));
  of_entries(state, entries_of_a_node, bytes.size());
}
BENCHMARK(NodeDecode);

void TreeBuild(benchmark::State& state) {  // argument: entries of the directory
  const RootKeys keys = test_root_keys();
  const auto entries = files(static_cast<std::size_t>(state.range()));
  std::size_t bytes = 0;
  for (auto _ : state) {
    bytes = 0;
    TreeBuilder<TreeEntry> builder(keys, [&](const ChunkId&, Bytes node) -> Status {
      bytes += node.size();
      return {};
    });
    for (const TreeEntry& entry : entries)
      if (!builder.add(entry)) std::abort();
    benchmark::DoNotOptimize(builder.finish());
  }
  of_entries(state, entries.size(), bytes);
}
BENCHMARK(TreeBuild)->Arg(20)->Arg(10'000)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace holdfast::space
