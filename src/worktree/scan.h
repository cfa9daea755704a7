// Walks what is to be backed up. The order is the same each time: a directory's entries other than directories, sorted
// by the bytes of their names, then each of its directories in the same order, entered, walked and left.
//
// Holds the entries of the open directories' unvisited folders and of some directories ahead, never a whole tree; the
// entries of one directory are in memory together. Links are never followed.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/files.h"
#include "worktree/ignore.h"

namespace holdfast::worktree {

struct EnterDirectory {
  std::string path;  // relative to the root, "" is the root
  FileStat stat;     // of what was listed
  TreePlace place;   // of that same folder
};
struct ScanEntry {  // no directory; belongs to the directory that was entered last
  std::string name;
  FileStat stat;
  TreePlace place;
};
struct LeaveDirectory {};
struct ScanProblem {  // something that is left out; the walk goes on
  std::string path;   // relative to the root: an entry, a directory that can't be read, an ignore file without effect
  Error error;
};
using ScanEvent = std::variant<EnterDirectory, ScanEntry, LeaveDirectory, ScanProblem>;

struct ScanOptions {
  bool one_file_system = false;                     // a mount point is given as an empty directory
  std::shared_ptr<const IgnoreRules> exclude = {};  // of the command line, anchored at the root; may be null
  std::vector<FileId> exclude_inodes = {};          // left out without a word
  bool ignore_files = true;                         // whether .holdfastignore files have their effect
};

// Belongs to one thread at a time.
class Scanner {
 public:
  // root: a directory, or any other entry: then the only event is a ScanEntry.
  Scanner(Files& files, Path root, ScanOptions options);
  ~Scanner();

  // nullopt: the end. An error: there is no root.
  // What vanishes during the walk is left out without a word; what becomes something else is a problem (Changed), and
  // so are folders below space::folders_deep_max others (Unsupported).
  Result<std::optional<ScanEvent>> next();

 private:
  struct Directory;
  struct Listing;

  Result<std::optional<ScanEvent>> begin();
  ScanEvent enter(const std::string& path, const Directory& directory) const;
  [[nodiscard]] TreePlace place_of(const Directory& directory) const;
  void read_ahead(Directory& first);
  std::vector<Directory*> choose_ahead(Directory& first) const;
  void take_listing(Directory& directory, const std::string& path, std::vector<DirectoryEntry> entries);
  void read_ignore_files(const std::vector<Directory*>& directories, const std::vector<std::string>& paths,
                         const std::vector<Result<DirectoryListing>>& lists);
  std::string path_of(const Directory& directory) const;
  bool is_another_file_system(const FileStat& stat) const;  // that is not to be entered
  bool is_left_out(const FileStat& stat) const;

  Files& files_;
  const Path root_path_;
  const ScanOptions options_;
  std::unique_ptr<Directory> root_;
  std::vector<Directory*> open_;   // entered and not left, the root first
  std::size_t entries_ahead_ = 0;  // in directories that are read and not entered
  bool begun_ = false;
};

}  // namespace holdfast::worktree
