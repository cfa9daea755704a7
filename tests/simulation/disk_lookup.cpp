#include <algorithm>

#include "tests/simulation/disk.h"

namespace holdfast::sim {
namespace {

constexpr int links_max = 40;

std::vector<std::string> components(const Path& path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (end > begin) parts.push_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

std::unexpected<Error> not_found(const Path& path) {
  return fail(Code::NotFound, "there is nothing of that name", printable(path));
}

Status check_path(const Path& path) {
  if (path.empty() || path.find('\0') != std::string::npos) return not_found(path);
  if (path.starts_with('/')) return {};
  return fail(Code::InvalidArgument, "the path is not absolute", printable(path));
}

}  // namespace

Disk::Disk(std::uint64_t seed, DiskOptions options, std::function<std::int64_t()> wall_clock_ns)
    : seed_(seed), options_(std::move(options)), wall_clock_ns_(std::move(wall_clock_ns)) {
  root_ = &new_inode(FileType::directory, {.mode = 0755, .attributes = {}});
  root_->parent = root_->number;
  root_->names = 1;
  Inode* at = root_;
  const auto make = [&](const std::string& name, std::uint32_t mode) {
    const Actor hand{.lasting = true};
    at = *create(hand, {at, name, nullptr}, FileType::directory, mode);
    at->meta.uid = at->meta.gid = 0;
  };
  for (const std::string& name : components(options_.home)) make(name, 0755);
  at->meta.uid = options_.uid;
  at->meta.gid = options_.gid;
  at = root_;
  make("tmp", 0777);
  settle();
}

Inode* Disk::inode(std::uint64_t number) {
  const auto found = inodes_.find(number);
  return found == inodes_.end() ? nullptr : &found->second;
}

Status Disk::may(const Actor& actor, const Inode& inode, unsigned bits) const {
  if (actor.uid == 0) return {};
  const unsigned shift = actor.uid == inode.meta.uid ? 6 : actor.gid == inode.meta.gid ? 3 : 0;
  if (((inode.meta.mode >> shift) & bits) == bits) return {};
  return fail(Code::PermissionDenied, "this user may not do that here");
}

Result<Place> Disk::walk(const Actor& actor, const Path& path, Follow follow, bool dots_allowed, int links_left) {
  std::vector<std::string> todo = components(path);
  std::reverse(todo.begin(), todo.end());
  Place place{root_, "", root_};
  while (!todo.empty()) {
    const std::string name = std::move(todo.back());
    todo.pop_back();
    if (place.node == nullptr || !place.node->is_directory()) return not_found(path);
    Inode* directory = place.node;
    if (auto allowed = may(actor, *directory, 1); !allowed) {
      return fail(Code::PermissionDenied, "a folder on the way may not be searched", printable(path));
    }
    if (name == "." || name == "..") {
      if (!dots_allowed) return fail(Code::InvalidArgument, "a path has no dots here", printable(path));
      Inode* node = name == "." ? directory : inode(directory->parent);
      place = {node, "", node};
      continue;
    }
    const auto entry = directory->entries.find(name);
    place = {directory, name, entry == directory->entries.end() ? nullptr : inode(entry->second)};
    const bool link = place.node != nullptr && place.node->type == FileType::symlink;
    if (!link || (todo.empty() && follow == Follow::no)) continue;
    if (links_left-- == 0) return fail(Code::PermissionDenied, "too many links, one after another", printable(path));
    const std::string& target = place.node->target;
    std::vector<std::string> more = components(target);
    todo.insert(todo.end(), more.rbegin(), more.rend());
    dots_allowed = true;
    Inode* from = target.starts_with('/') ? root_ : directory;
    place = {from, "", from};
  }
  return place;
}

Result<Inode*> Disk::find(const Actor& actor, const Path& path, Follow follow) {
  HF_OK(check_path(path));
  HF_TRY(const Place place, walk(actor, path, follow, false, links_max));
  if (place.node == nullptr) return not_found(path);
  return place.node;
}

Result<Place> Disk::place(const Actor& actor, const Path& path) {
  HF_OK(check_path(path));
  return walk(actor, path, Follow::no, false, links_max);
}

Result<Place> Disk::place_beneath(const Actor& actor, Inode& root, const std::string& name) {
  Place place{&root, "", &root};
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('/', begin), name.size());
    const std::string part = name.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == "." || part == ".." || part.find('\0') != std::string::npos) {
      return fail(Code::Malformed, "a name that no file can have", printable(name));
    }
    if (place.node == nullptr) return not_found(name);
    if (!place.node->is_directory()) {
      return fail(Code::AlreadyExists, "a link or a file stands where a folder is needed", printable(name));
    }
    HF_OK(may(actor, *place.node, 1));
    const auto entry = place.node->entries.find(part);
    place = {place.node, part, entry == place.node->entries.end() ? nullptr : inode(entry->second)};
  }
  return place;
}

