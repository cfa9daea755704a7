// Reads entries of trees that others may change meanwhile: by descriptors, from folder to folder to all that is said of
// an entry. Paths serve only to find where a tree begins.
#pragma once

#include "base/system_fd.h"

namespace holdfast {

// A folder that was opened otherwise, as a place to begin: O_PATH will do.
std::shared_ptr<const ListedFolder> listed_folder(Fd directory);

Result<DirectoryListing> list_in_tree(const TreePlace& place);
Result<EntryDetails> details_in_tree(const TreePlace& place);
Result<std::unique_ptr<File>> open_in_tree(const TreePlace& place);
Result<ReadAnswer> read_in_tree(const ReadRequest& request);

}  // namespace holdfast
