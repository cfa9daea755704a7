// The assembly line between the walk and the tree: folders and entries in walk order, some waiting for the ids of their
// chunks, become nodes and the next file state in that same order. Internal to backup.
#pragma once

#include <deque>

#include "backup/file_state.h"

namespace holdfast::backup {

class Assembly {
 public:
  // Both may be null. old: of what old_records and folder_inside_unchanged get.
  Assembly(const space::RootKeys& keys, space::NodeSink nodes, FileStateWriter* state, const Mapping* old = nullptr);

  std::uint64_t begin_folder(space::TreeEntry entry,
                             const Seen& seen);  // its content comes between here and end_folder
  void end_folder();
  std::uint64_t entry(space::TreeEntry entry, const Seen& seen);  // all but its attributes, perhaps
  // A file whose chunks will come: its token. holes: where it has no data, in order (sparse files).
  std::uint64_t file(space::TreeEntry entry, const Seen& seen, std::vector<Range> holes);
  // The token for the one chunk that holds the attributes of that file or folder, announced before anything else is
  // added.
  static std::uint64_t attributes_of(std::uint64_t token) { return token | attributes_bit; }
  void expect_attributes(std::uint64_t token, std::uint32_t length);
  // Of a file whose chunks are still to come: what is read is not what was announced.
  void describe_again(std::uint64_t token, space::TreeEntry entry, const Seen& seen);
  void old_records(ByteView records);  // whole, unchanged
  std::uint64_t folder_inside_unchanged(space::TreeEntry entry, const Seen& seen,
                                        ByteView inside);  // its own metadata changed

  // From ingest, in the order of adding. The error of a node that could not be delivered.
  Status chunk(std::uint64_t token, const ChunkId& id, std::uint32_t length);
  // All of the file was given to ingest: data_bytes of chunks, and size in all.
  Status file_read(std::uint64_t token, std::uint64_t data_bytes, std::uint64_t size);
  void drop(std::uint64_t token);  // it could not be read: no entry

  Status advance();  // hands on what is complete
  [[nodiscard]] std::size_t waiting() const { return line_.size(); }

  // The tree of all that was handed on so far, for a partial commit (D21); the assembly goes on as before.
  Result<space::BuiltTree> so_far();
  Result<space::BuiltTree> finish();  // the root folder's

 private:
  static constexpr std::uint64_t attributes_bit = std::uint64_t{1} << 63;

  struct Item {
    enum class Kind { entry, begin, end, old, folder } kind = Kind::entry;
    space::TreeEntry tree;
    Seen seen;
    ByteView records;
    // Of a file, and of what has its attributes in a chunk:
    bool reading = false, dropped = false;
    std::size_t attributes_due = 0;  // chunks; the last one counts, and only if attributes_in_chunk
    bool attributes_in_chunk = false;
    std::vector<Range> holes;
    std::size_t holes_placed = 0;
    std::uint64_t position = 0;  // of the next piece
    std::uint64_t data_bytes = 0, data_bytes_due = 0, size = 0;
    bool all_given = false;
    std::unique_ptr<space::TreeBuilder<space::ManifestEntry>> manifest;
    std::optional<space::ManifestEntry> only;  // the first piece, until there is a second
    [[nodiscard]] bool complete() const {
      return attributes_due == 0 && (!reading || (all_given && data_bytes == data_bytes_due));
    }
  };
  // Its entries come first and its folders after them, but a tree is sorted by name: all are held until the folder
  // ends.
  struct Frame {
    space::TreeEntry entry;
    std::vector<space::TreeEntry> held;
  };
  Result<space::BuiltTree> build(std::vector<space::TreeEntry> entries);

  Item& put(Item::Kind kind);
  Item& item(std::uint64_t token);
  Status piece(Item& file, space::ManifestEntry entry);
  Status place_holes(Item& file, std::uint64_t until);
  Status close_file(Item& file);
  Status hand_on(Item& item);
  Status replay(ByteView records);

  const space::RootKeys& keys_;
  space::NodeSink nodes_;
  FileStateWriter* state_;
  const Mapping* old_;
  std::deque<Item> line_;
  std::uint64_t first_token_ = 1, next_token_ = 1;  // of line_.front(), of the next item
  std::vector<Frame> frames_;
};

}  // namespace holdfast::backup
