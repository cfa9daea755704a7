// What a restore wrote, read back from disk and held against the snapshot's chunk ids.
#include <algorithm>

#include "backup/restore_run.h"

namespace holdfast::backup {

Status RestoreRun::verify(const std::string& name, const space::TreeEntry& entry) {
  if (const auto* folder = entry.directory()) return verify_folder(name, folder->root);
  return entry.file() != nullptr ? verify_file(name, entry) : Status();
}

Status RestoreRun::verify_folder(const std::string& name, const space::Root& root) {
  std::vector<space::TreeEntry> entries;
  Status read = space::check_depth(name);
  if (read) read = space::read_folder(reader_, root, entries);
  if (!read) return {};  // told when it was restored
  for (const auto& entry : entries) HF_OK(verify(join_path(name, entry.name), entry));
  return {};
}

Status RestoreRun::verify_file(const std::string& name, const space::TreeEntry& entry) {
  if (std::ranges::find(report_.problems, name, &Problem::path) != report_.problems.end()) return {};
  const auto compare = [&]() -> Status {
    HF_TRY(const auto file, writer_->open_existing(name));
    HF_TRY(const Sameness same, content_on_disk(reader_, space_.root_keys(), *file, *entry.file(), false));
    if (same != Sameness::equal) return fail(Code::Tampered, "what was read back from disk is not what was restored");
    return {};
  };
  if (const Status same = compare(); !same) {
    problem(name, same.error());
  } else {
    ++report_.files_verified;
  }
  tell(name);
  return {};
}

}  // namespace holdfast::backup
