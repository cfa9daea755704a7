// Chunks: the unit of identity and deduplication (DECISIONS D10, D20).
#pragma once

#include "space/keys.h"

namespace holdfast::space {

inline constexpr std::size_t chunk_bytes_min = 512 * 1024;
inline constexpr std::size_t chunk_bytes_mean = 1024 * 1024;
inline constexpr std::size_t chunk_bytes_max = 4 * 1024 * 1024;
inline constexpr std::size_t block_bytes_joined_max = 1024 * 1024;
inline constexpr std::size_t block_chunks_max =
    8192;  // what a writer joins: a pack must hold any block and its directory

enum class ChunkKind : std::uint8_t { data = 1, node = 2 };
constexpr bool wire_valid(ChunkKind kind) { return kind == ChunkKind::data || kind == ChunkKind::node; }

// HMAC(chunk_id_key, kind || bytes). Checked again whenever a chunk is opened.
[[nodiscard]] ChunkId chunk_id(const crypto::Hmac& chunk_id_key, ChunkKind kind, ByteView bytes);
// Tampered: the bytes are another chunk's.
[[nodiscard]] Status check_chunk(const crypto::Hmac& chunk_id_key, ChunkKind kind, const ChunkId& id, ByteView bytes);

// FastCDC with a keyed gear table. Const: any thread.
class Chunker {
 public:
  explicit Chunker(const ChunkerKey& key);  // gear[256] = little-endian u64 of expand(key, "Holdfast 1 gear", 2048)
  // The size of the first chunk of `bytes`, which begin a chunk and go on to the end of the file, or for at least
  // chunk_bytes_max. A file of at most chunk_bytes_min is one chunk. An answer below bytes.size() is right for any
  // `bytes`: what follows does not change it.
  [[nodiscard]] std::size_t cut(ByteView bytes) const;

 private:
  std::array<std::uint64_t, 256> gear_{};
};

}  // namespace holdfast::space
