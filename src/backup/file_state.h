// What the last backup of some paths saw on disk, in the order of its walk, so that an unchanged file costs one
// comparison (DECISIONS D2, F4). Local and private; losing it costs time only. The bytes: docs/formats/file_state.md.
//
// The file is a tree written in one pass: a folder's record, what is in it, and then the folder's own entry.
#pragma once

#include "base/files.h"
#include "space/tree.h"

namespace holdfast::backup {

// What of a file on disk tells whether it changed.
struct Seen {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  bool racy = false;  // changed so shortly before the scan that another change may hide: never equal (racy-git rule)
  HOLDFAST_WIRE(device, inode, size, mtime_ns, ctime_ns, racy)
  friend bool operator==(const Seen&, const Seen&) = default;
};
[[nodiscard]] Seen seen_of(const FileStat& stat, std::int64_t scan_time_ns);

struct FileStateHeader {
  Label<"Holdfast 1 file state"> label;
  SpaceId space;
  std::string snapshot_key;  // of the snapshot that was committed with it
  space::Root root;
  std::vector<std::string> paths;
  HOLDFAST_WIRE(label, space, snapshot_key, root, paths)
};

// Writes one file state. Nothing is durable until finish().
class FileStateWriter {
 public:
  static Result<FileStateWriter> create(Files& files, const Path& path);
  void entry(const std::string& name, const Seen& seen, const space::TreeEntry& entry);
  void begin_folder(const std::string& name, const Seen& seen);
  void end_folder(const space::TreeEntry& entry);
  void copy(ByteView records, const Mapping* mapping = nullptr);  // whole records of an older state
  Status finish(const FileStateHeader& header);                   // takes the place of the file at `path`
  [[nodiscard]] Status status() const { return status_; }

 private:
  FileStateWriter(Files& files, Path path, std::unique_ptr<File> file)
      : files_(&files), path_(std::move(path)), file_(std::move(file)) {}
  void put_head(std::uint8_t kind, const std::string& name, const Seen& seen);
  void flush();

  Files* files_;
  Path path_;
  std::unique_ptr<File> file_;
  Bytes buffer_;
  std::uint64_t written_ = 0;
  std::vector<std::uint64_t> open_;  // where the sizes of open folders stand
  Status status_;
};

// A record of an older state. Views point into the mapping.
struct OldRecord {
  bool folder = false;
  std::string_view name;
  Seen seen;
  ByteView inside;  // a folder's records
  ByteView entry;   // encoding of space::TreeEntry
  ByteView whole;   // all of the record
};

// Goes through the records of one folder, and lets go what it has passed: a state of a million files would take 150
// MiB.
class OldRecords {
 public:
  OldRecords() = default;
  explicit OldRecords(ByteView records, const Mapping* mapping = nullptr)
      : mapping_(mapping), left_(records), held_from_(records.data()) {}
  [[nodiscard]] const OldRecord* current();  // nullptr: the end; a damaged record is the end too
  void next();
  [[nodiscard]] OldRecords inside() const;  // the current folder's. REQUIRES: current() gave it

 private:
  const Mapping* mapping_ = nullptr;  // of the records; null: they are in memory anyway
  ByteView left_;
  const std::uint8_t* held_from_ = nullptr;
  std::optional<OldRecord> record_;
  bool read_ = false;
};

class FileState {
 public:
  static Result<std::unique_ptr<FileState>> open(Files& files, const Path& path);  // NotFound, Malformed
  [[nodiscard]] const FileStateHeader& header() const { return header_; }
  [[nodiscard]] OldRecords records() const { return OldRecords(records_, mapping_.get()); }
  [[nodiscard]] const Mapping& mapping() const { return *mapping_; }

 private:
  std::unique_ptr<Mapping> mapping_;
  FileStateHeader header_;
  ByteView records_;
};

}  // namespace holdfast::backup
