// Reads entries of trees that others may change meanwhile: by descriptors, from the folder to all that is said of an
// entry.
#pragma once

#include "base/system_fd.h"

namespace holdfast {

// Opens the folders of places, and keeps the last one open: neighbours are read one after the other.
class TreeReader {
 public:
  Result<ReadAnswer> read_small(const ReadRequest& request);
  Result<EntryDetails> details(const TreePlace& place);
  Result<std::unique_ptr<File>> open(const TreePlace& place);

 private:
  Result<int> folder_of(const TreePlace& place);
  Result<Fd> open_for_reading(const TreePlace& place);

  Path path_;
  Fd folder_;
  FileId id_;
};

Result<DirectoryListing> list_in_tree(const Path& path);

}  // namespace holdfast
