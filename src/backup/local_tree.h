// A folder on disk as the tree that it would be in a space: to compare, nothing is sent.
#pragma once

#include <functional>
#include <memory>

#include "backup/backup.h"
#include "backup/intake.h"

namespace holdfast::backup {

class LocalTree final : public space::ChunkSource {
 public:
  explicit LocalTree(std::unique_ptr<KeptNodes> nodes) : nodes_(std::move(nodes)) {}
  // Nodes only: Missing for all else.
  Result<Bytes> chunk(space::ChunkKind kind, const ChunkId& id) override;
  void prefetch(std::span<const ChunkId>) override {}

  space::Root root;  // what is in the folder
  Problems problems;

 private:
  std::unique_ptr<KeptNodes> nodes_;
};

enum class Ignores : bool { none, as_backup };  // which .holdfastignore files count

// Every file is read. InvalidArgument: `path` is no folder.
[[nodiscard]] Result<std::unique_ptr<LocalTree>> read_local_tree(session::SpaceSession& space, const Path& path,
                                                                 const std::function<void(const Counters&)>& progress,
                                                                 Ignores ignores = Ignores::as_backup);

}  // namespace holdfast::backup
