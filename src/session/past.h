// What a space had before: its lists of snapshots as its log tells them, and the packs that prunes took out of its
// index, which the server keeps for its grace (DECISIONS F1).
#pragma once

#include "session/reader.h"

namespace holdfast::session {

class Past final : public space::ChunkSource {
 public:
  // Reads the space's whole log. What index segments the server has freed are left out: the packs that only they named
  // were freed with them. To be read again when the space has a newer head.
  static Result<std::unique_ptr<Past>> read(SpaceSession& space);

  struct SnapshotsRoot {
    std::uint64_t seq = 0;  // of the commit from which on it was this one
    std::int64_t time_ns = 0;
    space::Root root;
  };
  struct Prune {
    std::uint64_t seq = 0;
    std::int64_t time_ns = 0;
  };
  [[nodiscard]] const std::vector<SnapshotsRoot>& snapshots_roots() const { return roots_; }  // oldest first
  [[nodiscard]] const std::vector<Prune>& prunes() const { return prunes_; }                  // oldest first

  // A chunk of the space as it is, or of a retired pack. Missing: the server has freed it.
  Result<Bytes> chunk(space::ChunkKind kind, const ChunkId& id) override;
  void prefetch(std::span<const ChunkId> ids) override;

  // Whether the space as it is has the chunk in a good place.
  [[nodiscard]] bool stands_now(const ChunkId& id) const;
  // A pack of this account's own that had the chunk, and that the server still has with the bytes that it was put
  // with; nullopt: none.
  [[nodiscard]] std::optional<ObjectId> kept_pack(const ChunkId& id) const;
  // These packs and what only they hold, for make_index(). `retired` are those that the append has to bring back.
  struct Returning {
    space::Segment segment;
    std::vector<ObjectId> retired;
    std::uint64_t bytes = 0;  // as they are stored
  };
  [[nodiscard]] Result<Returning> returning(const PackSet& packs) const;

 private:
  explicit Past(SpaceSession& space) : space_(space), now_(space), before_(space, index_) {}
  Status read_log();
  Status open_index();
  Status ask_for_packs();

  SpaceSession& space_;
  std::vector<SnapshotsRoot> roots_;
  std::vector<Prune> prunes_;
  std::vector<space::SegmentRef> refs_;  // of the index before each prune, as the first of them had it
  IndexCache index_;
  PackSet retired_;
  SpaceReader now_, before_;
};

}  // namespace holdfast::session
