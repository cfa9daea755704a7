// Which chunks a space still needs, and where they stand. Internal to prune.
#pragma once

#include "session/log_reader.h"
#include "session/reader.h"
#include "space/chunk_set.h"

namespace holdfast::backup {

using session::PackSet;

// What one pack of the index is needed for.
struct PackUse {
  space::PackInfo info;
  std::size_t segment = 0;  // of Marks::segments()
  bool own = false;
  std::uint64_t bytes = 0, bytes_needed = 0;  // plain
  std::uint64_t chunks_needed = 0;
};

// A bit for each record of the index as it was at first, and a set of what came later: 100 million chunks in 13 MB.
class Marks {
 public:
  // REQUIRES: look_for_trouble() was called: the index knows which packs are lost. gives_up_lost: an old version of the
  // live tree that can't be read whole is no error; what only its lost nodes lead to is not marked.
  Marks(session::SpaceSession& space, bool gives_up_lost) : space_(space), log_(space), gives_up_lost_(gives_up_lost) {}

  // Marks what the space's head keeps, and every version of the live tree that its log has (`holdfast history`); of
  // what was marked before nothing is read again. The newest good place of each chunk in each account's segments is
  // taken: nobody's content is trusted in place of somebody else's (A5). Missing: the index does not know a chunk, or a
  // node can't be read.
  Status take_in(const std::function<void()>& progress);
  // Every pack of the index as it was first; those that are lost, too.
  Result<std::vector<PackUse>> uses() const;
  // The records of these packs that are marked, in the order of each pack's bytes.
  using NeededRecords = std::unordered_map<ObjectId, std::vector<space::Record>, FixedBytesHash>;
  Result<NeededRecords> needed_in(const PackSet& packs) const;

  [[nodiscard]] bool is_marked_in(std::size_t segment, const ChunkId& id) const;  // that place is the one to be kept
  // By the first 16 bytes of an id, which are all that a record has.
  [[nodiscard]] bool needs(const std::array<std::uint8_t, 16>& id) const;
  // Whether the chunk stands in a good place of the index as it is now that is in none of `leaving`, by the account
  // that `segment` is by.
  [[nodiscard]] Result<bool> stands_elsewhere(const std::array<std::uint8_t, 16>& id,
                                              const session::OpenSegment& segment, const PackSet& leaving) const;
  [[nodiscard]] const std::vector<session::OpenSegment>& segments() const { return segments_; }
  [[nodiscard]] std::uint64_t chunks_lost() const { return chunks_lost_; }
  [[nodiscard]] std::uint64_t versions_lost() const { return versions_lost_; }  // not whole, and given up
  [[nodiscard]] std::uint64_t nodes() const { return nodes_.size(); }

 private:
  Status mark(const ChunkId& id);
  Status mark_later(const ChunkId& id);
  struct Version {
    std::uint64_t seq = 0;
    space::Root root;
  };
  Status take_in_version(session::SpaceReader& reader, const Version& version,
                         const std::function<Status(space::ChunkKind, const ChunkId&)>& visit);

  session::SpaceSession& space_;
  session::CommitReader log_;                   // at the last commit that was taken in
  std::vector<session::OpenSegment> segments_;  // at first; their files stay mapped
  std::vector<std::vector<bool>> marked_;       // by segment and record
  bool first_ = true;
  space::ChunkSet nodes_, later_;
  std::uint64_t chunks_lost_ = 0, versions_lost_ = 0;
  bool gives_up_lost_;
};

}  // namespace holdfast::backup
