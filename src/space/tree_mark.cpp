#include "space/tree_mark.h"

#include <ranges>

#include "space/tree_nodes.h"

namespace holdfast::space {

Status mark_tree(ChunkSource& source, const Root& root, ChunkSet& seen,
                 const std::function<Status(ChunkKind kind, const ChunkId& id)>& visit) {
  std::vector<ChunkId> waiting;  // the next one last
  const auto wait_for = [&](const ChunkId& node) {
    if (!node.is_zero() && seen.insert(node)) waiting.push_back(node);
  };
  wait_for(root);
  while (!waiting.empty()) {
    const ChunkId id = waiting.back();
    waiting.pop_back();
    HF_OK(visit(ChunkKind::node, id));
    HF_TRY(const Node node, load_node(source, id));
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
