#include "server/object_paths.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/files.h"

namespace holdfast::server {

namespace {

constexpr const char* objects_folder = "objects";
constexpr const char* incoming_folder = "incoming";
constexpr std::size_t durable_kept = 65'536;

// objects, objects/ab, objects/ab/<group>, objects/ab/<group>/cd
std::array<std::string, 4> folders_of(const ObjectName& name) {
  const std::string group = name.group.hex();
  std::array<std::string, 4> folders;
  folders[0] = objects_folder;
  folders[1] = folders[0] + "/" + group.substr(0, 2);
  folders[2] = folders[1] + "/" + group;
  folders[3] = folders[2] + "/" + name.object.hex().substr(0, 2);
  return folders;
}

Status make_folder(int root, const std::string& folder, const std::string& parent) {
  if (::mkdirat(root, folder.c_str(), 0700) != 0 && errno != EEXIST)
    return system_fail(errno, "making the folder", folder);
  HF_TRY(const Fd above, open_at(root, parent, O_RDONLY | O_DIRECTORY, parent));
  return sync(above, parent);
}

bool is_lower_hex(std::string_view name) {
  return std::ranges::all_of(name, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

class Listing {
 public:
  explicit Listing(DIR* stream) : stream_(stream) {}
  Listing(const Listing&) = delete;
  Listing& operator=(const Listing&) = delete;
  ~Listing() { ::closedir(stream_); }
  DIR* get() { return stream_; }

 private:
  DIR* stream_;
};

// Sorted. No such folder: none.
Result<std::vector<std::string>> names_in(int root, const std::string& folder) {
  const int number = ::openat(root, folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (number < 0 && (errno == ENOENT || errno == ENOTDIR)) return std::vector<std::string>{};
  if (number < 0) return system_fail(errno, "listing the folder", folder);
  DIR* const stream = ::fdopendir(number);
  if (stream == nullptr) {
    ::close(number);
    return system_fail(errno, "listing the folder", folder);
  }
  Listing listing(stream);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(listing.get());
    if (entry == nullptr && errno != 0) return system_fail(errno, "listing the folder", folder);
    if (entry == nullptr) break;
    names.emplace_back(entry->d_name);
  }
  std::ranges::sort(names);
  return names;
}

// Those that are hex of `size` digits, begin with `prefix` and are not below `least`; sorted.
Result<std::vector<std::string>> hex_names_in(int root, const std::string& folder, std::size_t size,
                                              std::string_view prefix, std::string_view least) {
  HF_TRY(auto names, names_in(root, folder));
  std::erase_if(names, [&](const std::string& name) {
    return name.size() != size || !name.starts_with(prefix) || !is_lower_hex(name) || name < least;
  });
  return names;
}

struct Lister {
  int root;
  std::optional<ObjectName> after;
  std::size_t limit;
  std::vector<ObjectInfo> found = {};

  Status all() {
    const std::string group = after ? after->group.hex() : "";
    HF_TRY(const auto shards, hex_names_in(root, objects_folder, 2, "", group.substr(0, 2)));
    for (const std::string& shard : shards) {
      const std::string folder = std::string(objects_folder) + "/" + shard;
      HF_TRY(const auto groups, hex_names_in(root, folder, 2 * GroupId::size, shard, group));
      for (const std::string& name : groups) {
        HF_OK(in_group(folder + "/" + name, name, after && name == group ? after->object.hex() : ""));
        if (found.size() == limit) return {};
      }
    }
    return {};
  }

  Status in_group(const std::string& folder, const std::string& group, const std::string& object_after) {
    HF_TRY(const auto shards, hex_names_in(root, folder, 2, "", object_after.substr(0, 2)));
    for (const std::string& shard : shards) {
      const std::string shard_folder = folder + "/" + shard;
      HF_TRY(const auto objects, hex_names_in(root, shard_folder, 2 * ObjectId::size, shard, object_after));
      for (const std::string& object : objects) {
        if (object == object_after) continue;
        if (found.size() == limit) return {};
        HF_OK(one(shard_folder + "/" + object, group, object));
      }
    }
    return {};
  }

  Status one(const std::string& path, const std::string& group, const std::string& object) {
    struct stat stat{};
    if (::fstatat(root, path.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) {
      if (errno == ENOENT) return {};
      return system_fail(errno, "looking at the object", object);
    }
    if (!S_ISREG(stat.st_mode)) return {};
    found.push_back({{GroupId::from(*from_hex(group)), ObjectId::from(*from_hex(object))},
                     static_cast<std::uint64_t>(stat.st_size)});
    return {};
  }
};

}  // namespace

std::string path_of(const ObjectName& name) { return folders_of(name)[3] + "/" + name.object.hex(); }

std::string incoming_path(std::uint64_t number) { return std::string(incoming_folder) + "/" + std::to_string(number); }

Status prepare_folders(int root, const std::string& directory) {
  for (const char* folder : {objects_folder, incoming_folder}) {
    if (::mkdirat(root, folder, 0700) != 0 && errno != EEXIST)
      return system_fail(errno, "making the folder", directory);
  }
  if (::fsync(root) != 0) return system_fail(errno, "making it durable", directory);
  HF_TRY(const auto left, names_in(root, incoming_folder));
  for (const std::string& name : left) {
    if (name == "." || name == "..") continue;
    const std::string path = std::string(incoming_folder) + "/" + name;
    if (::unlinkat(root, path.c_str(), 0) != 0) return system_fail(errno, "removing an unfinished object", path);
  }
  return {};
}

Result<std::vector<ObjectInfo>> list_objects(int root, const std::optional<ObjectName>& after, std::size_t limit) {
  Lister lister{.root = root, .after = after, .limit = limit};
  if (limit > 0) HF_OK(lister.all());
  return std::move(lister.found);
}

bool ObjectFolders::is_durable(const std::string& folder) {
  const std::lock_guard lock(known_mutex_);
  return durable_.contains(folder);
}

void ObjectFolders::set_durable(const std::string& folder) {
  const std::lock_guard lock(known_mutex_);
  if (durable_.size() >= durable_kept) durable_.clear();
  durable_.insert(folder);
}

Result<Fd> ObjectFolders::open_durable(const ObjectName& name) {
  const auto folders = folders_of(name);
  const auto open = [&] { return open_at(root_, folders[3], O_RDONLY | O_DIRECTORY, folders[3]); };
  if (is_durable(folders[3])) {
    auto folder = open();
    if (folder || folder.error().code != Code::NotFound) return folder;
  }
  const std::lock_guard lock(change_mutex_);
  for (std::size_t i = 1; i < folders.size(); ++i) {
    if (is_durable(folders[i])) continue;
    HF_OK(make_folder(root_, folders[i], folders[i - 1]));
    set_durable(folders[i]);
  }
  return open();
}

void ObjectFolders::remove_if_empty(const ObjectName& name) {
  const auto folders = folders_of(name);
  const std::lock_guard lock(change_mutex_);
  for (const std::string& folder : {folders[3], folders[2]}) {
    if (::unlinkat(root_, folder.c_str(), AT_REMOVEDIR) != 0) return;
    const std::lock_guard known(known_mutex_);
    durable_.erase(folder);
  }
}

}  // namespace holdfast::server
