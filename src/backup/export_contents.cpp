#include "backup/export_contents.h"

#include <algorithm>

#include "backup/export.h"
#include "backup/export_text.h"
#include "crypto/hash.h"

namespace holdfast::backup {

namespace {

constexpr std::string_view contents_first_line = "holdfast contents 1";

}  // namespace

Bytes encode_contents(const ExportContents& contents) {
  std::string out = std::string(contents_first_line) + "\n";
  for (const auto& [tree, hash] : contents) out += hash + "\t" + escaped(tree) + "\n";
  out += hash_line(as_bytes(out));
  return to_bytes(as_bytes(out));
}

Result<ExportContents> decode_contents(ByteView bytes) {
  const auto lines = lines_inside(bytes, contents_first_line);
  ExportContents out;
  bool good = lines.has_value();
  for (std::string_view left = lines.value_or(""); good && !left.empty();) {
    const std::size_t end = left.find('\n');
    const auto fields = fields_of(left.substr(0, end));
    good = fields && fields->size() == 2 && (out.empty() || out.rbegin()->first < (*fields)[1]);
    if (good) out.emplace_hint(out.end(), (*fields)[1], (*fields)[0]);
    left.remove_prefix(end + 1);
  }
  if (!good) return fail(Code::Malformed, "the list of an export's trees is not as it was written");
  return out;
}

Result<std::vector<std::string>> names_in(Files& files, const Path& folder, FileType type) {
  std::vector<std::string> out;
  const auto entries = files.list(folder);
  if (!entries && entries.error().code == Code::NotFound) return out;
  if (!entries) return pass_on(entries.error());
  for (const DirectoryEntry& entry : *entries)
    if (entry.stat && entry.stat->type == type) out.push_back(entry.name);
  std::ranges::sort(out);
  return out;
}

Status add_contents(Files& files, const Path& folder, const std::string& kind, ExportContents& contents) {
  HF_TRY(const auto texts, names_in(files, join_path(folder, kind), FileType::regular));
  for (const std::string& text : texts) {
    if (!text.ends_with(manifest_ending)) continue;
    HF_TRY(const Bytes bytes, read_beside(files, join_path(join_path(folder, kind), text)));
    contents[join_path(kind, text.substr(0, text.size() - manifest_ending.size()))] = crypto::sha256(bytes).hex();
  }
  return {};
}

}  // namespace holdfast::backup
