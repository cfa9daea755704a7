// The walk held against the last file state: what is unchanged is taken over as whole ranges of records, and a folder
// in which nothing changed costs no tree work at all (DECISIONS D2, F4). Internal to backup.
#pragma once

#include "backup/assembly.h"

namespace holdfast::backup {

struct Walked {
  std::string name;
  Path path;
  FileStat stat;
  TreePlace place = {};
};

// Who makes the entries of folders.
class Folders {
 public:
  virtual ~Folders() = default;
  virtual Status begin(const Walked& folder) = 0;
  virtual Status unchanged_inside(const Walked& folder, const space::DirectoryContent& content, ByteView inside) = 0;
};

class Compare {
 public:
  // old: may be null. trusted: the snapshot of `old` is still kept; else `usable` is asked for each entry (D2).
  Compare(const FileState* old, bool trusted, std::function<bool(const space::TreeEntry&)> usable,
          std::int64_t scan_time_ns, std::function<Assembly&()> assembly, Folders& folders);

  Status enter(Walked folder);
  // True: taken over from before. False: the caller reads it and gives it to the assembly, which is ready for it.
  Result<bool> unchanged(const Walked& entry);
  Status leave();
  // All roots are walked. True: everything is as it was.
  Result<bool> finish();
  // Right after unchanged() said false. There was an entry of this name; and its stat was the same, so that only a
  // second look can tell.
  [[nodiscard]] bool had_before() const { return had_before_; }
  [[nodiscard]] bool looked_the_same() const { return looked_the_same_; }

 private:
  struct Level {
    Walked folder;
    OldRecords old;
    ByteView matched;  // from the start of the old records: all equal so far
    std::optional<OldRecord> self;
    bool same = false;  // nothing of this level is in the assembly: it equals `matched`
    bool self_unchanged = false;
  };

  const OldRecord* find(Level& level, const std::string& name, bool folder);
  Status materialize();
  void take_over(Level& level, const OldRecord& record);

  bool trusted_;
  std::function<bool(const space::TreeEntry&)> usable_;
  std::int64_t scan_time_ns_;
  std::function<Assembly&()> assembly_;
  Folders& folders_;
  std::vector<Level> levels_;
  bool had_before_ = false, looked_the_same_ = false;
  bool gone_ = false;  // find() passed over records of what is gone
};

}  // namespace holdfast::backup
