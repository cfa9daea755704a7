// One run of a backup, from the walk to the commit. Internal to backup.
#pragma once

#include <span>

#include "backup/backup.h"
#include "backup/compare.h"
#include "backup/local_tree.h"
#include "backup/names.h"
#include "session/publish.h"
#include "space/chunk_set.h"
#include "worktree/scan.h"

namespace holdfast::backup {

inline constexpr std::size_t relied_max = std::size_t{1} << 20;  // some 24 MiB; with more, a prune makes it start over
inline constexpr std::int64_t partial_age_ns = 15 * 60 * second_ns;  // of an upload: then it is committed (D21)

class Run final : private Folders {
 public:
  Run(session::SpaceSession& space, const BackupOptions& options);
  ~Run() override;
  Result<BackupReport> go();
  Result<std::unique_ptr<LocalTree>> read_only();                         // local_tree.cpp
  [[nodiscard]] bool left_partial() const { return !partials_.empty(); }  // snapshots, until it commits
  void forget_upload();  // the server dropped it, or it was published by a run that did not live to note that

 private:
  using FileCount = std::uint64_t space::SnapshotStats::*;  // new, changed, unchanged
  struct SmallFile {
    Walked entry;  // as it was last looked at
    std::uint64_t token = 0;
    FileCount count = nullptr;  // in which it was counted, with so many bytes
    std::uint64_t bytes_counted = 0;
    int tries = 0;
  };
  struct Looked {  // all of it of one and the same entry
    space::TreeEntry tree;
    FileStat stat;
    bool whole = true;  // with its attributes
  };

  Status prepare();
  [[nodiscard]] Status expect_something_saved() const;
  Result<space::Root> finish_tree(bool same);  // same: as before
  Status count();
  [[nodiscard]] Result<worktree::ScanOptions> scan_options() const;
  Status walk_all();
  Status walk_root(const Path& root, const std::string& name);
  Status on_entry(const Walked& entry);
  Status begin(const Walked& folder) override;
  Status unchanged_inside(const Walked& folder, const space::DirectoryContent& content, ByteView inside) override;
  // New or changed. False: it was left out, which is told.
  Result<bool> take_in(const Walked& entry, FileCount count);
  Result<bool> take_in_file(const Walked& entry, FileCount count);
  bool could_be_read(const Walked& entry);
  Status read_small();
  // whole: all of it was saved, else the next backup reads it again.
  Status describe_again(std::uint64_t token, const Walked& entry, const FileStat& before, bool whole,
                        Result<std::vector<Attribute>> attributes);
  [[nodiscard]] Seen seen(const FileStat& stat, bool whole) const;
  Result<bool> read_large(std::uint64_t token, const Walked& entry, File& file, const FileStat& before,
                          std::span<const Range> data);
  space::TreeEntry entry_of(const std::string& name, const FileStat& stat);
  // False: they are not known, and the entry is for its owner alone.
  bool give_attributes(space::TreeEntry& entry, const Path& path, Result<std::vector<Attribute>> attributes);
  Result<Looked> look_at(const Walked& walked);
  Looked look_at_folder(const Walked& folder);
  Status add_attributes(std::uint64_t token);
  void problem(const Path& path, Error error, bool left_out = true);
  void count_entry(const FileStat& stat, bool saved = true);
  void check_time(const Path& path, const FileStat& stat);
  void tell(const Path& current, bool now = false);

  Assembly& assembly();
  Status deliver(space::SealedPack pack);
  Status ensure_upload();
  Status flush_all();
  Status commit_partial();
  Status check_prunes();
  [[nodiscard]] Result<bool> stands_without_upload();
  bool rely_on(const ChunkId& id);
  Result<session::Draft> draft(space::Snapshot& snapshot);
  Result<std::optional<session::Draft>> live_draft(space::Snapshot& made);  // run_live.cpp
  Status check_live_place();
  Status commit_live(space::Snapshot& made);
  Status look_for_resumed();
  Status published();
  Status commit(space::Snapshot& snapshot);
  [[nodiscard]] space::Snapshot new_snapshot(const space::Root& root, bool partial);
  [[nodiscard]] Path file_state_path() const;
  [[nodiscard]] std::string purpose() const;

  session::SpaceSession& space_;
  const BackupOptions& options_;
  Doors doors_;
  Names names_;
  std::int64_t scan_time_ns_;
  std::uint64_t prunes_seen_;
  std::vector<std::pair<Path, std::string>> roots_;  // path and its name in the snapshot, sorted by name

  std::unique_ptr<FileState> old_;
  bool trusted_ = false, keeps_state_ = true;
  // Since the last partial commit, which has all that was referred to before: the chunks that the space had already,
  // beside those below a trusted old root.
  space::ChunkSet relied_;
  std::optional<FileStateWriter> state_writer_;
  std::string state_claim_;  // of two equal commands at once, one writes the file state
  std::unique_ptr<session::Upload> upload_;
  std::unique_ptr<KeptNodes> kept_;  // for the live tree, and of one that is only read
  std::optional<Intake> intake_;
  std::optional<Assembly> assembly_;
  std::optional<Compare> compare_;
  Bytes window_;  // of a large file; its memory serves again
  std::vector<SmallFile> small_;
  std::uint64_t small_bytes_ = 0;
  std::optional<Bytes> attributes_;  // encoded, of the entry that is about to get its token

  std::vector<std::string> partials_;  // keys of this run's partial snapshots, replaced by the next commit
  std::int64_t upload_began_ns_ = 0;
  Pace pace_;
  Counters counters_;
  space::SnapshotStats stats_;
  BackupReport report_;
};

}  // namespace holdfast::backup
