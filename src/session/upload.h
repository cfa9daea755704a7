// What one backup sends: puts in flight, and a list on disk of what has arrived, so that an interrupted one goes on
// without sending it again (DECISIONS F1 B1, B2).
#pragma once

#include "session/space_session.h"
#include "space/chunk_set.h"
#include "space/segment.h"

namespace holdfast::session {

inline constexpr std::size_t packs_in_memory_max = 2;  // being sealed, or sent and not answered

// What the list of an upload tells, from the front to where it is torn. nullopt: no frame of it is whole.
struct UploadList {
  std::uint64_t packs = 0, chunks = 0, bytes = 0, torn_bytes = 0;
};
[[nodiscard]] std::optional<UploadList> look_at_upload_list(ByteView list);

class Upload {
 public:
  // Goes on with what an interrupted verb of the same purpose left in this space, unless another verb of this process
  // has it or the server has forgotten it.
  static Result<std::unique_ptr<Upload>> begin(SpaceSession& space, const std::string& purpose);
  // Whether an interrupted verb has left something to go on with.
  static Result<bool> left_behind(SpaceSession& space, const std::string& purpose);
  // Of every interrupted verb of this space: what the server had acknowledged of them may be gone.
  static Status drop_left_behind(SpaceSession& space);
  ~Upload();  // gives the claim back; nothing is lost

  // Before a pack is sealed: waits until there is room for it in memory.
  Status make_room();
  // The pack counts as known at once; its chunks are durable after settle().
  Status put(space::SealedPack pack);
  Status put_index(space::SealedPack object);  // of a segment: not listed, made anew after an interruption
  Status settle();                             // all puts have arrived

  [[nodiscard]] bool has(const ChunkId& id) const { return chunks_.contains(id); }
  [[nodiscard]] const UploadId& id() const { return upload_; }
  [[nodiscard]] const std::vector<ObjectId>& packs() const { return packs_; }  // that have arrived
  // The index of all packs that have arrived, from the list on disk: in memory are their chunks' ids alone.
  Result<space::Segment> arrived();
  [[nodiscard]] std::uint64_t bytes_resumed() const { return bytes_resumed_; }
  [[nodiscard]] std::uint64_t bytes_put() const { return bytes_put_; }
  [[nodiscard]] std::uint64_t bytes_acknowledged() const { return bytes_acknowledged_; }
  [[nodiscard]] std::size_t objects() const { return packs_.size(); }

  // The segment that publish.h made of these packs, and of what it was merged, without and with which packs.
  struct MadeSegment {
    std::vector<space::SegmentObject> merged;
    std::vector<Bytes> retired;
    std::size_t packs = 0;
    std::vector<ObjectId> returning;
    space::SegmentRef ref;
  };
  std::optional<MadeSegment> segment;

  Status published();  // its commit stands: the list on disk is removed
  Status forget();     // the server dropped it

 private:
  explicit Upload(SpaceSession& space) : space_(space), puts_(space.session().server) {}
  template <class Visit>
  std::uint64_t read_list(std::uint64_t size, Visit visit);
  Status resume();
  Status receive_one();
  Status note_arrived(const space::SealedPack& pack);

  SpaceSession& space_;
  std::string state_key_, claim_;
  UploadId upload_;
  Path list_path_;
  std::unique_ptr<File> list_;
  std::uint64_t list_size_ = 0;
  space::ChunkSet chunks_;
  std::vector<ObjectId> packs_;  // in the list, and how many chunks they have
  std::size_t chunks_arrived_ = 0;
  struct Flying {
    space::SealedPack pack;
    bool listed = true;
  };
  Status send(space::SealedPack pack, bool listed);
  ApiClient::Puts puts_;
  std::map<ObjectId, Flying> flying_;
  std::uint64_t bytes_resumed_ = 0, bytes_put_ = 0, bytes_acknowledged_ = 0;
};

}  // namespace holdfast::session
