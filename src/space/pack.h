// Packs: many sealed blocks in one object, every byte authenticated (DECISIONS D15). The bytes: docs/formats/pack.md.
//
//   header | block 0 | block 1 | ... | pad block | directory | foot
//
// Each of the parts behind the header is AES-256-GCM under the pack's own key (crypto/box.h PackCipher); number =
// place. A block is the unit of compression: consecutive chunks joined up to 1 MiB, or one larger chunk. It is stored
// plain when zstd does not shrink it: stored == plain + tag_size says so.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "base/pieces.h"
#include "space/chunk.h"

namespace holdfast::space {

inline constexpr std::size_t pack_bytes_max = 16 * 1024 * 1024;  // every full pack has exactly this size
inline constexpr std::size_t pack_bytes_min = 64 * 1024;
inline constexpr std::size_t pack_tail_bytes = 64 * 1024;  // what a reader fetches first
inline constexpr std::size_t pack_blocks_max = 0xffff, pack_chunks_max = std::size_t{1} << 20;
inline constexpr std::size_t block_plain_max = chunk_bytes_max;  // no reader decompresses further
inline constexpr std::uint32_t pad_number = 0xfffffffd, directory_number = 0xfffffffe, foot_number = 0xffffffff;

enum class PackKind : std::uint8_t { data = 1, nodes = 2, index = 3 };
constexpr bool wire_valid(PackKind kind) { return kind >= PackKind::data && kind <= PackKind::index; }

struct PackHeader {
  std::array<std::uint8_t, 4> magic{'H', 'F', 'p', 'k'};
  std::uint16_t suite = 1;
  std::uint32_t epoch = 0;
  ObjectId object;
  Hash salt;
  Hash commitment;
  HOLDFAST_WIRE(magic, suite, epoch, object, salt, commitment)
};
inline constexpr std::size_t pack_header_bytes = 4 + 2 + 4 + 16 + 32 + 32;
inline constexpr std::size_t pack_foot_bytes = 8 + crypto::tag_size;

struct PackWhere {
  SpaceId space;
  ObjectId object;
  std::uint32_t epoch = 0;
  HOLDFAST_WIRE(space, object, epoch)
};

struct BlockSize {
  Uint24 stored, plain;  // stored: in the object, with its tag; plain: after opening and decompressing
  HOLDFAST_WIRE(stored, plain)
  friend bool operator==(const BlockSize&, const BlockSize&) = default;
};

// One chunk in a pack's directory. Chunks of a block stand in it one after the other.
struct PackedChunk {
  ChunkId id;
  std::uint16_t block = 0;
  Uint24 offset, length;
  HOLDFAST_WIRE(id, block, offset, length)
  friend bool operator==(const PackedChunk&, const PackedChunk&) = default;
};

struct PackDirectory {
  PackKind kind = PackKind::data;
  Uint24 pad;  // plain size of the pad block
  std::vector<BlockSize> blocks;
  std::vector<PackedChunk> chunks;
  Bytes extra;  // index: encoding of SegmentTable (segment.h); else empty
  HOLDFAST_WIRE(kind, pad, blocks, chunks, extra)
  friend bool operator==(const PackDirectory&, const PackDirectory&) = default;
};
struct PackFoot {
  std::uint32_t directory_offset = 0, directory_size = 0;  // sealed
  HOLDFAST_WIRE(directory_offset, directory_size)
};

// What an index's pack table keeps of a pack (D19): all that is needed to read any of its blocks with one range.
struct PackInfo {
  ObjectId object;
  PackKind kind = PackKind::data;
  Hash sha256;  // of the whole object
  std::uint32_t epoch = 0;
  Hash salt;
  Hash commitment;
  std::vector<BlockSize> blocks;
  HOLDFAST_WIRE(object, kind, sha256, epoch, salt, commitment, blocks)
  friend bool operator==(const PackInfo&, const PackInfo&) = default;
  [[nodiscard]] std::size_t block_offset(std::size_t block) const;  // in the object. REQUIRES: block <= blocks.size()
  [[nodiscard]] std::vector<std::uint32_t> block_offsets() const;   // of all blocks, and where the last one ends
};
// Malformed: these blocks can't stand in a pack. Checked of every info that comes from outside before it is used.
[[nodiscard]] Status check_blocks(std::span<const BlockSize> blocks);

// A block ready to be packed.
struct CompressedBlock {
  Bytes bytes;  // zstd frame, or plain; best with capacity for a tag behind it
  std::uint32_t plain_size = 0;
  std::vector<PackedChunk> chunks;  // block numbers are set by the pack
};
// Pure; for Workers. level: zstd's. The chunks' offsets must already stand.
[[nodiscard]] CompressedBlock compress_block(Bytes plain, std::vector<PackedChunk> chunks, int level);
// The same of the pieces' concatenation; a single piece is not copied unless it must be stored plain.
[[nodiscard]] CompressedBlock compress_pieces(std::span<const ByteView> pieces, std::vector<PackedChunk> chunks,
                                              int level);
// A stored block's bytes, opened, as they were before: Malformed unless they are exactly `plain_size`.
[[nodiscard]] Result<Bytes> decompress_block(ByteView frame, std::size_t plain_size);

struct SealedPack {
  std::shared_ptr<const Pieces> object;
  PackInfo info;
  std::vector<PackedChunk> chunks;
};

// A pack's size before padding. extra: size of PackDirectory::extra.
[[nodiscard]] std::size_t pack_bytes_used(std::size_t blocks, std::size_t block_bytes_stored, std::size_t chunks,
                                          std::size_t extra);

// All that finish() draws, drawn before: a job of Workers touches no door.
class PackRandom final : public Random {
 public:
  explicit PackRandom(Random& random) { random.fill(drawn_); }
  void fill(std::span<std::uint8_t> out) override;

