#include "space/tree_mark.h"

#include "space/tree_nodes.h"

namespace holdfast::space {

namespace {

// The nodes and data chunks that one node names. What a node is stands in itself, so its parent need not say.
class Named {
 public:
  std::vector<ChunkId> nodes, data;

  void operator()(const std::vector<TreeEntry>& entries) {
    for (const TreeEntry& entry : entries) {
      if (const auto* attributes = std::get_if<AttributesChunk>(&entry.attributes)) data.push_back(attributes->id);
      if (const auto* folder = entry.directory()) nodes.push_back(folder->root);
      const FileContent* file = entry.file();
      if (file == nullptr) continue;
      if (const auto* one = std::get_if<OneChunk>(&file->data)) data.push_back(one->id);
      if (const auto* manifest = std::get_if<ManifestRoot>(&file->data)) nodes.push_back(manifest->root);
    }
  }
  void operator()(const std::vector<Snapshot>& snapshots) {
    for (const Snapshot& snapshot : snapshots) nodes.push_back(snapshot.root);
  }
  void operator()(const std::vector<NamedChild>& children) {
    for (const NamedChild& child : children) nodes.push_back(child.node);
  }
  void operator()(const std::vector<ManifestEntry>& pieces) {
    for (const ManifestEntry& piece : pieces)
      if (const auto* chunk = std::get_if<ChunkExtent>(&piece.extent)) data.push_back(chunk->id);
  }
  void operator()(const std::vector<ManifestChild>& children) {
    for (const ManifestChild& child : children) nodes.push_back(child.node);
  }
};

}  // namespace

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
    Named named;
    std::visit(named, node.items);
    for (const ChunkId& data : named.data) HF_OK(visit(ChunkKind::data, data));
    const std::size_t before = waiting.size();
    for (auto below = named.nodes.rbegin(); below != named.nodes.rend(); ++below) wait_for(*below);
    source.prefetch(std::span(waiting).subspan(before));
  }
  return {};
}

}  // namespace holdfast::space
