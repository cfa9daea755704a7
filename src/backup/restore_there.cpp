// A restore into a folder that has something already: what is equal stays, what an interrupted run began is finished,
// and what is anybody else's is left as it is, or replaced where that was told.
#include <algorithm>
#include <array>

#include "backup/restore_run.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::uint32_t making_mode = 0700;     // of a folder, until all in it is there
constexpr std::uint32_t inherited_bit = 02000;  // that a new folder has from a set-group-id one
constexpr std::uint32_t others_write = 022;

bool is_acl(std::string_view name) { return name.starts_with("system.posix_acl_"); }

bool has(const std::vector<Attribute>& in, const Attribute& one) { return std::ranges::find(in, one) != in.end(); }

// More than it should have, of what somebody set and no system's policy; it goes with the file alone.
bool has_more(const std::vector<Attribute>& wanted, const std::vector<Attribute>& there) {
  return std::ranges::any_of(there, [&](const Attribute& one) {
    const bool set = is_acl(one.name) || one.name.starts_with("user.") || one.name.starts_with("trusted.") ||
                     one.name == "security.capability";
    return set && !has(wanted, one);
  });
}

// Less than it should have, as far as this user may set it.
bool has_less(const std::vector<Attribute>& wanted, const std::vector<Attribute>& there, bool all) {
  return std::ranges::any_of(wanted, [&](const Attribute& one) {
    return (all || is_acl(one.name) || one.name.starts_with("user.")) && !has(there, one);
  });
}

// "its mode, its time", or nothing.
std::string differences(const Metadata& wanted, const EntryDetails& there) {
  std::string out;
  const auto add = [&](std::string_view what) { (out += out.empty() ? "its " : ", its ") += what; };
  if (wanted.owner && *wanted.owner != std::pair(there.stat.uid, there.stat.gid)) add("owner");
  if (there.stat.type != FileType::symlink && (wanted.mode & 07777u) != there.stat.mode) add("mode");
  if (!there.attributes || has_more(wanted.attributes, *there.attributes) ||
      has_less(wanted.attributes, *there.attributes, wanted.owner.has_value()))
    add("attributes");
  if (wanted.mtime_ns != there.stat.mtime_ns) add("time");
  return out;
}

}  // namespace

void RestoreRun::tell_unmarked(const Error& error) {
  if (std::exchange(told_unmarked_, true)) return;
  report_.warnings.push_back("nothing could be kept in the home for the case that this restore is interrupted: " +
                             error.sentence);
}

Result<DirectoryListing> RestoreRun::list_folder(const std::string& name) {
  HF_TRY(const TreePlace place, place_of(join_path(name, "?")));
  const TreePlace folder(place.folder, "");
  return std::move(space_.session().doors.files.list_batch({&folder, 1}).front());
}

// What can't be listed is found to be in the way name by name.
void RestoreRun::look_into_target(std::span<const space::TreeEntry> entries, Here& here) {
  const auto listing = list_folder("");
  if (!listing) return;
  const FileStat& target = listing->self;
  here.trusted = is_own_alone(target);
  const auto before = mark_.begin(options_.target, target.inode, writer_->temporary_prefix());
  if (!before) tell_unmarked(before.error());
  if (before && !before->empty()) {
    interrupted_prefix_ = *before;
    std::array<std::uint8_t, 8> random{};  // none of the names that were left is used again
    space_.session().doors.random.fill(random);
    writer_->use_temporary_prefix(*before + to_hex(random) + "-");
  }
  look_into("", *listing, entries, here);
}

