#include "base/files.h"

namespace holdfast {

std::string join_path(std::string_view directory, std::string_view name) {
  std::string out(directory);
  if (!out.empty() && out.back() != '/') out.push_back('/');
  out += name;
  return out;
}

std::string_view last_component(std::string_view path) {
  const auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

std::string_view parent_of(std::string_view path) {
  const auto slash = path.rfind('/');
  if (slash == std::string_view::npos) return {};
  return slash == 0 ? path.substr(0, 1) : path.substr(0, slash);
}

bool is_expected(const FileStat& there, const std::optional<ExpectedFile>& expected) {
  return !expected || (there.type == expected->type && there.mtime_ns == expected->mtime_ns &&
                       (!expected->owner || *expected->owner == std::pair(there.uid, there.gid)) &&
                       (!expected->size || *expected->size == there.size));
}

Status Files::make_durable_directories(const Path& path) {
  std::vector<Path> parents{Path(parent_of(path))};  // always: whoever made it may have died before this
  for (Path at = parents[0]; at.size() > 1 && !stat(at); at = Path(parent_of(at))) parents.emplace_back(parent_of(at));
  HF_OK(make_directories(path));
  for (const Path& parent : parents) HF_OK(sync_directory(parent));
  return {};
}

Status File::write_parts(std::uint64_t offset, std::span<const ByteView> parts) {
  for (const ByteView part : parts) {
    HF_OK(write_at(offset, part));
    offset += part.size();
  }
  return {};
}

Status Files::replace_file(const Path& path, ByteView bytes, std::string_view ending) {
  return replace_file(path, [&](File& file) { return file.write_at(0, bytes); }, ending);
}

Status Files::replace_file(const Path& path, const std::function<Status(File&)>& write, std::string_view ending) {
  const Path temporary = path + std::string(ending);
  {
    HF_TRY(auto file, open(temporary, OpenMode::create_or_truncate));
    HF_OK(write(*file));
    HF_OK(file->sync());
  }
  HF_OK(rename(temporary, path));
  return sync_directory(Path(parent_of(path)));
}

}  // namespace holdfast
