#include "backup/export_manifest.h"

#include <algorithm>
#include <charconv>

#include "backup/export_text.h"
#include "crypto/hash.h"
#include "worktree/scan.h"

namespace holdfast::backup {

namespace {

constexpr std::string_view manifest_first_line = "holdfast export 1";
constexpr std::size_t piece_bytes = 1024 * 1024;

std::string octal(std::uint32_t mode) {
  std::string out;
  for (int shift = 9; shift >= 0; shift -= 3) out += static_cast<char>('0' + (mode >> shift & 7));
  return out;
}

template <class Number>
bool parse(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

template <class Id>
bool parse_id(const std::string& hex, Id& id) {
  const auto bytes = from_hex(hex);
  if (!bytes || bytes->size() != id.bytes.size()) return false;
  std::ranges::copy(*bytes, id.bytes.begin());
  return true;
}

bool take_entry(const std::vector<std::string>& fields, ExportedTree& tree) {
  ExportedEntry entry;
  entry.type = fields[0][0];
  if (fields.size() != 7 || !parse(fields[1], entry.mode, 8) || !parse(fields[2], entry.mtime_ns) ||
      !parse(fields[3], entry.size))
    return false;
  entry.sha256 = fields[4];
  entry.path = fields[5];
  entry.target = fields[6];
  if (!tree.entries.empty() && !(tree.entries.back().path < entry.path)) return false;
  tree.entries.push_back(std::move(entry));
  return true;
}

bool take_line(const std::vector<std::string>& fields, ExportedTree& tree) {
  const std::string& key = fields[0];
  if (key.size() == 1) return take_entry(fields, tree);
  if (fields.size() != 2) return false;
  const std::string& value = fields[1];
  if (key == "tree") return (tree.live = value == "live") || value == "snapshot";
  if (key == "space")
    tree.space = value;
  else if (key == "id")
    return parse_id(value, tree.label.id);
  else if (key == "root")
    return parse_id(value, tree.label.root);
  else if (key == "time")
    return parse(value, tree.label.time_ns);
  else if (key == "host")
    tree.label.host = value;
  else if (key == "program")
    tree.label.program = value;
  else if (key == "path")
    tree.label.paths.push_back(value);
  else if (key == "tag")
    tree.label.tags.push_back(value);
  else if (key == "partial")
    tree.label.partial = value == "yes";
  else
    return false;
  return true;
}

Result<std::string> hash_of_file(Files& files, const worktree::ScanEntry& entry) {
  HF_TRY(const auto file, files.open_entry(entry.place));
  crypto::Sha256 hash;
  Bytes piece(piece_bytes);
  for (std::uint64_t offset = 0;;) {
    HF_TRY(const std::size_t got, file->read_at(offset, piece));
    hash.update(ByteView(piece).first(got));
    if (got < piece.size()) return hash.finish().hex();
    offset += got;
  }
}

char letter(FileType type) {
  switch (type) {
    case FileType::regular:
      return 'f';
    case FileType::directory:
      return 'd';
    case FileType::symlink:
      return 'l';
    case FileType::character_device:
      return 'c';
    case FileType::block_device:
      return 'b';
    case FileType::fifo:
      return 'p';
    case FileType::socket:
      return 's';
  }
  return '?';
}

}  // namespace

Bytes encode_manifest(const ExportedTree& tree) {
  std::string out = std::string(manifest_first_line) + "\n";
  const auto line = [&](std::string_view key, std::string_view value) {
    out += std::string(key) + "\t" + escaped(value) + "\n";
  };
  const space::Snapshot& label = tree.label;
  line("tree", tree.live ? "live" : "snapshot");
  line("space", tree.space);
  line("root", label.root.hex());
  if (!tree.live) {
    line("id", label.id.hex());
    line("time", std::to_string(label.time_ns));
    line("host", label.host);
    line("program", label.program);
    for (const std::string& path : label.paths) line("path", path);
    for (const std::string& tag : label.tags) line("tag", tag);
    line("partial", label.partial ? "yes" : "no");
  }
  for (const ExportedEntry& entry : tree.entries)
    out += std::string(1, entry.type) + "\t" + octal(entry.mode) + "\t" + std::to_string(entry.mtime_ns) + "\t" +
           std::to_string(entry.size) + "\t" + entry.sha256 + "\t" + escaped(entry.path) + "\t" +
           escaped(entry.target) + "\n";
  out += hash_line(as_bytes(out));
  return to_bytes(as_bytes(out));
}

Result<ExportedTree> decode_manifest(ByteView bytes) {
  const auto wrong = [](std::string sentence) { return fail(Code::Malformed, std::move(sentence)); };
  const auto lines = lines_inside(bytes, manifest_first_line);
  if (!lines) return wrong("a manifest is not as it was written");
  ExportedTree out;
  for (std::string_view left = *lines; !left.empty();) {
    const std::size_t line_end = left.find('\n');
    const auto fields = fields_of(left.substr(0, line_end));
    if (!fields || fields->front().empty() || !take_line(*fields, out))
      return wrong("a manifest has a line that can't be read");
    left.remove_prefix(line_end + 1);
  }
  return out;
}

namespace {

// In the order of a scan. entry: null for folders; the first is `folder` itself, under no name.
using VisitEntry =
    std::function<Status(const std::string& path, const FileStat& stat, const worktree::ScanEntry* entry)>;

Status each_entry(Files& files, const Path& folder, const VisitEntry& visit) {
  worktree::ScanOptions options;
  options.ignore_files = false;
  worktree::Scanner scanner(files, folder, std::move(options));
  std::vector<std::string> inside_of;  // folders that were entered
  for (;;) {
    HF_TRY(auto event, scanner.next());
    if (!event) return {};
    if (const auto* problem = std::get_if<worktree::ScanProblem>(&*event)) {
      Error error = problem->error;
      error.object = printable(join_path(folder, problem->path));
      return std::unexpected(std::move(error));
    }
    if (std::holds_alternative<worktree::LeaveDirectory>(*event)) inside_of.pop_back();
    if (const auto* inside = std::get_if<worktree::EnterDirectory>(&*event)) {
      inside_of.push_back(inside->path);
      HF_OK(visit(inside->path, inside->stat, nullptr));
    }
    const auto* entry = std::get_if<worktree::ScanEntry>(&*event);
    if (entry == nullptr) continue;
    if (inside_of.empty()) return fail(Code::InvalidArgument, "what stands there is no folder", printable(folder));
    const std::string path = inside_of.back().empty() ? entry->name : join_path(inside_of.back(), entry->name);
    HF_OK(visit(path, entry->stat, entry));
  }
}

}  // namespace

Result<std::vector<ExportedEntry>> describe_folder(Files& files, const Path& folder, const KnownHash& known,
                                                   const std::function<void(const Path&)>& tell) {
  std::vector<ExportedEntry> out;
  HF_OK(each_entry(
      files, folder, [&](const std::string& path, const FileStat& stat, const worktree::ScanEntry* entry) -> Status {
        if (path.empty()) return {};
        out.push_back(
            {letter(stat.type), stat.type == FileType::symlink ? 0 : stat.mode, stat.mtime_ns, 0, "-", path, {}});
        if (entry == nullptr) return {};
        ExportedEntry& one = out.back();
        tell(join_path(folder, path));
        if (stat.type == FileType::regular) {
          one.size = stat.size;
          auto hash = known ? known(path, stat) : std::nullopt;
          if (!hash) {
            HF_TRY(hash, hash_of_file(files, *entry));
          }
          one.sha256 = *std::move(hash);
        } else if (stat.type == FileType::symlink) {
          HF_TRY(const auto details, files.details(entry->place));
          one.target = details.target;
        } else if (stat.type == FileType::character_device || stat.type == FileType::block_device) {
          one.target = std::to_string(stat.device_major) + ":" + std::to_string(stat.device_minor);
        }
        return {};
      }));
  std::ranges::sort(out, {}, &ExportedEntry::path);
  return out;
}

Result<Hash> mark_of_folder(Files& files, const Path& folder) {
  crypto::Sha256 hash;
  HF_OK(each_entry(files, folder,
                   [&](const std::string& path, const FileStat& stat, const worktree::ScanEntry*) -> Status {
                     Writer out;
                     wire::put(out, path);
                     wire::put(out, stat.size);
                     for (const std::int64_t time : {stat.mtime_ns, stat.ctime_ns}) wire::put(out, time);
                     hash.update(std::move(out).take());
                     return {};
                   }));
  return hash.finish();
}

void compare_entries(const Path& folder, const std::vector<ExportedEntry>& manifest,
                     const std::vector<ExportedEntry>& disk, std::vector<ExportDifference>& out) {
  auto there = disk.begin();
  const auto tell = [&](const ExportedEntry& entry, const char* what) {
    out.push_back({join_path(folder, entry.path), what});
  };
  for (const ExportedEntry& wanted : manifest) {
    for (; there != disk.end() && there->path < wanted.path; ++there) tell(*there, "not in the manifest");
    if (there == disk.end() || there->path != wanted.path) {
      tell(wanted, "missing");
      continue;
    }
    if (there->type != wanted.type)
      tell(wanted, "kind");
    else if (there->size != wanted.size || there->sha256 != wanted.sha256 || there->target != wanted.target)
      tell(wanted, "content");
    else if (there->mode != wanted.mode)
      tell(wanted, "mode");
    else if (there->mtime_ns != wanted.mtime_ns)
      tell(wanted, "time");
    ++there;
  }
  for (; there != disk.end(); ++there) tell(*there, "not in the manifest");
}

}  // namespace holdfast::backup
