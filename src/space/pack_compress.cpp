// Blocks and zstd. One context a thread: making one costs more than a small block.
#include <zstd.h>
#include <zstd_errors.h>

#include <memory>
#include <new>

#include "space/pack.h"

namespace holdfast::space {

namespace {

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

ZSTD_CCtx* compressor() {
  thread_local const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

ZSTD_DCtx* decompressor() {
  thread_local const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context.get();
}

// Memory that stays with its thread, so that a block's first touch of fresh pages is paid once and not for every block.
class Scratch {
 public:
  std::uint8_t* of(std::size_t size) {
    if (size > size_) {
      bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
      size_ = size;
    }
    return bytes_.get();
  }

 private:
  std::unique_ptr<std::uint8_t[]> bytes_;
  std::size_t size_ = 0;
};

// The frame, in this thread's scratch; empty: it would not be smaller.
ByteView shrunk(ByteView plain, int level) {
  thread_local Scratch scratch;
  const std::size_t room = ZSTD_compressBound(plain.size());
  std::uint8_t* out = scratch.of(room);
  ZSTD_CCtx* context = compressor();
  ZSTD_CCtx_reset(context, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1);
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 0);
  const std::size_t size = ZSTD_compress2(context, out, room, plain.data(), plain.size());
  if (ZSTD_isError(size) || size >= plain.size()) return {};
  return {out, size};
}

Bytes with_room_for_tag(ByteView bytes) {
  Bytes out;
  out.reserve(bytes.size() + crypto::tag_size);
  append(out, bytes);
  return out;
}

}  // namespace

CompressedBlock compress_block(Bytes plain, std::vector<PackedChunk> chunks, int level) {
  CompressedBlock out{{}, static_cast<std::uint32_t>(plain.size()), std::move(chunks)};
  const ByteView frame = shrunk(plain, level);
  out.bytes = frame.empty() ? std::move(plain) : with_room_for_tag(frame);
  return out;
}

CompressedBlock compress_pieces(std::span<const ByteView> pieces, std::vector<PackedChunk> chunks, int level) {
  thread_local Scratch scratch;
  ByteView plain;
  if (pieces.size() == 1) {
    plain = pieces[0];
  } else {
    std::size_t size = 0;
    for (const ByteView piece : pieces) size += piece.size();
    std::uint8_t* joined = scratch.of(size);
    plain = {joined, size};
    for (const ByteView piece : pieces) joined = std::copy(piece.begin(), piece.end(), joined);
  }
  const ByteView frame = shrunk(plain, level);
  return {with_room_for_tag(frame.empty() ? plain : frame), static_cast<std::uint32_t>(plain.size()),
          std::move(chunks)};
}

Result<Bytes> decompress_block(ByteView frame, std::size_t plain_size) {
  const auto refused = [] {
    return fail(Code::Malformed,
                "a block does not decompress to the size that its pack says: whoever wrote it broke it");
  };
  // What a sealed block may hold is one frame that states its size; skippable, legacy or joined frames are nobody's.
  constexpr std::array<std::uint8_t, 4> magic{0x28, 0xb5, 0x2f, 0xfd};
  if (plain_size > block_plain_max || frame.size() < magic.size() ||
      !std::equal(magic.begin(), magic.end(), frame.begin()))
    return refused();
  if (ZSTD_getFrameContentSize(frame.data(), frame.size()) != plain_size) return refused();
  if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size()) return refused();
  Bytes plain(plain_size);
  if (ZSTD_decompressDCtx(decompressor(), plain.data(), plain.size(), frame.data(), frame.size()) != plain_size)
    return refused();
  return plain;
}

}  // namespace holdfast::space
