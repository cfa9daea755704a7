#include "session/new_chunks.h"

namespace holdfast::session {

namespace {

// What one node refers to.
struct Referred {
  std::vector<ChunkId>& ids;

  void operator()(const space::TreeEntry& entry) const {
    if (const auto* folder = entry.directory()) ids.push_back(folder->root);
    if (const auto* file = entry.file()) {
      if (const auto* one = std::get_if<space::OneChunk>(&file->data)) ids.push_back(one->id);
      if (const auto* manifest = std::get_if<space::ManifestRoot>(&file->data)) ids.push_back(manifest->root);
    }
    if (const auto* chunk = std::get_if<space::AttributesChunk>(&entry.attributes)) ids.push_back(chunk->id);
  }
  void operator()(const space::Snapshot& snapshot) const { ids.push_back(snapshot.root); }
  void operator()(const space::NamedChild& child) const { ids.push_back(child.node); }
  void operator()(const space::ManifestEntry& entry) const {
    if (const auto* chunk = std::get_if<space::ChunkExtent>(&entry.extent)) ids.push_back(chunk->id);
  }
  void operator()(const space::ManifestChild& child) const { ids.push_back(child.node); }
};

}  // namespace

space::NodeSink NewChunks::sink(space::ChunkKind kind) {
  return [this, kind](const ChunkId& id, Bytes bytes) -> Status {
    if (places_.emplace(id, made_.size()).second) made_.emplace_back(id, space::InlineChunk{kind, std::move(bytes)});
    return {};
  };
}

Result<Bytes> NewChunks::chunk(space::ChunkKind kind, const ChunkId& id) {
  const auto made = places_.find(id);
  return made == places_.end() ? below_.chunk(kind, id) : made_[made->second].second.bytes;
}

Result<std::vector<space::InlineChunk>> NewChunks::needed_by(std::vector<space::Root> roots) const {
  const auto there = [&](const ChunkId& id) { return space_.inlined().contains(id) || space_.index().known(id); };
  std::vector<bool> needed(made_.size());
  std::vector<ChunkId> waiting = std::move(roots);
  while (!waiting.empty()) {
    const auto found = places_.find(waiting.back());
    waiting.pop_back();
    // What is below a node need not be there because the node is: a prune may have left a node that nothing refers to.
    if (found == places_.end() || needed[found->second]) continue;
    needed[found->second] = true;
    const space::InlineChunk& made = made_[found->second].second;
    if (made.kind != space::ChunkKind::node) continue;
    HF_TRY(const auto node, decode<space::Node>(made.bytes, "a node that was made"));
    std::visit(
        [&](const auto& items) {
          for (const auto& item : items) Referred{waiting}(item);
        },
        node.items);
  }
  std::vector<space::InlineChunk> out;
  for (std::size_t i = 0; i < made_.size(); ++i)
    if (needed[i] && !there(made_[i].first)) out.push_back(made_[i].second);
  return out;
}

}  // namespace holdfast::session
