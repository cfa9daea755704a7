#include <algorithm>

#include "backup/restore.h"

namespace holdfast::backup {

Status cat_file(session::SpaceSession& space, const space::Root& root, const std::string& path,
                const std::function<Status(ByteView)>& out) {
  HF_OK(space.follow_index());
  session::SpaceReader reader(space);
  HF_TRY(const auto entry, space::find_path(reader, root, path));
  const auto* file = entry.file();
  if (file == nullptr) return fail(Code::InvalidArgument, "this is not a regular file", printable(path));
  if (const auto* one = std::get_if<space::OneChunk>(&file->data)) {
    HF_TRY(const Bytes bytes, reader.chunk(space::ChunkKind::data, one->id));
    return out(bytes);
  }
  const auto* manifest = std::get_if<space::ManifestRoot>(&file->data);
  if (manifest == nullptr) return {};
  const Bytes zeros(64 * 1024);
  return space::for_each_entry<space::ManifestEntry>(
      reader, manifest->root, [&](space::ManifestEntry&& piece) -> Result<bool> {
        if (const auto* chunk = std::get_if<space::ChunkExtent>(&piece.extent)) {
          HF_TRY(const Bytes bytes, reader.chunk(space::ChunkKind::data, chunk->id));
          HF_OK(out(bytes));
          return true;
        }
        for (std::uint64_t left = piece.length(); left > 0;) {
          const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(left, zeros.size()));
          HF_OK(out(ByteView(zeros).first(part)));
          left -= part;
        }
        return true;
      });
}

}  // namespace holdfast::backup