void RestoreRun::look_into(const std::string& name, const DirectoryListing& listing,
                           std::span<const space::TreeEntry> entries, Here& here) {
  std::set<std::string> names;
  for (const DirectoryEntry& entry : listing.entries) {
    const bool left = !interrupted_prefix_.empty() && entry.name.starts_with(interrupted_prefix_);
    if (left && entry.stat && writer_->discard(join_path(name, entry.name), entry.stat->id())) {
      reached("restore: a temporary name that was left is removed");
      continue;
    }
    names.insert(entry.name);
    if (entry.stat) here.there.emplace(entry.name, *entry.stat);
  }
  if (here.ours || options_.overwrite) return;
  here.stood = mark_.stood(name, listing.self.inode);
  const bool all_there = std::ranges::all_of(entries, [&](const auto& entry) { return names.contains(entry.name); });
  if (here.stood || all_there) return;
  if (const auto noted = mark_.note(name, listing.self.inode, names); !noted) tell_unmarked(noted.error());
}

std::optional<RestoreRun::Standing> RestoreRun::standing(const std::string& leaf, const Here& here) {
  const auto found = here.there.find(leaf);
  if (found == here.there.end()) return std::nullopt;
  return Standing{found->second, here.ours || (here.stood && !here.stood->contains(leaf))};
}

Result<TreePlace> RestoreRun::place_of(const std::string& name) {
  std::string above(parent_of(name));
  if (looked_.second == nullptr || looked_.first != above) {
    HF_TRY(auto folder, writer_->folder(above));
    looked_ = {std::move(above), std::move(folder)};
  }
  return TreePlace(looked_.second, std::string(last_component(name)));
}

RestoreRun::Meeting RestoreRun::meet(const std::string& name, const space::TreeEntry& entry, const Standing& there) {
  const auto met = [&]() -> Result<Meeting> {
    HF_TRY(const TreePlace place, place_of(name));
    HF_TRY(const EntryDetails details, space_.session().doors.files.details(place));
    const bool ours = there.ours && is_made_here(details.stat, entry);
    HF_TRY(const Sameness same, compare(place, entry, details, ours));
    if (same == Sameness::equal) return complete(name, entry, details, ours);
    if (same == Sameness::part) {
      reached("restore: a file that was begun is made anew");
      HF_OK(writer_->discard(name, details.stat.id()));
      return Meeting::make;
    }
    return fail(Code::AlreadyExists, "something else stands there, and was left as it is", printable(name));
  };
  const auto meeting = met();
  if (meeting) return *meeting;
  if (meeting.error().code == Code::NotFound || options_.overwrite) return Meeting::make;
  if (entry.hard_link) failed_firsts_.insert(name);
  problem(name, meeting.error());
  return Meeting::done;
}

Result<Sameness> RestoreRun::compare(const TreePlace& place, const space::TreeEntry& entry, const EntryDetails& details,
                                     bool parts) {
  if (details.stat.type != type_of(entry)) return Sameness::different;
  if (const auto* link = std::get_if<space::SymlinkContent>(&entry.content))
    return details.target == link->target ? Sameness::equal : Sameness::different;
  if (const auto* device = std::get_if<space::DeviceContent>(&entry.content))
    return details.stat.device_major == device->major && details.stat.device_minor == device->minor
               ? Sameness::equal
               : Sameness::different;
  const space::FileContent* content = entry.file();
  if (content == nullptr) return Sameness::equal;
  if (details.stat.size > content->size || (!parts && details.stat.size != content->size)) return Sameness::different;
  HF_TRY(const auto file, space_.session().doors.files.open_entry(place));
  HF_TRY(const FileStat before, file->stat());
  if (before.id() != details.stat.id()) return Sameness::different;
  HF_TRY(const Sameness same, content_on_disk(reader_, space_.root_keys(), *file, *content, parts));
  HF_TRY(FileStat after, file->stat());
  after.allocated = before.allocated;  // the system finds room for what was just written when it likes
  if (!(after == before)) return fail(Code::Changed, "it was changed while it was compared", {});
  return same;
}

// Whether this user, or the owner that it has to get, could have made it.
bool RestoreRun::is_made_here(const FileStat& there, const space::TreeEntry& entry) const {
  return !options_.restorer || there.uid == options_.restorer->first || (options_.set_owner && there.uid == entry.uid);
}

