// One restore: the tree is walked, and every few thousand files are written before the walk goes on. Internal to
// backup.
#pragma once

#include <set>
#include <unordered_map>

#include "backup/fetch.h"
#include "backup/restore.h"
#include "backup/restore_mark.h"

namespace holdfast::backup {

// Equal for two names of one file. A number that a file system gave to another file while a backup ran makes no link:
// the rest of the entry differs.
Bytes linked_file(space::TreeEntry entry);

FileType type_of(const space::TreeEntry& entry);

class RestoreRun {
 public:
  RestoreRun(session::SpaceSession& space, const RestoreOptions& options);
  Result<RestoreReport> go(const space::Root& root);

 private:
  struct Place {  // where a chunk belongs
    std::size_t file = 0;
    std::uint64_t offset = 0;
  };
  struct PlannedFile {
    std::string name;  // below the target
    space::TreeEntry entry;
    std::shared_ptr<File> open{};  // a large one
    std::uint64_t bytes_left = 0;  // of data chunks
    bool planned = true;           // to its end; false while a large one's pieces are still being read
    bool failed = false;
  };
  struct PlannedChunk {
    ChunkId id;
    std::uint32_t length = 0;
    std::vector<Place> places;
  };
  struct Folder {
    std::string name;
    FileId made;
    Metadata metadata;
  };

  // A folder below the target while its entries are planned.
  struct Here {
    std::map<std::string, FileStat> there;         // what is in it; of one that this run made: nothing
    bool ours = false;                             // made by this restore before it was interrupted
    bool trusted = false;                          // nobody else can exchange names in it, or in what is above it
    std::optional<std::set<std::string>> stood{};  // in a folder that isn't ours, before this restore made anything
  };
  struct Standing {  // what has an entry's name already
    FileStat stat;
    bool ours = false;  // nothing had this name when this restore began, before it was interrupted
  };
  enum class Meeting : std::uint8_t { make, done };

  // restore.cpp: the walk
  Status plan_entry(const std::string& name, space::TreeEntry entry, const Here& here);
  Status plan_directory(const std::string& name, const space::TreeEntry& entry, const Here& here);
  Status plan_folder(const std::string& name, const space::Root& root, Here here,
                     const std::optional<FileId>& look_into_it);
  Status plan_leaf(const std::string& name, space::TreeEntry entry, const std::optional<Standing>& there);
  Status plan_file(const std::string& name, space::TreeEntry entry);
  void make_other(const std::string& name, const space::TreeEntry& entry);
  Result<Metadata> metadata_of(const space::TreeEntry& entry);
  Status link_together();
  [[nodiscard]] std::optional<ExpectedFile> expected_first(const space::TreeEntry& entry) const;
  Status set_folders();
  void problem(const std::string& name, Error error);
  void tell(const std::string& current, bool now = false);

  // restore_there.cpp: what is there already
  void look_into_target(std::span<const space::TreeEntry> entries, Here& here);
  Result<DirectoryListing> list_folder(const std::string& name);
  void look_into(const std::string& name, const DirectoryListing& listing, std::span<const space::TreeEntry> entries,
                 Here& here);
  void tell_unmarked(const Error& error);
  static std::optional<Standing> standing(const std::string& leaf, const Here& here);
  Result<TreePlace> place_of(const std::string& name);
  Meeting meet(const std::string& name, const space::TreeEntry& entry, const Standing& there);
  Result<Sameness> compare(const TreePlace& place, const space::TreeEntry& entry, const EntryDetails& details,
                           bool parts);
  Result<Meeting> complete(const std::string& name, const space::TreeEntry& entry, const EntryDetails& details,
                           bool ours);
  bool is_link_there(const std::string& first, const std::string& name, const space::TreeEntry& entry,
                     const Standing& there);
  [[nodiscard]] bool is_made_here(const FileStat& there, const space::TreeEntry& entry) const;
  [[nodiscard]] bool may_take_over(const EntryDetails& there, const space::TreeEntry& entry, const Metadata& wanted,
                                   bool ours) const;
  [[nodiscard]] bool may_finish(const FileStat& there, const space::TreeEntry& entry, bool trusted) const;
  [[nodiscard]] bool is_own_alone(const FileStat& folder) const;
  void tell_differences(const std::string& name, const Metadata& wanted, const EntryDetails& details);
  void count_there(const space::TreeEntry& entry, const std::string& name);

  // restore_window.cpp
  Status plan_manifest(std::size_t file, const space::Root& manifest);
  void want(const ChunkId& id, std::uint32_t length, Place place);
  Status write_planned_if_enough();
  Status write_planned();
  std::vector<WantedPack> locate();
  void second_try(const PlannedChunk& chunk, const Error& first);
  Status write_chunk(const PlannedChunk& chunk, ByteView bytes);
  Status write_small(std::size_t file, ByteView bytes);
  Status added_to_batch(std::size_t bytes);
  void submit_batch();
  Status finish_batch();
  void finish_file(PlannedFile& file);
  void fail_file(PlannedFile& file, Error error);

  // restore_verify.cpp
  Status verify(const std::string& name, const space::TreeEntry& entry);
  Status verify_folder(const std::string& name, const space::Root& root);
  Status verify_file(const std::string& name, const space::TreeEntry& entry);

  session::SpaceSession& space_;
  const RestoreOptions& options_;
  session::SpaceReader reader_;
  std::unique_ptr<TreeWriter> writer_;
  RestoreReport report_;
  Counters counters_;
  Pace pace_;

  std::vector<PlannedFile> files_;
  std::vector<PlannedChunk> chunks_;
  std::unordered_map<ChunkId, std::size_t, FixedBytesHash> chunk_at_;
  std::uint64_t planned_bytes_ = 0;
  std::size_t pieces_ = 0;  // places of all chunks_

  struct Batch {
    struct Piece {
      std::size_t file = 0, size = 0;
    };
    WriteBatch writes;  // until it is submitted
    std::vector<std::size_t> files;
    std::vector<Piece> pieces;
    std::size_t bytes = 0;
  };
  Batch batch_;                         // being gathered
  std::map<RequestId, Batch> writing_;  // submitted
  std::size_t writing_bytes_ = 0;
  std::shared_ptr<const Bytes> current_block_;

  std::vector<Folder> folders_;
  std::map<Bytes, std::string> first_links_;  // by linked_file; whose name the others are linked to
  std::set<std::string> failed_firsts_;
  struct Link {
    Bytes file;  // linked_file
    std::string name;
    space::TreeEntry entry;
    std::optional<Standing> there;
  };
  std::vector<Link> links_;

  RestoreMark mark_;
  bool told_unmarked_ = false;
  std::string interrupted_prefix_;  // of the temporary names that the interrupted run may have left
  std::pair<std::string, std::shared_ptr<const ListedFolder>> looked_;  // the folder that was looked into last
};

}  // namespace holdfast::backup
