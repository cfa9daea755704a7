#include "backup/names.h"

#include <charconv>

namespace holdfast::backup {

namespace {

constexpr std::uint64_t file_bytes_max = 4 * 1024 * 1024;

// name:x:number:...
std::unordered_map<std::uint32_t, std::string> read_names(Files& files, const Path& path) {
  std::unordered_map<std::uint32_t, std::string> out;
  const auto bytes = files.read_file(path, file_bytes_max);
  if (!bytes) return out;
  const std::string_view text = as_text(*bytes);
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    at = end + 1;
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    std::uint32_t number = 0;
    const auto [rest, error] = std::from_chars(line.data() + second + 1, line.data() + line.size(), number);
    if (error == std::errc() && rest != line.data() + second + 1)
      out.emplace(number, std::string(line.substr(0, first)));
  }
  return out;
}

std::string find(const std::unordered_map<std::uint32_t, std::string>& names, std::uint32_t number) {
  const auto found = names.find(number);
  return found == names.end() ? std::string() : found->second;
}

}  // namespace

Names::Names(Files& files) : users_(read_names(files, "/etc/passwd")), groups_(read_names(files, "/etc/group")) {}
std::string Names::user(std::uint32_t uid) const { return find(users_, uid); }
std::string Names::group(std::uint32_t gid) const { return find(groups_, gid); }

}  // namespace holdfast::backup
