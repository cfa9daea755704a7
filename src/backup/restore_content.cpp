// A file that stands on disk, held against a content.
#include <algorithm>

#include "backup/restore.h"

namespace holdfast::backup {

namespace {

constexpr std::size_t buffer_size = 1 << 20;

bool all_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

class Comparison {
 public:
  Comparison(space::ChunkSource& chunks, const space::RootKeys& keys, File& file, std::uint64_t size, bool parts)
      : chunks_(chunks), keys_(keys), file_(file), size_(size), parts_(parts) {}

  [[nodiscard]] Sameness result() const { return result_; }
  void is_shorter() { differs_by(parts_ ? Sameness::part : Sameness::different); }

  // False: it is settled.
  Result<bool> chunk(const ChunkId& id, std::uint64_t offset, std::uint64_t length) {
    bytes_.resize(std::min(length, size_ - std::min(size_, offset)));
    HF_TRY(const std::size_t got, file_.read_at(offset, bytes_));
    if (got != bytes_.size()) return differs_by(Sameness::different);
    if (got == length && space::chunk_id(keys_.chunk_id, space::ChunkKind::data, bytes_) == id) return true;
    if (!parts_) return differs_by(Sameness::different);
    if (!all_zero(bytes_)) {
      HF_TRY(const Bytes wanted, chunks_.chunk(space::ChunkKind::data, id));
      if (wanted.size() != length) return differs_by(Sameness::different);
      for (std::size_t i = 0; i < bytes_.size(); ++i)
        if (bytes_[i] != wanted[i] && bytes_[i] != 0) return differs_by(Sameness::different);
    }
    return differs_by(Sameness::part);
  }

  Result<bool> hole(std::uint64_t offset, std::uint64_t length) {
    if (!ranges_) {
      HF_TRY(ranges_, file_.data_ranges());
    }
    const std::uint64_t end = std::min(offset + length, size_);
    for (const Range& range : *ranges_) {
      std::uint64_t at = std::max(range.offset, offset);
      const std::uint64_t to = std::min(range.offset + range.size, end);
      while (at < to) {
        bytes_.resize(std::min<std::uint64_t>(buffer_size, to - at));
        HF_TRY(const std::size_t got, file_.read_at(at, bytes_));
        if (got != bytes_.size() || !all_zero(bytes_)) return differs_by(Sameness::different);
        at += got;
      }
    }
    return true;
  }

 private:
  bool differs_by(Sameness found) {
    result_ = found;
    return found == Sameness::part;
  }

  space::ChunkSource& chunks_;
  const space::RootKeys& keys_;
  File& file_;
  const std::uint64_t size_;
  const bool parts_;
  std::optional<std::vector<Range>> ranges_;
  Bytes bytes_;
  Sameness result_ = Sameness::equal;
};

}  // namespace

Result<Sameness> content_on_disk(space::ChunkSource& chunks, const space::RootKeys& keys, File& file,
                                 const space::FileContent& content, bool parts) {
  HF_TRY(const FileStat stat, file.stat());
  if (stat.size > content.size || (stat.size < content.size && !parts)) return Sameness::different;
  Comparison comparison(chunks, keys, file, stat.size, parts);
  if (stat.size < content.size) comparison.is_shorter();
  if (const auto* one = std::get_if<space::OneChunk>(&content.data)) {
    HF_OK(comparison.chunk(one->id, 0, content.size));
  } else if (const auto* manifest = std::get_if<space::ManifestRoot>(&content.data)) {
    std::uint64_t offset = 0;
    HF_OK(space::for_each_entry<space::ManifestEntry>(
        chunks, manifest->root, [&](space::ManifestEntry&& part) -> Result<bool> {
          const std::uint64_t at = offset;
          offset += part.length();
          if (offset > content.size) return fail(Code::Malformed, "a large file's pieces are longer than the file");
          const auto* chunk = std::get_if<space::ChunkExtent>(&part.extent);
          return chunk != nullptr ? comparison.chunk(chunk->id, at, chunk->length) : comparison.hole(at, part.length());
        }));
    if (offset != content.size && comparison.result() != Sameness::different)
      return fail(Code::Malformed, "a large file's pieces are shorter than the file");
  }
  return comparison.result();
}

}  // namespace holdfast::backup
