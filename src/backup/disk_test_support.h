// A disk in memory and a backup of it that has all of Compare, Assembly and the file state, and nothing else: for
// tests. Included by *_test.cpp only.
#pragma once

#include <deque>

#include "backup/compare.h"
#include "base/system.h"
#include "base/system_test_directory.h"
#include "space/tree_test_support.h"

namespace holdfast::backup::testing {

using space::testing::SeededRandom;
using space::testing::TestChunks;

struct DiskNode {
  FileStat stat;
  std::map<std::string, DiskNode> inside;  // of a folder
  [[nodiscard]] bool is_folder() const { return stat.type == FileType::directory; }
};

// What a backup saves of an entry: all of it follows from its name and stat, so two backups of one disk must agree.
inline space::TreeEntry entry_of(const std::string& name, const FileStat& stat) {
  space::TreeEntry entry;
  entry.name = name;
  entry.mode = static_cast<std::uint16_t>(stat.mode);
  entry.mtime_ns = stat.mtime_ns;
  if (stat.type == FileType::directory) entry.content = space::DirectoryContent{};
  if (stat.type == FileType::symlink) entry.content = space::SymlinkContent{"to " + std::to_string(stat.mtime_ns)};
  return entry;
}

struct Outcome {
  space::Root root;
  bool same = false;
  std::size_t files_read = 0;
};

class TestBackup final : private Folders {
 public:
  TestBackup(TestChunks& chunks, const space::RootKeys& keys, const FileState* old, bool trusted,
             std::int64_t scan_time_ns, FileStateWriter& state, std::uint64_t seed)
      : chunks_(chunks),
        keys_(keys),
        state_(state),
        scan_time_ns_(scan_time_ns),
        random_(seed),
        compare_(
            old, trusted, [this](const space::TreeEntry&) { return random_.below(2) == 0; }, scan_time_ns,
            [this]() -> Assembly& { return assembly(); }, *this) {}

  Result<Outcome> run(const DiskNode& disk, const space::Root& old_root) {
    HF_OK(walk_inside(disk, "/"));
    Outcome out;
    HF_TRY(out.same, compare_.finish());
    out.files_read = files_read_;
    if (out.same && !assembly_) {
      out.root = old_root;
      return out;
    }
    HF_OK(deliver(pending_.size()));
    HF_TRY(const auto built, assembly().finish());
    out.root = built.root;
    return out;
  }
  Assembly& assembly() {
    if (!assembly_) assembly_.emplace(keys_, chunks_.sink(), &state_);
    return *assembly_;
  }

 private:
  struct Pending {
    std::uint64_t token;
    ChunkId id;
    std::uint32_t length;
  };

  // The order of a walk: a folder's entries by name, then its folders by name.
  Status walk_inside(const DiskNode& folder, const Path& path) {
    for (const auto& [name, node] : folder.inside)
      if (!node.is_folder()) HF_OK(entry({name, join_path(path, name), node.stat}));
    for (const auto& [name, node] : folder.inside) {
      if (!node.is_folder()) continue;
      HF_OK(compare_.enter({name, join_path(path, name), node.stat}));
      HF_OK(walk_inside(node, join_path(path, name)));
      HF_OK(compare_.leave());
    }
    return {};
  }

  Status entry(const Walked& walked) {
    HF_TRY(const bool unchanged, compare_.unchanged(walked));
    if (unchanged) return {};
    ++files_read_;
    const Seen seen = seen_of(walked.stat, scan_time_ns_);
    if (walked.stat.type != FileType::regular) {
      assembly().entry(entry_of(walked.name, walked.stat), seen);
      return assembly().advance();
    }
    // Pieces of at most 100 bytes, whose ids come back later, in order.
    const std::uint64_t token = assembly().file(entry_of(walked.name, walked.stat), seen, {});
    for (std::uint64_t at = 0; at < walked.stat.size; at += 100) {
      const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(100, walked.stat.size - at));
      Bytes what = encode(walked.stat.inode);
      append(what, encode(walked.stat.mtime_ns));
      append(what, encode(at));
      pending_.push_back({token, {crypto::sha256(what).bytes}, length});
    }
    HF_OK(assembly().file_read(token, walked.stat.size, walked.stat.size));
    return deliver(random_.below(pending_.size() + 1));
  }

  Status deliver(std::size_t count) {
    for (; count > 0; --count) {
      const Pending next = pending_.front();
      pending_.pop_front();
      HF_OK(assembly().chunk(next.token, next.id, next.length));
    }
    return assembly_ ? assembly_->advance() : Status();
  }

