#include "space/chunk.h"

namespace holdfast::space {

namespace {

constexpr std::size_t gear_bytes = 256 * sizeof(std::uint64_t);
// The top 22 bits of the hash are zero, or the top 18.
constexpr std::uint64_t early_bound = std::uint64_t{1} << (64 - 22);
constexpr std::uint64_t late_bound = std::uint64_t{1} << (64 - 18);

// Rolls over bytes[at, end). The size of the chunk that ends there, or 0. By eight, because the loop's own counting
// costs as much as the hash (measured: 2.0 and 3.3 GB/s of bytes looked at).
template <std::uint64_t bound>
std::size_t roll(const std::uint64_t* gear, const std::uint8_t* bytes, std::size_t at, std::size_t end,
                 std::uint64_t& state) {
  std::uint64_t hash = state;
  const auto ends_here = [&](std::size_t place) {
    hash = (hash << 1) + gear[bytes[place]];
    return hash < bound;
  };
  for (; at + 8 <= end; at += 8) {
    if (ends_here(at)) [[unlikely]]
      return at + 1;
    if (ends_here(at + 1)) [[unlikely]]
      return at + 2;
    if (ends_here(at + 2)) [[unlikely]]
      return at + 3;
    if (ends_here(at + 3)) [[unlikely]]
      return at + 4;
    if (ends_here(at + 4)) [[unlikely]]
      return at + 5;
    if (ends_here(at + 5)) [[unlikely]]
      return at + 6;
    if (ends_here(at + 6)) [[unlikely]]
      return at + 7;
    if (ends_here(at + 7)) [[unlikely]]
      return at + 8;
  }
  for (; at < end; ++at) {
    if (ends_here(at)) return at + 1;
  }
  state = hash;
  return 0;
}

}  // namespace

ChunkId chunk_id(const crypto::Hmac& chunk_id_key, ChunkKind kind, ByteView bytes) {
  const auto first = static_cast<std::uint8_t>(kind);
  return {chunk_id_key.of({ByteView(&first, 1), bytes}).bytes};
}

Status check_chunk(const crypto::Hmac& chunk_id_key, ChunkKind kind, const ChunkId& id, ByteView bytes) {
  if (!crypto::equal_constant_time(chunk_id(chunk_id_key, kind, bytes).view(), id.view()))
    return fail(Code::Tampered,
                "a chunk is not the one that was asked for: whoever wrote it put other content under its id",
                id.short_hex());
  return {};
}

Chunker::Chunker(const ChunkerKey& key) {
  const Bytes table = crypto::expand(key, "Holdfast 1 gear", gear_bytes);
  for (std::size_t i = 0; i < gear_bytes; ++i) gear_[i / 8] |= static_cast<std::uint64_t>(table[i]) << (8 * (i % 8));
}

std::size_t Chunker::cut(ByteView bytes) const {
  const std::size_t size = std::min(bytes.size(), chunk_bytes_max);
  if (size <= chunk_bytes_min) return size;
  std::uint64_t hash = 0;
  const std::size_t early_end = std::min(size, chunk_bytes_mean);
  if (const std::size_t cut = roll<early_bound>(gear_.data(), bytes.data(), chunk_bytes_min, early_end, hash))
    return cut;
  if (const std::size_t cut = roll<late_bound>(gear_.data(), bytes.data(), early_end, size, hash)) return cut;
  return size;
}

}  // namespace holdfast::space
