// A tree, or a path in one, becomes files again (DECISIONS F4): of a snapshot, or a space's live tree.
//
// The needed blocks are grouped by pack in order, a few packs in flight; each block is opened once and written to all
// its places; folders' times come last. What can't be restored is named path by path, and the rest is.
#pragma once

#include <functional>

#include "backup/backup.h"
#include "session/reader.h"

namespace holdfast::backup {

struct RestoreOptions {
  std::string path;  // in the tree, "" for all of it
  // Is made when it is missing; each entry of the tree's root, or the one at `path`, is put below it by its last name.
  Path target;
  // What differs from the tree is replaced, and of what is equal the metadata is set. Without it nothing that stood
  // there is changed; folders are entered either way. What is there and equal is not fetched.
  bool overwrite = false;
  bool verify = false;     // everything is read back from disk and compared with its chunk ids
  bool set_owner = false;  // owners are set too (by root)
  // Who restores, uid and gid: without set_owner, only this owner's files keep their set-id bits.
  std::optional<std::pair<std::uint32_t, std::uint32_t>> restorer;
  // Whether this file stands there as it must be, so that it is left as it is. Null: restore looks itself, and goes on
  // where one into the same folder was interrupted.
  std::function<bool(const std::string& name, const space::TreeEntry& entry)> stands;
  std::function<void(const Counters&)> progress;
  std::size_t window_pieces_max = 20'000;  // chunks of files that are planned before they are fetched and written
};

struct RestoreReport : Problems {
  space::SnapshotStats stats;         // what was restored: files, directories, others, bytes
  std::vector<std::string> warnings;  // attributes and owners that this file system refused
  std::uint64_t bytes_received = 0;
  std::uint64_t files_verified = 0;
  std::uint64_t files_there = 0, others_there = 0, bytes_there = 0;  // were there already, equal; not in `stats`
  std::uint64_t metadata_differs = 0;  // of those and of folders that stood there; named in `warnings`
  [[nodiscard]] bool damaged() const;  // a problem is what the server has lost or changed
};

[[nodiscard]] Result<RestoreReport> run_restore(session::SpaceSession& space, const space::Root& root,
                                                const RestoreOptions& options);

// What a file on disk is to the content that it should have.
enum class Sameness : std::uint8_t {
  equal,
  part,  // not all of it, and nothing else: each byte is the content's or zero, and there are no more
  different,
};
// Every byte is read and held against its chunk's id. parts: it may be a part; its chunks are fetched to tell.
[[nodiscard]] Result<Sameness> content_on_disk(space::ChunkSource& chunks, const space::RootKeys& keys, File& file,
                                               const space::FileContent& content, bool parts);

// A file's bytes in order, in bounded memory. NotFound; InvalidArgument: it is no regular file.
Status cat_file(session::SpaceSession& space, const space::Root& root, const std::string& path,
                const std::function<Status(ByteView)>& out);

}  // namespace holdfast::backup