  Status begin(const Walked& folder) override {
    assembly().begin_folder(entry_of(folder.name, folder.stat), seen_of(folder.stat, scan_time_ns_));
    return {};
  }
  Status unchanged_inside(const Walked& folder, const space::DirectoryContent& content, ByteView inside) override {
    space::TreeEntry entry = entry_of(folder.name, folder.stat);
    entry.content = content;
    assembly().folder_inside_unchanged(std::move(entry), seen_of(folder.stat, scan_time_ns_), inside);
    return {};
  }

  TestChunks& chunks_;
  const space::RootKeys& keys_;
  FileStateWriter& state_;
  std::int64_t scan_time_ns_;
  SeededRandom random_;
  std::optional<Assembly> assembly_;
  Compare compare_;
  std::deque<Pending> pending_;
  std::size_t files_read_ = 0;
};

// A disk that changes as its seed says.
class TestDisk {
 public:
  explicit TestDisk(std::uint64_t seed) : random_(seed) { root.stat.type = FileType::directory; }

  void grow(int nodes) {
    for (int i = 0; i < nodes; ++i) add();
  }
  void change(int times) {
    for (int i = 0; i < times; ++i) {
      DiskNode& folder = any_folder();
      switch (random_.below(8)) {
        case 0:
        case 1:
          add();
          break;
        case 2:
          remove_one(folder);
          break;
        case 3:
          rename_one(folder);
          break;
        case 4:
          swap_kind(folder);
          break;
        case 5:
          renew(folder.stat);
          break;  // a folder's own metadata
        default:
          renew_one(folder);
          break;
      }
    }
  }

  std::int64_t now_ns = 1'000'000'000'000;
  DiskNode root;

 private:
  std::string any_name() {
    static constexpr std::string_view names[] = {"a",        "b", "c",   "dd",  "e.txt", "F",
                                                 "\xc3\xa4", "~", "a-b", "a b", "aa"};
    return std::string(names[random_.below(std::size(names))]);
  }
  DiskNode& any_folder() {
    DiskNode* at = &root;
    for (;;) {
      std::vector<DiskNode*> folders;
      for (auto& [name, node] : at->inside)
        if (node.is_folder()) folders.push_back(&node);
      if (folders.empty() || random_.below(3) == 0) return *at;
      at = folders[random_.below(folders.size())];
    }
  }
  // As a file system does it: any change of an entry is seen in its ctime, and of the folder that it is in.
  void renew(FileStat& stat) {
    now_ns += 10'000'000'000;
    stat.ctime_ns = now_ns;
    if (random_.below(2) == 0) stat.mtime_ns = now_ns;
    if (random_.below(2) == 0) stat.mode ^= 0100;
    if (stat.type == FileType::regular && stat.mtime_ns == now_ns) stat.size = random_.below(350);
  }
  void touched(DiskNode& folder) {
    now_ns += 10'000'000'000;
    folder.stat.mtime_ns = folder.stat.ctime_ns = now_ns;
  }
  DiskNode make(bool folder) {
    DiskNode node;
    node.stat.type = folder ? FileType::directory : random_.below(8) == 0 ? FileType::symlink : FileType::regular;
    node.stat.inode = ++inodes_;
    node.stat.mode = 0644;
    node.stat.mtime_ns = node.stat.ctime_ns = now_ns;
    if (node.stat.type == FileType::regular) node.stat.size = random_.below(350);
    return node;
  }
  void add() {
    DiskNode& folder = any_folder();
    touched(folder);
    folder.inside.try_emplace(any_name(), make(random_.below(4) == 0));
  }
  auto any_inside(DiskNode& folder) {
    return std::next(folder.inside.begin(), static_cast<std::ptrdiff_t>(random_.below(folder.inside.size())));
  }
  void remove_one(DiskNode& folder) {
    if (folder.inside.empty()) return;
    folder.inside.erase(any_inside(folder));
    touched(folder);
  }
  void rename_one(DiskNode& folder) {
    if (folder.inside.empty()) return;
    auto node = folder.inside.extract(any_inside(folder));
    node.key() = any_name();
    node.mapped().stat.ctime_ns = now_ns + 1;
    folder.inside.insert(std::move(node));
    touched(folder);
  }
  void swap_kind(DiskNode& folder) {
    if (folder.inside.empty()) return;
    auto& [name, node] = *any_inside(folder);
    node = make(!node.is_folder());
    touched(folder);
  }
  void renew_one(DiskNode& folder) {
    if (!folder.inside.empty()) renew(any_inside(folder)->second.stat);
  }

  SeededRandom random_;
  std::uint64_t inodes_ = 0;
};

}  // namespace holdfast::backup::testing
