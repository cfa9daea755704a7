#include "backup/compare.h"

namespace holdfast::backup {

Compare::Compare(const FileState* old, bool trusted, std::function<bool(const space::TreeEntry&)> usable,
                 std::int64_t scan_time_ns, std::function<Assembly&()> assembly, Folders& folders)
    : trusted_(trusted),
      usable_(std::move(usable)),
      scan_time_ns_(scan_time_ns),
      assembly_(std::move(assembly)),
      folders_(folders) {
  Level& root = levels_.emplace_back();
  root.same = old != nullptr && trusted;
  if (old != nullptr) root.old = old->records();
}

// The old record of this name and sort, or null. The walk gives a folder's entries first and then its folders, each by
// name; what comes before it in the old order is gone from the disk.
const OldRecord* Compare::find(Level& level, const std::string& name, bool folder) {
  const OldRecord* record = level.old.current();
  while (record != nullptr && std::pair(record->folder, record->name) < std::pair(folder, std::string_view(name))) {
    level.old.next();
    record = level.old.current();
    gone_ = true;
  }
  return record != nullptr && record->folder == folder && record->name == name ? record : nullptr;
}

// From here on the open folders differ from before: what was equal so far goes into the assembly.
Status Compare::materialize() {
  for (std::size_t depth = 0; depth < levels_.size(); ++depth) {
    Level& level = levels_[depth];
    if (!level.same) continue;
    level.same = false;
    if (depth > 0) HF_OK(folders_.begin(level.folder));
    if (!level.matched.empty()) assembly_().old_records(level.matched);
  }
  return {};
}

void Compare::take_over(Level& level, const OldRecord& record) {
  if (!level.same) {
    assembly_().old_records(record.whole);
  } else {
    level.matched = level.matched.empty() ? record.whole
                                          : ByteView(level.matched.data(), level.matched.size() + record.whole.size());
  }
}

Status Compare::enter(Walked folder) {
  Level& parent = levels_.back();
  const OldRecord* record = find(parent, folder.name, true);
  if (std::exchange(gone_, false)) HF_OK(materialize());

  Level level;
  level.folder = std::move(folder);
  if (record != nullptr) {
    level.self = *record;
    level.old = parent.old.inside();
    level.same = trusted_;
    level.self_unchanged = record->seen == seen_of(level.folder.stat, scan_time_ns_) && !record->seen.racy;
  }
  if (!level.same) {
    HF_OK(materialize());
    HF_OK(folders_.begin(level.folder));
  }
  levels_.push_back(std::move(level));
  return {};
}

Result<bool> Compare::unchanged(const Walked& entry) {
  Level& level = levels_.back();
  const OldRecord* record = find(level, entry.name, false);
  if (std::exchange(gone_, false)) HF_OK(materialize());
  had_before_ = record != nullptr;

  looked_the_same_ =
      record != nullptr && record->seen == Seen{entry.stat.device,   entry.stat.inode,    entry.stat.size,
                                                entry.stat.mtime_ns, entry.stat.ctime_ns, record->seen.racy};
  bool equal = looked_the_same_ && !record->seen.racy;
  if (equal && !trusted_) {
    const auto old = decode<space::TreeEntry>(record->entry, "what the last backup saw of an entry");
    equal = old && usable_(*old);
  }
  if (equal) {
    const OldRecord taken = *record;
    level.old.next();
    take_over(level, taken);
    return true;
  }
  HF_OK(materialize());
  if (record != nullptr) level.old.next();
  return false;
}

Status Compare::leave() {
  Level& level = levels_.back();
  if (level.same && level.old.current() == nullptr) {
    Level done = std::move(level);
    levels_.pop_back();
    Level& parent = levels_.back();
    if (done.self_unchanged) {
      take_over(parent, *done.self);
    } else {
      HF_OK(materialize());
      HF_TRY(const auto old, decode<space::TreeEntry>(done.self->entry, "what the last backup saw of a folder"));
      if (old.directory() == nullptr) return fail(Code::Malformed, "what the last backup saw of a folder is no folder");
      HF_OK(folders_.unchanged_inside(done.folder, *old.directory(), done.self->inside));
    }
    parent.old.next();
    return {};
  }
  HF_OK(materialize());
  assembly_().end_folder();
  const bool had_record = level.self.has_value();
  levels_.pop_back();
  if (had_record) levels_.back().old.next();
  return {};
}

Result<bool> Compare::finish() {
  Level& root = levels_.front();
  if (root.same && root.old.current() == nullptr) return true;
  HF_OK(materialize());
  return false;
}

}  // namespace holdfast::backup
