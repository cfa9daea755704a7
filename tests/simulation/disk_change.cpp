#include "tests/simulation/disk.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t name_size_max = 255;

}  // namespace

std::int64_t Disk::stamp() const {
  const std::int64_t now = wall_clock_ns_();
  return now - now % options_.timestamp_step_ns;
}

Inode& Disk::new_inode(FileType type, const InodeMeta& meta) {
  Inode& inode = inodes_[next_inode_];
  inode.number = next_inode_++;
  inode.type = type;
  inode.meta = meta;
  inode.meta.mtime_ns = inode.meta.ctime_ns = stamp();
  inode.durable_meta = inode.meta;
  used_ += inode_bytes;
  return inode;
}

Status Disk::changeable(const Actor& actor, const Inode& directory) const {
  if (read_only_ && !actor.lasting) return fail(Code::ReadOnly, "the file system is read-only");
  return may(actor, directory, 3);
}

void Disk::touch(const Actor& actor, Inode& inode, bool data) {
  inode.meta.ctime_ns = stamp();
  if (data) inode.meta.mtime_ns = inode.meta.ctime_ns;
  if (data) ++inode.data_version;
  if (actor.lasting) inode.durable_meta = inode.meta;
}

// What the running system sees changes at once; what a power cut leaves, later.
void Disk::change_name(const Actor& actor, NameChange change) {
  Inode& child = inodes_.at(change.child);
  if (change.arrives) {
    Inode& directory = inodes_.at(change.arrives->directory);
    std::uint64_t& entry = directory.entries[change.arrives->name];
    ++child.names;
    if (entry != 0) drop_name(inodes_.at(entry));
    entry = change.child;
    if (child.is_directory()) child.parent = directory.number;
    touch(actor, directory, true);
  }
  if (change.leaves) {
    Inode& directory = inodes_.at(change.leaves->directory);
    directory.entries.erase(change.leaves->name);
    drop_name(child);
    touch(actor, directory, true);
  }
  touch(actor, child, false);
  change.number = ++next_change_;
  if (actor.lasting) {
    apply_durable(change);
  } else {
    name_changes_.push_back(std::move(change));
  }
}

void Disk::drop_name(Inode& child) {
  --child.names;
  release(child);
}

void Disk::release(Inode& inode) {
  if (inode.names != 0 || inode.handles != 0) return;
  used_ -= inode_bytes + inode.content.allocated();
  inode.content = {};
}

void Disk::closed(std::uint64_t number, std::uint64_t epoch) {
  if (epoch != epoch_) return;
  Inode& inode = inodes_.at(number);
  --inode.handles;
  release(inode);
}

Result<Inode*> Disk::create(const Actor& actor, const Place& at, FileType type, std::uint32_t mode) {
  if (at.node != nullptr) return fail(Code::AlreadyExists, "there is something of that name", printable(at.name));
  HF_OK(changeable(actor, *at.directory));
  if (at.name.empty() || at.name.size() > name_size_max) {
    return fail(Code::Unsupported, "the file system can't have such a name", printable(at.name));
  }
  if (!actor.lasting && free() < inode_bytes) return fail(Code::NoSpaceLeft, "the disk is full");
  const Actor owner = actor.lasting ? user() : actor;  // what the test plants is the user's
  Inode& made = new_inode(type, {.mode = mode, .uid = owner.uid, .gid = owner.gid, .attributes = {}});
  change_name(actor, {.child = made.number, .leaves = {}, .arrives = NameInDirectory{at.directory->number, at.name}});
  return &made;
}

Status Disk::link(const Actor& actor, Inode& node, const Place& at) {
  if (node.is_directory()) return fail(Code::PermissionDenied, "a folder has one name");
  if (at.node != nullptr) return fail(Code::AlreadyExists, "there is something of that name", printable(at.name));
  HF_OK(changeable(actor, *at.directory));
  change_name(actor, {.child = node.number, .leaves = {}, .arrives = NameInDirectory{at.directory->number, at.name}});
  return {};
}

