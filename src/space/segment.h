// Index segments: sorted records that say in which block of which pack a chunk stands (DECISIONS F4, D19).
//
// On the server a segment is one or more index packs of at most 16 MiB whose blocks are 1 MiB of 28-byte records;
// locally it is one immutable file with the same records, mapped. Both: docs/formats/segment.md.
#pragma once

#include <functional>
#include <optional>
#include <span>

#include "space/pack.h"

namespace holdfast::space {

inline constexpr std::size_t record_bytes = 28;
inline constexpr std::size_t records_per_block = 1024 * 1024 / record_bytes;

// id prefix 16 | pack u32 | block u16 | offset u24 | length u24, big-endian; sorted by id prefix, each prefix once.
struct Record {
  std::array<std::uint8_t, 16> id{};
  std::uint32_t pack = 0;  // ordinal in the segment's pack table
  std::uint16_t block = 0;
  Uint24 offset, length;
  HOLDFAST_WIRE(id, pack, block, offset, length)
  friend bool operator==(const Record&, const Record&) = default;
};
// The codec's encoding, written and read at the speed of memory. REQUIRES: record_bytes at `at`
void store_record(std::uint8_t* at, const Record& record);
[[nodiscard]] Record load_record(const std::uint8_t* at);

// In the sealed directory (PackDirectory::extra) of each of a segment's objects.
struct SegmentTable {
  std::uint32_t first_pack = 0;                      // ordinal of packs[0]
  std::vector<std::array<std::uint8_t, 16>> fences;  // first id of each block of this object
  std::vector<PackInfo> packs;
  HOLDFAST_WIRE(first_pack, fences, packs)
};

struct SegmentObject {
  ObjectId id;
  Hash sha256;
  HOLDFAST_WIRE(id, sha256)
  friend bool operator==(const SegmentObject&, const SegmentObject&) = default;
};

// In the commit (D19). mac = HMAC(derive(C_e, "segment mac", space_id), encoding of SegmentMacBody): only what carries
// this account's own is used for deduplication (D1, D5). retired_packs: one bit per pack, first pack = highest bit of
// the first byte; empty when none is retired; outside the mac.
struct SegmentRef {
  AccountId account;
  std::uint32_t circle_epoch = 0;
  Hash mac;
  std::uint64_t records = 0;
  std::vector<SegmentObject> objects;
  Bytes retired_packs;
  HOLDFAST_WIRE(account, circle_epoch, mac, records, objects, retired_packs)
  friend bool operator==(const SegmentRef&, const SegmentRef&) = default;
};
// Whether a SegmentRef's retired_packs names this ordinal.
[[nodiscard]] bool is_retired(ByteView retired_packs, std::uint32_t pack);
void set_retired(Bytes& retired_packs, std::uint32_t pack);  // makes it as long as it must be
struct SegmentMacBody {
  Label<"Holdfast 1 segment"> label;
  SpaceId space;
  std::vector<SegmentObject> objects;
  std::uint64_t records = 0;
  std::uint32_t circle_epoch = 0;
  HOLDFAST_WIRE(label, space, objects, records, circle_epoch)
};

// Everything of one segment in memory: while it is made, merged or downloaded.
struct Segment {
  std::vector<PackInfo> packs;
  std::vector<Record> records;  // sorted
};
// From the directories of packs just made. A chunk that stands twice is kept once, in the first of them.
class SegmentBuilder {
 public:
  explicit SegmentBuilder(std::size_t chunks_expected) { segment_.records.reserve(chunks_expected); }
  void add(PackInfo pack, std::span<const PackedChunk> chunks);
  [[nodiscard]] Segment finish() &&;