// No other owner, name or writer: who has it open, or has another name of it, would have the finished file. Everything
// else is made anew, and so is what has attributes too many.
bool RestoreRun::may_take_over(const EntryDetails& there, const space::TreeEntry& entry, const Metadata& wanted,
                               bool ours) const {
  return is_made_here(there.stat, entry) && (there.stat.links == 1 || (ours && entry.hard_link)) &&
         (there.stat.mode & others_write & ~wanted.mode) == 0 && there.attributes &&
         !has_more(wanted.attributes, *there.attributes);
}

// A folder of the interrupted run: as it was made, or with its own mode already. Where somebody else can exchange
// names, a private folder could have been moved to where rights are given to all.
bool RestoreRun::may_finish(const FileStat& there, const space::TreeEntry& entry, bool trusted) const {
  const std::uint32_t mode = there.mode & ~inherited_bit;
  if (mode != making_mode && there.mode != (entry.mode & 07777u)) return false;
  return !options_.restorer || (trusted && is_made_here(there, entry));
}

// Whether nobody else can exchange names in a folder of this kind that stands where nobody else can.
bool RestoreRun::is_own_alone(const FileStat& folder) const {
  return options_.restorer && folder.uid == options_.restorer->first && (folder.mode & others_write) == 0;
}

Result<RestoreRun::Meeting> RestoreRun::complete(const std::string& name, const space::TreeEntry& entry,
                                                 const EntryDetails& details, bool ours) {
  HF_TRY(const Metadata wanted, metadata_of(entry));
  if (!is_made_here(details.stat, entry)) {
    if (options_.overwrite) return Meeting::make;
    if (entry.hard_link) failed_firsts_.insert(name);  // its other names must not lead to somebody else's file
  }
  if (!differences(wanted, details).empty()) {
    if (!ours && !options_.overwrite) {
      tell_differences(name, wanted, details);
    } else if (may_take_over(details, entry, wanted, ours)) {
      reached("restore: the metadata of what is equal is set");
      HF_OK(writer_->complete(name, details.stat.type, details.stat.id(), wanted));
    } else {
      if (!options_.overwrite) HF_OK(writer_->discard(name, details.stat.id()));
      return Meeting::make;
    }
  }
  count_there(entry, name);
  return Meeting::done;
}

// Whether the link is there. What a run that was interrupted left under its name instead is taken away.
bool RestoreRun::is_link_there(const std::string& first, const std::string& name, const space::TreeEntry& entry,
                               const Standing& there) {
  const auto target = writer_->stat(first);
  if (target && *target && (*target)->id() == there.stat.id()) {
    count_there(entry, name);
    return true;
  }
  if (!there.ours || options_.overwrite) return false;
  const auto place = place_of(name);
  if (!place) return false;
  const auto details = space_.session().doors.files.details(*place);
  if (!details || !is_made_here(details->stat, entry)) return false;
  const auto same = compare(*place, entry, *details, true);
  if (same && *same != Sameness::different && writer_->discard(name, details->stat.id()))
    reached("restore: a link to a file that was begun is made anew");
  return false;
}

void RestoreRun::tell_differences(const std::string& name, const Metadata& wanted, const EntryDetails& details) {
  const std::string what = differences(wanted, details);
  if (what.empty()) return;
  ++report_.metadata_differs;
  if (report_.warnings.size() < problems_kept_max)
    report_.warnings.push_back(printable(name) + ": it stood there already, and what differs was left: " + what);
}

void RestoreRun::count_there(const space::TreeEntry& entry, const std::string& name) {
  ++counters_.files;
  if (const auto* file = entry.file()) {
    ++report_.files_there;
    report_.bytes_there += file->size;
    counters_.bytes += file->size;
  } else {
    ++report_.others_there;
  }
  tell(name);
}

}  // namespace holdfast::backup
