// What a restore wrote, read back from disk and held against the snapshot's chunk ids.
#include <algorithm>

#include "backup/restore_run.h"

namespace holdfast::backup {

Status compare_content(space::ChunkSource& chunks, const space::RootKeys& keys, File& file,
                       const space::FileContent& content) {
  HF_TRY(const FileStat stat, file.stat());
  const auto different = [&] { return fail(Code::Tampered, "what was read back from disk is not what was restored"); };
  if (stat.size != content.size) return different();
  const auto piece = [&](const ChunkId& id, std::uint64_t offset, std::uint64_t length) -> Status {
    Bytes bytes(length);
    HF_TRY(const std::size_t got, file.read_at(offset, bytes));
    if (got != length || space::chunk_id(keys.chunk_id, space::ChunkKind::data, bytes) != id) return different();
    return {};
  };
  if (const auto* one = std::get_if<space::OneChunk>(&content.data)) return piece(one->id, 0, content.size);
  const auto* manifest = std::get_if<space::ManifestRoot>(&content.data);
  if (manifest == nullptr) return {};
  std::uint64_t offset = 0;
  return space::for_each_entry<space::ManifestEntry>(
      chunks, manifest->root, [&](space::ManifestEntry&& part) -> Result<bool> {
        if (const auto* chunk = std::get_if<space::ChunkExtent>(&part.extent))
          HF_OK(piece(chunk->id, offset, chunk->length));
        offset += part.length();
        return true;
      });
}

Status RestoreRun::verify(const std::string& name, const space::TreeEntry& entry) {
  if (const auto* folder = entry.directory()) return verify_folder(name, folder->root);
  return entry.file() != nullptr ? verify_file(name, entry) : Status();
}

Status RestoreRun::verify_folder(const std::string& name, const space::Root& root) {
  std::vector<space::TreeEntry> entries;
  Status read = space::check_depth(name);
  if (read) read = space::read_folder(reader_, root, entries);
  if (!read) return {};  // told when it was restored
  for (const auto& entry : entries) HF_OK(verify(join_path(name, entry.name), entry));
  return {};
}

Status RestoreRun::verify_file(const std::string& name, const space::TreeEntry& entry) {
  if (std::ranges::find(report_.problems, name, &Problem::path) != report_.problems.end()) return {};
  const auto compare = [&]() -> Status {
    HF_TRY(const auto file, writer_->open_existing(name));
    return compare_content(reader_, space_.root_keys(), *file, *entry.file());
  };
  if (const Status same = compare(); !same) {
    problem(name, same.error());
  } else {
    ++report_.files_verified;
  }
  tell(name);
  return {};
}

}  // namespace holdfast::backup
