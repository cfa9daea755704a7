#include "backup/export_text.h"

#include "crypto/hash.h"

namespace holdfast::backup {

namespace {

std::optional<std::string> unescaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    if (text[i] != '\\' && text[i] != 't' && text[i] != 'n') return std::nullopt;
    out += text[i] == 't' ? '\t' : text[i] == 'n' ? '\n' : '\\';
  }
  return out;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  for (const char one : text) {
    if (one == '\\')
      out += "\\\\";
    else if (one == '\t')
      out += "\\t";
    else if (one == '\n')
      out += "\\n";
    else
      out += one;
  }
  return out;
}

std::optional<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t tab = line.find('\t');
    auto field = unescaped(line.substr(0, tab));
    if (!field) return std::nullopt;
    out.push_back(*std::move(field));
    if (tab == std::string_view::npos) return out;
    line.remove_prefix(tab + 1);
  }
}

std::string hash_line(ByteView before) { return "end\t" + crypto::sha256(before).hex() + "\n"; }

std::optional<std::string_view> lines_inside(ByteView bytes, std::string_view first) {
  const std::string_view text = as_text(bytes);
  const std::size_t end = text.rfind("end\t"), begin = first.size() + 1;
  if (!text.starts_with(std::string(first) + "\n") || end == std::string_view::npos || end < begin ||
      text[end - 1] != '\n' || text.substr(end) != hash_line(bytes.first(end)))
    return std::nullopt;
  return text.substr(begin, end - begin);
}

}  // namespace holdfast::backup
