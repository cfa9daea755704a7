#include "space/tree.h"

namespace holdfast::space {

namespace {

using References = std::vector<ReferredChunk>;

void refer(References& out, const Snapshot& snapshot) { out.push_back({ChunkKind::node, snapshot.root}); }
void refer(References& out, const NamedChild& child) { out.push_back({ChunkKind::node, child.node}); }
void refer(References& out, const ManifestChild& child) { out.push_back({ChunkKind::node, child.node}); }
void refer(References& out, const ManifestEntry& piece) {
  if (const auto* chunk = std::get_if<ChunkExtent>(&piece.extent))
    out.push_back({ChunkKind::data, chunk->id, chunk->length});
}
void refer(References& out, const TreeEntry& entry) {
  if (const auto* chunk = std::get_if<AttributesChunk>(&entry.attributes))
    out.push_back({ChunkKind::data, chunk->id, chunk->length});
  if (const auto* folder = entry.directory()) out.push_back({ChunkKind::node, folder->root});
  const FileContent* file = entry.file();
  if (file == nullptr) return;
  if (const auto* one = std::get_if<OneChunk>(&file->data))
    out.push_back({ChunkKind::data, one->id, static_cast<std::uint32_t>(file->size)});
  if (const auto* manifest = std::get_if<ManifestRoot>(&file->data)) out.push_back({ChunkKind::node, manifest->root});
}

}  // namespace

References references_of(const TreeEntry& entry) {
  References out;
  refer(out, entry);
  return out;
}

References references_of(const Node& node) {
  References out;
  std::visit(
      [&](const auto& items) {
        for (const auto& item : items) refer(out, item);
      },
      node.items);
  return out;
}

}  // namespace holdfast::space
