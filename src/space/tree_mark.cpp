#include "space/tree_mark.h"

#include <ranges>

#include "space/tree_nodes.h"

namespace holdfast::space {

namespace {

bool is_lost(Code code) { return code == Code::Missing || code == Code::Tampered || code == Code::Malformed; }

}  // namespace

Status mark_tree(ChunkSource& source, const Root& root, ChunkSet& seen,
                 const std::function<Status(ChunkKind kind, const ChunkId& id)>& visit,
                 const std::function<Status(const Error& error)>& lost) {
  std::vector<ChunkId> waiting;  // the next one last
  const auto wait_for = [&](const ChunkId& node) {
    if (!node.is_zero() && !seen.contains(node)) waiting.push_back(node);
  };
  wait_for(root);
  while (!waiting.empty()) {
    const ChunkId id = waiting.back();
    waiting.pop_back();
    if (seen.contains(id)) continue;  // it waited twice
    HF_OK(visit(ChunkKind::node, id));
    const auto read = load_node(source, id);
    if (!read && lost && is_lost(read.error().code)) {
      HF_OK(lost(read.error()));
      continue;
    }
    HF_TRY(const Node& node, read);
    seen.insert(id);  // a lost one is not: it may be there when it is asked for again
    const auto references = references_of(node);
    for (const ReferredChunk& chunk : references)
      if (chunk.kind == ChunkKind::data) HF_OK(visit(ChunkKind::data, chunk.id));
    const std::size_t before = waiting.size();
    for (const ReferredChunk& below : std::views::reverse(references))
      if (below.kind == ChunkKind::node) wait_for(below.id);
    source.prefetch(std::span(waiting).subspan(before));
  }
  return {};
}

}  // namespace holdfast::space
