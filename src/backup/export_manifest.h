// What an export says of one tree beside it: what the tree is, and every entry of it with the hash of its bytes. The
// text: docs/formats/export.md.
#pragma once

#include <functional>

#include "backup/report.h"
#include "space/tree.h"

namespace holdfast::backup {

struct ExportedEntry {
  char type = 'f';         // f, d, l, p, c, b: file, folder, symbolic link, fifo, devices
  std::uint32_t mode = 0;  // the twelve permission bits; of a link 0
  std::int64_t mtime_ns = 0;
  std::uint64_t size = 0;  // of a file
  std::string sha256;      // of a file, as hex
  std::string path;        // below the tree's folder
  std::string target;      // of a link; of a device "MAJOR:MINOR"
  friend bool operator==(const ExportedEntry&, const ExportedEntry&) = default;
};
struct ExportedTree {
  bool live = false;  // of what stood in the space; else of a snapshot
  std::string space;  // its name
  space::Snapshot
      label;  // of a snapshot: id, time, host, program, paths, tags, partial; its root; of a live tree: root
  std::vector<ExportedEntry> entries;  // in the order of their paths
};

[[nodiscard]] Bytes encode_manifest(const ExportedTree& tree);
// Malformed: not all of what encode_manifest() wrote.
[[nodiscard]] Result<ExportedTree> decode_manifest(ByteView bytes);

// The folder as it is on disk, every file read, in the order of paths. known: a file's hash, where it need not be read.
using KnownHash = std::function<std::optional<std::string>(const std::string& path, const FileStat& stat)>;
[[nodiscard]] Result<std::vector<ExportedEntry>> describe_folder(Files& files, const Path& folder,
                                                                 const KnownHash& known,
                                                                 const std::function<void(const Path&)>& tell);

// Of all names, sizes and times of change, without a file's bytes: two that are equal, and nothing was changed between
// them, since no program sets the time of a change.
[[nodiscard]] Result<Hash> mark_of_folder(Files& files, const Path& folder);

struct ExportDifference {
  Path path;
  std::string what;  // "missing", "not in the manifest", "content", "mode", "time", "kind", "manifest", "unfinished"
};
// Both in the order of their paths. `folder` stands before each path.
void compare_entries(const Path& folder, const std::vector<ExportedEntry>& manifest,
                     const std::vector<ExportedEntry>& disk, std::vector<ExportDifference>& out);

}  // namespace holdfast::backup
