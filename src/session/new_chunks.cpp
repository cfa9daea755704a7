#include "session/new_chunks.h"

namespace holdfast::session {

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
    for (const space::ReferredChunk& chunk : space::references_of(node)) waiting.push_back(chunk.id);
  }
  std::vector<space::InlineChunk> out;
  for (std::size_t i = 0; i < made_.size(); ++i)
    if (needed[i] && !there(made_[i].first)) out.push_back(made_[i].second);
  return out;
}

}  // namespace holdfast::session
