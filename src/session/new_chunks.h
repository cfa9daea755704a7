// Chunks that a commit is to bring: readable at once, over those that the space has already.
#pragma once

#include <unordered_map>
#include <vector>

#include "session/reader.h"

namespace holdfast::session {

class NewChunks final : public space::ChunkSource {
 public:
  // `below` has what was there before; both outlive this.
  NewChunks(SpaceSession& space, space::ChunkSource& below) : space_(space), below_(below) {}

  [[nodiscard]] const space::RootKeys& root_keys() const { return space_.root_keys(); }
  space::NodeSink sink(space::ChunkKind kind);  // as long as this lives
  Result<Bytes> chunk(space::ChunkKind kind, const ChunkId& id) override;
  void prefetch(std::span<const ChunkId> ids) override { below_.prefetch(ids); }

  // What these trees need of them and the space does not have, in the order of making. Steps on the way to a tree leave
  // nodes that nothing refers to.
  [[nodiscard]] Result<std::vector<space::InlineChunk>> needed_by(std::vector<space::Root> roots) const;

 private:
  SpaceSession& space_;
  space::ChunkSource& below_;
  std::vector<std::pair<ChunkId, space::InlineChunk>> made_;
  std::unordered_map<ChunkId, std::size_t, FixedBytesHash> places_;
};

}  // namespace holdfast::session
