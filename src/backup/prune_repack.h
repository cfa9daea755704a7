// Copies what is still needed of packs that are mostly dead into new ones. Internal to prune.
#pragma once

#include "backup/prune_mark.h"
#include "session/upload.h"
#include "space/packer.h"

namespace holdfast::backup {

class Repack {
 public:
  // leaving: the packs that are to go, whose places do not count.
  Repack(session::SpaceSession& space, session::Upload& upload, const Marks& marks, const PackSet& leaving)
      : space_(space), upload_(upload), marks_(marks), leaving_(leaving) {}

  // False: the pack is not what it must be; it has to stay as it is. Each chunk is opened and checked.
  Result<bool> copy(const PackUse& use);
  Status finish();  // all that was copied has arrived

 private:
  Result<std::optional<Bytes>> fetch(const space::PackInfo& info);
  Result<bool> copy_blocks(const PackUse& use, ByteView object, const space::PackDirectory& directory);
  Result<bool> is_wanted(const space::PackedChunk& chunk, const PackUse& use);
  Status add_block();
  Status seal(space::ReadyPack pack);
  space::Packer& packer() { return kind_ == space::PackKind::nodes ? nodes_ : data_; }

  session::SpaceSession& space_;
  session::Upload& upload_;
  const Marks& marks_;
  const PackSet& leaving_;
  space::Packer data_{space::PackKind::data, "prune"}, nodes_{space::PackKind::nodes, "prune"};
  space::ChunkSet copied_;  // and perhaps still waiting in a packer

  // The block that is being joined: of one old pack, so of one origin (A14).
  space::PackKind kind_ = space::PackKind::data;
  Bytes plain_;
  std::vector<space::PackedChunk> chunks_;
};

}  // namespace holdfast::backup
