#include "base/system_list.h"

#include <dirent.h>

#include <cerrno>
#include <cstddef>
#include <memory>

namespace holdfast {

namespace {

constexpr std::size_t buffer_size = 64 << 10;

// Calls visit(name) for the entries of one getdents answer.
template <class Visit>
void for_each_name(const char* buffer, std::size_t size, Visit visit) {
  for (std::size_t at = 0; at < size;) {
    unsigned short length;
    std::memcpy(&length, buffer + at + offsetof(dirent64, d_reclen), sizeof length);
    const char* name = buffer + at + offsetof(dirent64, d_name);
    if (std::string_view(name) != "." && std::string_view(name) != "..") visit(name);
    at += length;
  }
}

}  // namespace

Result<std::vector<DirectoryEntry>> list_directory(const Path& path) {
  const Fd directory(open_quietly(AT_FDCWD, path.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory) return system_fail(errno, "opening the directory", path);
  return list_opened(directory, path);
}

Result<std::vector<DirectoryEntry>> list_opened(const Fd& directory, const Path& path) {
  thread_local const std::unique_ptr<char[]> buffer(new char[buffer_size]);
  std::vector<DirectoryEntry> entries;
  for (;;) {
    const ssize_t size = ::getdents64(directory.get(), buffer.get(), buffer_size);
    if (size < 0) return system_fail(errno, "reading the directory", path);
    if (size == 0) return entries;
    std::size_t count = entries.size();
    for_each_name(buffer.get(), static_cast<std::size_t>(size), [&](const char*) { ++count; });
    if (count > entries.capacity()) entries.reserve(std::max(count, 2 * entries.size()));
    for_each_name(buffer.get(), static_cast<std::size_t>(size), [&](const char* name) {
      auto stat = stat_at(directory.get(), name, {});
      if (!stat) stat.error().object = printable(join_path(path, name));
      entries.push_back({name, std::move(stat)});
    });
  }
}

}  // namespace holdfast