 private:
  std::array<std::uint8_t, ObjectId::size + Nonce32::size> drawn_{};
  std::size_t used_ = 0;
};

// Gathers blocks; sealing happens in finish(), so that it can run in a worker. Owned by one thread at a time.
class PackBuilder {
 public:
  explicit PackBuilder(PackKind kind) : kind_(kind) {}
  [[nodiscard]] bool has_room_for(const CompressedBlock& block) const;
  void add(CompressedBlock block);  // REQUIRES: has_room_for(block)
  [[nodiscard]] bool empty() const { return blocks_.empty(); }
  [[nodiscard]] std::size_t bytes_used() const;  // header, blocks, directory and foot so far

  void set_extra(Bytes extra) { extra_ = std::move(extra); }

  // Exactly 16 MiB; Padme, at least 64 KiB, for an upload's last; a power of two, at least 64 KiB, for the index (M2).
  enum class Size { full, padme, power_of_two };
  // Seals everything; opens the directory again before returning: SelfCheckFailed means that nothing may be uploaded.
  // Draws an object id and 32 bytes. Each block is sealed where it lies: a pack is in memory once.
  [[nodiscard]] Result<SealedPack> finish(const crypto::PackKey& key, const SpaceId& space, std::uint32_t epoch,
                                          Size size, Random& random) &&;

 private:
  PackKind kind_;
  std::vector<CompressedBlock> blocks_;
  Bytes extra_;
  std::size_t block_bytes_ = 0, chunk_count_ = 0;
};

// What finish() does last: a pack of one's own, read as a stranger would, has this directory. tail: from the
// directory to the object's end.
[[nodiscard]] Status check_own_pack(const crypto::PackKey& key, const SpaceId& space, const ObjectId& id,
                                    ByteView header, std::size_t object_size, ByteView tail,
                                    const PackDirectory& directory);

// Padme (PURBs, Nikitin et al. 2019): at most 12 % more, leaks O(log log) bits of the size.
[[nodiscard]] std::size_t padme(std::size_t size);

// --- reading ---
// Opens the directory from an object's tail. `tail` is the end of an object of `object_size` bytes; when the directory
// starts before it, NeedMore says how many bytes of tail are wanted (whole windows of 64 KiB).
struct NeedMore {
  std::size_t tail_bytes = 0;
};
[[nodiscard]] Result<std::variant<PackDirectory, NeedMore>> open_directory(const crypto::PackKey& key,
                                                                           const SpaceId& space,
                                                                           const PackHeader& header,
                                                                           std::size_t object_size, ByteView tail);
// Header of the expected object and epoch, or Malformed/Tampered.
[[nodiscard]] Result<PackHeader> read_header(ByteView object_start, const ObjectId& expected);
// Checks that a directory is consistent with the object's size and limits, and gives the pack's info.
[[nodiscard]] Result<PackInfo> info_of(const PackHeader& header, const PackDirectory& directory,
                                       std::size_t object_size, const Hash& sha256);

// Opens blocks of one pack; const and safe from any thread.
class PackOpener {
 public:
  PackOpener(const crypto::PackKey& key, const SpaceId& space, const PackInfo& info);
  // sealed: exactly the block's stored bytes. Gives the plain block: Tampered, Malformed.
  [[nodiscard]] Result<Bytes> open_block(std::uint16_t block, ByteView sealed) const;

 private:
  PackInfo info_;
  Bytes header_;
  crypto::PackCipher cipher_;
  bool committed_;  // this key, space, object and epoch made the pack
};

// Opens every part of a whole object, its pad too; `visit` gets each plain block. For checks and for `inspect`.
[[nodiscard]] Result<PackDirectory> open_whole_pack(
    const crypto::PackKey& key, const SpaceId& space, const ObjectId& expected, ByteView object,
    const std::function<Status(std::uint16_t block, Bytes plain)>& visit);

}  // namespace holdfast::space