 private:
  Segment segment_;
};
[[nodiscard]] Segment make_segment(std::span<const SealedPack> packs);
// Joins segments of one account; retired packs (bitmaps beside) and their records are dropped. Of two places of a chunk
// the later segment's stays, unless its pack is lost (bitmaps beside) and an earlier one is not. A pack that no record
// names any more stays: only a prune retires it.
[[nodiscard]] Segment merge_segments(std::span<const Segment> segments, std::span<const Bytes> retired,
                                     std::span<const Bytes> lost = {});

// One object after the other: before_object waits for its memory, deliver takes it.
[[nodiscard]] Status seal_segment(const Segment& segment, const crypto::PackKey& index_key, const SpaceId& space,
                                  std::uint32_t epoch, Random& random, const std::function<Status()>& before_object,
                                  const std::function<Status(SealedPack)>& deliver);
using IndexKeys = std::function<const crypto::PackKey*(std::uint32_t epoch)>;  // nullptr: an epoch that is not known
// From the objects' bytes, in order; each must already have been compared with its SegmentObject's hash. The epoch of
// each header names the index key. Checks order, bounds of every record: Tampered, Malformed; Missing: no key.
[[nodiscard]] Result<Segment> open_segment(std::span<const ByteView> objects, std::span<const SegmentObject> expected,
                                           const IndexKeys& key_of, const SpaceId& space);

// The same with one object at a time in memory.
class SegmentOpener {
 public:
  explicit SegmentOpener(const SpaceId& space) : space_(space) {}
  Status add(ByteView object, const SegmentObject& expected, const IndexKeys& key_of);  // after an error: nothing more
  [[nodiscard]] Result<Segment> finish() &&;

 private:
  SpaceId space_;
  Segment segment_;
};

// --- local files ---
Status write_local_segment(const Segment& segment, const std::function<Status(ByteView part)>& write);
[[nodiscard]] Bytes encode_local_segment(const Segment& segment);  // the same, in memory

// A local segment file, mapped. Const: any thread. Malformed, from any of these: delete the file, fetch it again.
class SegmentView {
 public:
  class Search;
  static Result<SegmentView> over(
      ByteView bytes);  // compares sizes only; a damaged record is noticed when its chunk is opened
  [[nodiscard]] std::optional<Record> find(const ChunkId& id) const;
  [[nodiscard]] std::optional<std::uint64_t> position(const ChunkId& id) const;  // of its record
  [[nodiscard]] std::uint64_t records() const { return records_; }
  [[nodiscard]] Record record(std::uint64_t at) const;
  [[nodiscard]] std::uint32_t packs() const { return packs_; }
  [[nodiscard]] Result<PackInfo> pack(std::uint32_t ordinal) const;
  [[nodiscard]] bool is_whole() const;         // compares the file's hash
  [[nodiscard]] Result<Segment> load() const;  // compares the file's hash: what is merged goes to the server

 private:
  ByteView bytes_, records_bytes_, offsets_, infos_;
  std::uint64_t records_ = 0;
  std::uint32_t packs_ = 0;
};

// A look-up by interpolation, in steps. Each step asks for the memory that the next one reads and does not wait for it:
// searches in several segments that take turns wait once for all of them. Ids are uniform, so two or three steps do.
class SegmentView::Search {
 public:
  Search() = default;  // finds nothing
  Search(const SegmentView& view, const ChunkId& id);
  bool step();  // false: it is over
  [[nodiscard]] std::optional<Record> found() const;
  [[nodiscard]] std::optional<std::uint64_t> found_at() const;

 private:
  struct Prefix {  // a chunk id's first 16 bytes as two numbers in the order of the bytes
    std::uint64_t high = 0, low = 0;
    static Prefix at(const std::uint8_t* bytes);
    friend auto operator<=>(const Prefix&, const Prefix&) = default;
  };
  [[nodiscard]] Prefix prefix(std::uint64_t at) const;
  bool guess_next(std::uint64_t guess);
  bool end(bool found, std::uint64_t at);
  bool walk_up(std::uint64_t records);
  bool walk_down(std::uint64_t records);

  const SegmentView* view_ = nullptr;
  Prefix wanted_;
  std::uint64_t low_ = 0,
                high_ = 0;  // all records below low_ are smaller than the wanted one, all from high_ on larger
  std::uint64_t guess_ = 0;
  int guesses_ = 0;
  bool found_ = false;  // at guess_
};

// size[i] >= 2 * (sum of the later ones): from which segment on one's own must be merged so that this holds again after
// adding one of `added` records; sizes.size(): no merge is needed.
[[nodiscard]] std::size_t merge_from(std::span<const std::uint64_t> sizes, std::uint64_t added);

}  // namespace holdfast::space
