#include <algorithm>

#include "base/reached.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/scheduler.h"  // Process

namespace holdfast::sim {
namespace {

constexpr std::uint64_t sector_size = 512;

}  // namespace

void Disk::sync_file(Inode& inode) {
  if (!inode.unsynced.empty()) inode.durable_content.truncate(inode.content.size());
  for (const DataChange& change : inode.unsynced) {
    const std::uint64_t size = change.truncation ? Content::size_max - change.offset : change.bytes.size();
    inode.durable_content.copy_pages(inode.content, change.offset, size);
  }
  inode.unsynced.clear();
}

void Disk::sync_names(Inode& directory) {
  const auto here = [&](const std::optional<NameInDirectory>& half) {
    return half && half->directory == directory.number;
  };
  for (auto change = name_changes_.begin(); change != name_changes_.end();) {
    const bool leaves = here(change->leaves), arrives = here(change->arrives);
    if ((leaves || arrives) && inodes_.at(change->child).is_directory()) {  // it has one parent, so it moves as a whole
      apply_durable(*change);
      change->leaves = change->arrives = std::nullopt;
    }
    if (leaves && change->leaves) erase_durable(*std::exchange(change->leaves, std::nullopt), change->child);
    if (arrives && change->arrives) set_durable(*std::exchange(change->arrives, std::nullopt), change->child);
    change = change->leaves || change->arrives ? std::next(change) : name_changes_.erase(change);
  }
  directory.durable_meta = directory.meta;
}

void Disk::sync_below(Inode& directory) {
  std::vector<Inode*> todo{&directory};
  while (!todo.empty()) {
    Inode& at = *todo.back();
    todo.pop_back();
    sync_file(at);
    at.durable_meta = at.meta;
    if (at.is_directory()) sync_names(at);
    for (const auto& [name, child] : at.entries) todo.push_back(inode(child));
  }
}

void Disk::settle() {
  for (const NameChange& change : name_changes_) apply_durable(change);
  name_changes_.clear();
  for (auto& [number, inode] : inodes_) {
    if (inode.names == 0 && inode.handles == 0) continue;
    sync_file(inode);
    inode.durable_meta = inode.meta;
  }
}

std::uint64_t Disk::unsynced_changes() const {
  std::uint64_t count = name_changes_.size();
  for (const auto& [number, inode] : inodes_) {
    if (inode.names != 0 || inode.handles != 0) count += inode.unsynced.size();
  }
  return count;
}

void Disk::erase_durable(const NameInDirectory& at, std::uint64_t child) {
  Inode& directory = inodes_.at(at.directory);
  const auto entry = directory.durable_entries.find(at.name);
  if (entry == directory.durable_entries.end() || entry->second != child) return;
  directory.durable_entries.erase(entry);
  inodes_.at(child).durable_parent.reset();
}

void Disk::set_durable(const NameInDirectory& at, std::uint64_t child) {
  Inode& directory = inodes_.at(at.directory);
  Inode& node = inodes_.at(child);
  if (node.is_directory()) {
    // Of three moves the middle one may be lost; what would be a ring then is a move that did not happen.
    for (const Inode* above = &directory; above != nullptr;
         above = above->durable_parent ? inode(above->durable_parent->directory) : nullptr) {
      if (above == &node) return;
    }
    if (const auto old = node.durable_parent) erase_durable(*old, child);
    node.durable_parent = at;
  }
  std::uint64_t& entry = directory.durable_entries[at.name];
  if (entry != 0 && entry != child) inodes_.at(entry).durable_parent.reset();
  entry = child;
}

void Disk::apply_durable(const NameChange& change) {
  if (change.leaves) erase_durable(*change.leaves, change.child);
  if (change.arrives) set_durable(*change.arrives, change.child);
}

void Disk::tear(Inode& inode, const DataChange& change, Prng& dice) {
  Content& content = inode.durable_content;
  if (change.truncation) {
    if (dice.coin()) content.truncate(change.offset);
    return;
  }
  reached("sim: write torn");
  const std::uint64_t size = change.bytes.size();
  if (dice.coin() && change.offset + size > content.size()) {
    content.truncate(change.offset + size);  // the size got there, the bytes did not: zeros
  }
  if (dice.coin()) return content.write(change.offset, ByteView(change.bytes).first(dice.below(size + 1)));
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t to_boundary = sector_size - (change.offset + done) % sector_size;
    const std::uint64_t part = std::min(size - done, to_boundary);
    if (dice.coin()) content.write(change.offset + done, ByteView(change.bytes).subspan(done, part));
    done += part;
  }
}

