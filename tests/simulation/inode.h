// One object of the simulated disk, as the running system sees it and as a power cut would leave it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/files.h"
#include "tests/simulation/content.h"

namespace holdfast::sim {

struct InodeMeta {
  std::uint32_t mode = 0, uid = 0, gid = 0;
  std::int64_t mtime_ns = 0, ctime_ns = 0;
  std::uint32_t device_major = 0, device_minor = 0;
  std::map<std::string, Bytes> attributes;
  friend bool operator==(const InodeMeta&, const InodeMeta&) = default;
};

// A write or truncation that no sync has covered yet.
struct DataChange {
  std::uint64_t number = 0;  // in the order of all changes of the disk
  bool truncation = false;
  std::uint64_t offset = 0;  // of a truncation: the new size
  Bytes bytes;
};

struct NameInDirectory {
  std::uint64_t directory = 0;
  std::string name;
};

// A name that appeared, went, or moved, and is not durable on both sides yet.
struct NameChange {
  std::uint64_t number = 0;
  std::uint64_t child = 0;
  std::optional<NameInDirectory> leaves, arrives;
};

struct Inode {
  std::uint64_t number = 0;
  FileType type = FileType::regular;
  std::string target;  // of a symbolic link; durable with the inode

  InodeMeta meta, durable_meta;
  Content content, durable_content;
  std::vector<DataChange> unsynced;
  std::map<std::string, std::uint64_t> entries, durable_entries;  // of a directory

  std::uint64_t parent = 0;                       // of a directory
  std::optional<NameInDirectory> durable_parent;  // of a directory
  std::uint64_t names = 0;                        // that lead here now
  std::uint64_t handles = 0;
  std::uint64_t data_version = 0;  // changes with the bytes

  [[nodiscard]] bool is_directory() const { return type == FileType::directory; }
};

}  // namespace holdfast::sim