Status Disk::remove(const Actor& actor, const Place& at) {
  if (at.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(at.name));
  if (at.node == root_) return fail(Code::Busy, "the root can't be removed");
  HF_OK(changeable(actor, *at.directory));
  if (!at.node->entries.empty()) return fail(Code::NotEmpty, "the folder is not empty", printable(at.name));
  change_name(actor,
              {.child = at.node->number, .leaves = NameInDirectory{at.directory->number, at.name}, .arrives = {}});
  return {};
}

Status Disk::rename(const Actor& actor, const Place& from, const Place& to) {
  if (from.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(from.name));
  if (from.node == root_ || to.node == root_) return fail(Code::Busy, "the root stays where it is");
  HF_OK(changeable(actor, *from.directory));
  HF_OK(changeable(actor, *to.directory));
  if (to.name.empty() || to.name.size() > name_size_max) {
    return fail(Code::Unsupported, "the file system can't have such a name", printable(to.name));
  }
  if (from.node == to.node) return {};
  if (to.node != nullptr) {
    if (to.node->is_directory() != from.node->is_directory()) {
      return fail(Code::AlreadyExists, "something else is there", printable(to.name));
    }
    if (!to.node->entries.empty()) return fail(Code::NotEmpty, "the folder is not empty", printable(to.name));
  }
  for (const Inode* above = to.directory; above != root_; above = inode(above->parent)) {
    if (above == from.node) return fail(Code::IoError, "a folder can't move into itself", printable(to.name));
  }
  change_name(actor, {.child = from.node->number,
                      .leaves = NameInDirectory{from.directory->number, from.name},
                      .arrives = NameInDirectory{to.directory->number, to.name}});
  return {};
}

Status Disk::write(const Actor& actor, Inode& inode, std::uint64_t offset, ByteView bytes) {
  if (read_only_ && !actor.lasting) return fail(Code::ReadOnly, "the file system is read-only");
  if (offset > Content::size_max || bytes.size() > Content::size_max - offset) {
    return fail(Code::NoSpaceLeft, "the file would be too large for the file system");
  }
  std::size_t fits = bytes.size();
  if (!actor.lasting && inode.content.growth(offset, bytes.size()) > free()) {
    std::uint64_t room = free();
    for (fits = 0; fits < bytes.size();) {
      const std::uint64_t begin = offset + fits;
      const std::uint64_t part =
          std::min<std::uint64_t>(bytes.size() - fits, Content::page_size - begin % Content::page_size);
      const std::uint64_t growth = inode.content.growth(begin, part);
      if (growth > room) break;
      room -= growth;
      fits += part;
    }
  }
  const ByteView written = bytes.first(fits);
  const std::uint64_t before = inode.content.allocated();
  inode.content.write(offset, written);
  used_ += inode.content.allocated() - before;
  inode.unsynced.push_back({.number = ++next_change_, .offset = offset, .bytes = to_bytes(written)});
  touch(actor, inode, true);
  if (actor.lasting) sync_file(inode);
  if (fits != bytes.size()) return fail(Code::NoSpaceLeft, "the disk is full");
  return {};
}

Status Disk::truncate(const Actor& actor, Inode& inode, std::uint64_t size) {
  if (read_only_ && !actor.lasting) return fail(Code::ReadOnly, "the file system is read-only");
  if (size > Content::size_max) return fail(Code::NoSpaceLeft, "the file would be too large for the file system");
  const std::uint64_t before = inode.content.allocated();
  inode.content.truncate(size);
  used_ -= before - inode.content.allocated();
  inode.unsynced.push_back({.number = ++next_change_, .truncation = true, .offset = size, .bytes = {}});
  touch(actor, inode, true);
  if (actor.lasting) sync_file(inode);
  return {};
}

Status Disk::set_meta(const Actor& actor, Inode& inode, InodeMeta meta) {
  if (read_only_ && !actor.lasting) return fail(Code::ReadOnly, "the file system is read-only");
  if (actor.uid != 0 && actor.uid != inode.meta.uid) {
    return fail(Code::PermissionDenied, "only its owner may change it");
  }
  inode.meta = std::move(meta);
  touch(actor, inode, false);
  return {};
}

}  // namespace holdfast::sim