void Disk::apply(Inode& inode, const DataChange& change, Mood mood, std::uint64_t first_lost, Prng& dice) {
  std::uint64_t fate = 0;  // 0 kept, 1 lost, 2 torn
  switch (mood) {
    case Mood::all:
      fate = 0;
      break;
    case Mood::none:
      fate = 1;
      break;
    case Mood::first:
      fate = change.number < first_lost ? 0 : change.number == first_lost ? 2 : 1;
      break;
    case Mood::any:
      fate = dice.below(3);
      break;
  }
  if (fate == 1) return reached("sim: write lost");
  if (fate == 2) return tear(inode, change, dice);
  if (change.truncation) return inode.durable_content.truncate(change.offset);
  inode.durable_content.write(change.offset, change.bytes);
}

void Disk::sync_fails(Inode& inode, Prng& dice) {
  reached("sim: sync failed");
  for (const DataChange& change : inode.unsynced) apply(inode, change, Mood::any, 0, dice);
  inode.unsynced.clear();
}

void Disk::power_cut(Prng& dice) {
  struct Case {
    Mood names, data;
  };
  // The pure cases are drawn more often than chance would: they are what real journals do, and what finds defects.
  constexpr Case cases[] = {{Mood::none, Mood::none}, {Mood::all, Mood::all},   {Mood::first, Mood::first},
                            {Mood::all, Mood::none},  {Mood::all, Mood::any},   {Mood::none, Mood::all},
                            {Mood::any, Mood::any},   {Mood::any, Mood::first}, {Mood::first, Mood::any}};
  const Case now = cases[dice.below(std::size(cases))];
  std::uint64_t oldest = name_changes_.empty() ? next_change_ : name_changes_.front().number;
  for (const auto& [number, inode] : inodes_) {
    if (!inode.unsynced.empty()) oldest = std::min(oldest, inode.unsynced.front().number);
  }
  const std::uint64_t first_lost = oldest + dice.below(next_change_ - oldest + 2);
  for (const NameChange& change : name_changes_) {
    const bool kept = now.names == Mood::all || (now.names == Mood::first && change.number < first_lost) ||
                      (now.names == Mood::any && dice.coin());
    reached(kept ? "sim: unsynced name kept" : "sim: name lost");
    if (kept) apply_durable(change);
  }
  for (auto& [number, inode] : inodes_) {
    for (const DataChange& change : inode.unsynced) apply(inode, change, now.data, first_lost, dice);
    if (inode.meta != inode.durable_meta && dice.coin()) inode.durable_meta = inode.meta;
  }
  revert();
}

void Disk::revert() {
  for (auto& [number, inode] : inodes_) {
    inode.unsynced.clear();
    inode.content = inode.durable_content;
    inode.meta = inode.durable_meta;
    inode.entries = inode.durable_entries;
    inode.handles = inode.names = 0;
    ++inode.data_version;
  }
  root_->names = 1;
  std::vector<Inode*> todo{root_};
  while (!todo.empty()) {
    Inode& at = *todo.back();
    todo.pop_back();
    for (const auto& [name, child] : at.entries) {
      Inode& node = inodes_.at(child);
      if (node.names++ == 0) todo.push_back(&node);
      if (node.is_directory()) node.parent = at.number;
    }
  }
  std::erase_if(inodes_, [](const auto& item) { return item.second.names == 0; });
  used_ = 0;
  for (const auto& [number, inode] : inodes_) used_ += inode_bytes + inode.content.allocated();
  name_changes_.clear();
  locks_.clear();
  ++epoch_;
}

Result<std::uint64_t> Disk::lock(const Inode& inode, const Process* holder) {
  const auto held = locks_.find(inode.number);
  if (held != locks_.end() && (held->second.holder == nullptr || !held->second.holder->dead())) {
    return fail(Code::Busy, "another process holds the lock");
  }
  locks_[inode.number] = {++next_lock_, holder};
  return next_lock_;
}

void Disk::unlock(std::uint64_t inode, std::uint64_t ticket) {
  const auto held = locks_.find(inode);
  if (held != locks_.end() && held->second.ticket == ticket) locks_.erase(held);
}

}  // namespace holdfast::sim