Result<Path> Disk::real_path(const Actor& actor, const Path& path) {
  const Path whole = path.starts_with('/') ? path : join_path(options_.home, path);
  HF_TRY(const Place place, walk(actor, whole, Follow::yes, true, links_max));
  if (place.node == nullptr) return not_found(path);
  if (place.name.empty()) return path_of(*place.node);
  HF_TRY(const Path above, path_of(*place.directory));
  return join_path(above, place.name);
}

Result<Path> Disk::path_of(const Inode& directory) {
  Path path;
  for (const Inode* at = &directory; at != root_;) {
    const Inode* above = inode(at->parent);
    const auto is_it = [&](const auto& entry) { return entry.second == at->number; };
    const auto entry =
        above == nullptr ? root_->entries.end() : std::find_if(above->entries.begin(), above->entries.end(), is_it);
    if (above == nullptr || entry == above->entries.end()) return fail(Code::NotFound, "the folder was removed");
    path.insert(0, "/" + entry->first);
    at = above;
  }
  return path.empty() ? "/" : path;
}

FileStat Disk::stat_of(const Inode& inode) const {
  FileStat stat;
  stat.type = inode.type;
  stat.mode = inode.meta.mode;
  stat.uid = inode.meta.uid;
  stat.gid = inode.meta.gid;
  stat.size = inode.type == FileType::symlink ? inode.target.size() : inode.content.size();
  stat.mtime_ns = inode.meta.mtime_ns;
  stat.ctime_ns = inode.meta.ctime_ns;
  stat.device = 1 + seed_ % 1'000'000;
  stat.inode = inode.number;
  stat.links = inode.is_directory() ? 2 : inode.names;
  stat.device_major = inode.meta.device_major;
  stat.device_minor = inode.meta.device_minor;
  stat.allocated = inode.content.allocated();
  return stat;
}

Status Disk::not_refused(const Path& path) const {
  if (refused_.empty()) return {};
  const auto refused = refused_.find(path);
  if (refused == refused_.end()) return {};
  return fail(refused->second, "the disk refuses it", printable(path));
}

std::uint64_t Disk::digest() const {
  Digest digest;
  std::vector<std::uint64_t> todo{root_->number};
  while (!todo.empty()) {
    const Inode& inode = inodes_.at(todo.back());
    todo.pop_back();
    digest.add(static_cast<std::uint64_t>(inode.type));
    for (const std::uint64_t word : {std::uint64_t{inode.meta.mode}, std::uint64_t{inode.meta.uid},
                                     static_cast<std::uint64_t>(inode.meta.mtime_ns), inode.names, inode.number}) {
      digest.add(word);
    }
    for (const auto& [name, value] : inode.meta.attributes) {
      digest.add(name);
      digest.add(value);
    }
    digest.add(inode.target);
    inode.content.add_to(digest);
    for (const auto& [name, child] : inode.entries) {
      digest.add(name);
      todo.push_back(child);
    }
  }
  return digest.value();
}

}  // namespace holdfast::sim
