#include "tests/simulation/sim_files.h"

#include <algorithm>
#include <utility>

namespace holdfast::sim {
namespace {

constexpr unsigned readable = 4, writable = 2;

class SimMapping final : public Mapping {
 public:
  SimMapping(DiskAccessPtr access, Inode& inode, Path path)
      : access_(std::move(access)),
        inode_(inode.number),
        path_(std::move(path)),
        bytes_(inode.content.all()),
        version_(inode.data_version),
        epoch_(access_->disk.epoch()) {
    access_->disk.opened(inode);
  }
  ~SimMapping() override {
    Disk& disk = access_->disk;
    if (epoch_ != disk.epoch()) return;
    if (disk.inode(inode_)->data_version != version_) {
      access_->scheduler.problem(path_ + " changed while it was mapped");
    }
    disk.closed(inode_, epoch_);
  }
  [[nodiscard]] ByteView bytes() const override { return bytes_; }
  void release(ByteView) const override {}

 private:
  DiskAccessPtr access_;
  std::uint64_t inode_;
  Path path_;
  Bytes bytes_;
  std::uint64_t version_, epoch_;
};

class SimLock final : public Lock {
 public:
  SimLock(DiskAccessPtr access, std::uint64_t inode, std::uint64_t ticket)
      : access_(std::move(access)), inode_(inode), ticket_(ticket) {}
  ~SimLock() override { access_->disk.unlock(inode_, ticket_); }

 private:
  DiskAccessPtr access_;
  std::uint64_t inode_, ticket_;
};

Error with_path(Error error, const Path& path) {
  error.object = printable(path);
  return error;
}

Status not_a_file(const Path& path) { return fail(Code::Unsupported, "this is no regular file", printable(path)); }

}  // namespace

Result<Inode*> SimFiles::look(std::string_view what, const Path& path, Disk::Follow follow) {
  HF_OK(access_->begin(Kind::observe, {.who = {}, .what = what, .object = path}));
  return access_->disk.find(access_->actor, path, follow);
}

Result<Inode*> SimFiles::look_for_reading(std::string_view what, const Path& path, Disk::Follow follow) {
  HF_TRY(Inode * inode, look(what, path, follow));
  if (inode->type == FileType::symlink) return fail(Code::PermissionDenied, "this is a link", printable(path));
  if (auto allowed = access_->disk.may(access_->actor, *inode, readable); !allowed) {
    return pass_on(with_path(allowed.error(), path));
  }
  if (inode->type != FileType::regular) return pass_on(not_a_file(path).error());
  return inode;
}

Result<std::vector<DirectoryEntry>> SimFiles::list(const Path& directory) {
  HF_TRY(const Inode* inode, look("list", directory));
  if (!inode->is_directory()) return fail(Code::NotFound, "this is no folder", printable(directory));
  Disk& disk = access_->disk;
  if (auto allowed = disk.may(access_->actor, *inode, readable); !allowed) {
    return pass_on(with_path(allowed.error(), directory));
  }
  const bool searchable = disk.may(access_->actor, *inode, 1).has_value();
  std::vector<DirectoryEntry> entries;
  entries.reserve(inode->entries.size());
  for (const auto& [name, number] : inode->entries) {
    if (searchable) {
      entries.push_back({name, disk.stat_of(*disk.inode(number))});
    } else {
      entries.push_back({name, fail(Code::PermissionDenied, "the folder may not be searched", printable(name))});
    }
  }
  std::sort(entries.begin(), entries.end(), [&](const DirectoryEntry& a, const DirectoryEntry& b) {
    const auto place = [&](const DirectoryEntry& entry) { return disk.order_of(hash_text(entry.name)); };
    return place(a) < place(b);
  });
  return entries;
}

// Of one folder, as long as the power lasts: a descriptor.
struct SimFolder final : ListedFolder {
  SimFolder(std::uint64_t of, std::uint64_t since) : inode(of), epoch(since) {}
  const std::uint64_t inode, epoch;
};

std::shared_ptr<const ListedFolder> listed_folder(std::uint64_t inode, std::uint64_t epoch) {
  return std::make_shared<const SimFolder>(inode, epoch);
}

Result<Path> SimFiles::path_of(const TreePlace& place) {
  Disk& disk = access_->disk;
  if (!place.folder) {
    const Path above(parent_of(place.name));
    HF_TRY(const Path real, disk.real_path(access_->actor, above));
    if (real != above) return fail(Code::Changed, "a link or a file stands where a folder was", printable(place.name));
    return place.name;
  }
  const auto& folder = static_cast<const SimFolder&>(*place.folder);
  const Inode* inode = folder.epoch == disk.epoch() ? disk.inode(folder.inode) : nullptr;
  if (inode == nullptr) return fail(Code::NotFound, "the folder is gone", printable(place.name));
  HF_TRY(Path path, disk.path_of(*inode));
  return place.name.empty() ? path : join_path(path, place.name);
}

std::vector<Result<DirectoryListing>> SimFiles::list_batch(std::span<const TreePlace> directories) {
  const auto list_one = [&](const TreePlace& place) -> Result<DirectoryListing> {
    HF_TRY(const Path path, path_of(place));
    HF_TRY(const Inode* inode, access_->disk.find(access_->actor, path, Disk::Follow::no));
    if (!inode->is_directory())
      return fail(Code::Changed, "a link or a file stands where a folder was", printable(place.name));
    const std::uint64_t number = inode->number;
    HF_TRY(auto entries, list(path));
    if (access_->disk.inode(number) == nullptr)
      return fail(Code::NotFound, "the folder is gone", printable(place.name));
    return DirectoryListing{access_->disk.stat_of(*access_->disk.inode(number)), std::move(entries),
                            std::make_shared<const SimFolder>(number, access_->disk.epoch())};
  };
  std::vector<Result<DirectoryListing>> answers;
  for (const TreePlace& place : directories) answers.push_back(list_one(place));
  return answers;
}

Result<FileStat> SimFiles::stat(const Path& path) {
  HF_TRY(const Inode* inode, look("stat", path));
  return access_->disk.stat_of(*inode);
}

Result<Path> SimFiles::real_path(const Path& path) {
  HF_OK(access_->begin(Kind::observe, {.who = {}, .what = "real_path", .object = path}));
  return access_->disk.real_path(access_->actor, path);
}

Result<EntryDetails> SimFiles::details(const TreePlace& place) {
  HF_TRY(const Path path, path_of(place));
  HF_TRY(const Inode* inode, look("details", path));
  return EntryDetails{access_->disk.stat_of(*inode), inode->target, attributes_of(*inode)};
}

Result<ReadAnswer> SimFiles::read_small(const ReadRequest& request) {
  constexpr std::uint64_t growth_max = 1 << 20;  // as in the real one
  HF_TRY(const Path path, path_of(request.place));
  HF_TRY(Inode * inode, look_for_reading("read", path));
  Disk& disk = access_->disk;
  ReadAnswer answer;
  answer.before = disk.stat_of(*inode);
  if (answer.before.size > request.size_expected + growth_max) {
    return fail(Code::Changed, "the file grew much since it was listed", printable(path));
  }
  answer.attributes = attributes_of(*inode);
  disk.opened(*inode);
  const std::uint64_t number = inode->number, epoch = disk.epoch();
  answer.bytes.resize(answer.before.size / 2);
  inode->content.read(0, answer.bytes);
  // Others may write while this one reads: half before, half after.
  const Status second = access_->begin(Kind::observe, {.who = {}, .what = "read on", .object = path});
  if (second) {
    const Bytes rest = inode->content.all();
    if (rest.size() > answer.bytes.size()) {
      answer.bytes.insert(answer.bytes.end(), rest.begin() + static_cast<std::ptrdiff_t>(answer.bytes.size()),
                          rest.end());
    } else {
      answer.bytes.resize(rest.size());
    }
    answer.after = disk.stat_of(*inode);
  }
  disk.closed(number, epoch);
  HF_OK(second);
  return answer;
}

std::vector<Result<ReadAnswer>> SimFiles::read_batch(std::span<const ReadRequest> requests) {
  std::vector<Result<ReadAnswer>> answers;
  answers.reserve(requests.size());
  for (const ReadRequest& request : requests) {
    answers.push_back(read_small(request));
    if (!answers.back() && answers.back().error().code == Code::Unsupported) {
      answers.back().error().code = Code::Changed;  // it was listed as a file
    }
  }
  return answers;
}

Result<std::unique_ptr<File>> SimFiles::open_entry(const TreePlace& place) {
  HF_TRY(const Path path, path_of(place));
  return open(path, OpenMode::read);
}

Result<std::unique_ptr<File>> SimFiles::open(const Path& path, OpenMode mode) {
  Disk& disk = access_->disk;
  const bool may_change =
      mode == OpenMode::create_new || mode == OpenMode::create_or_open || mode == OpenMode::create_or_truncate;
  const auto now = disk.place(access_->actor, path);
  const bool changes = may_change && now && (now->node == nullptr || mode == OpenMode::create_or_truncate);
  HF_OK(access_->begin(changes ? Kind::change : Kind::observe, {.who = {}, .what = "open", .object = path}));
  HF_TRY(const Place place, disk.place(access_->actor, path));  // again: another process may have run meanwhile
  if (place.node == nullptr) {
    if (!may_change) return fail(Code::NotFound, "there is nothing of that name", printable(path));
    auto made = disk.create(access_->actor, place, FileType::regular, 0600);
    if (!made) return pass_on(with_path(made.error(), path));
    return open_inode(access_, **made, path, true);
  }
  Inode& inode = *place.node;
  if (mode == OpenMode::create_new) return fail(Code::AlreadyExists, "the file exists", printable(path));
  if (inode.type == FileType::symlink) return fail(Code::PermissionDenied, "this is a link", printable(path));
  if (inode.is_directory() && mode != OpenMode::read) {
    return fail(Code::AlreadyExists, "this is a folder", printable(path));
  }
  const unsigned bits = mode == OpenMode::read ? readable : readable | writable;
  if (auto allowed = disk.may(access_->actor, inode, bits); !allowed) return pass_on(with_path(allowed.error(), path));
  if (inode.type != FileType::regular) return pass_on(not_a_file(path).error());
  if (mode == OpenMode::create_or_truncate) HF_OK(disk.truncate(access_->actor, inode, 0));
  return open_inode(access_, inode, path, mode != OpenMode::read);
}

Result<std::unique_ptr<Mapping>> SimFiles::map(const Path& path) {
  HF_TRY(Inode * inode, look_for_reading("map", path));
  return std::make_unique<SimMapping>(access_, *inode, path);
}

Result<Bytes> SimFiles::read_file(const Path& path, std::uint64_t size_max) {
  HF_TRY(const Inode* inode, look_for_reading("read_file", path, Disk::Follow::yes));
  if (inode->content.size() > size_max) {
    return fail(Code::TooLarge, "the file is larger than it may be", printable(path));
  }
  return inode->content.all();
}

Status SimFiles::make_directories(const Path& path) {
  Disk& disk = access_->disk;
  HF_OK(access_->begin(Kind::observe, {.who = {}, .what = "make_directories", .object = path}));
  for (std::size_t end = 0; end != path.size();) {
    end = std::min(path.find('/', end + 1), path.size());
    const Path part = path.substr(0, end);
    if (const auto there = disk.find(access_->actor, part, Disk::Follow::yes)) {
      if ((*there)->is_directory()) continue;
      return fail(Code::AlreadyExists, "something else is there", printable(part));
    }
    HF_OK(access_->begin(Kind::change, {.who = {}, .what = "make_directory", .object = part}));
    HF_TRY(const Place place, disk.place(access_->actor, part));
    if (place.node != nullptr) continue;
    const auto made = disk.create(access_->actor, place, FileType::directory, 0700);
    if (!made) return pass_on(with_path(made.error(), part));
  }
  return {};
}

Status SimFiles::rename(const Path& from, const Path& to) {
  HF_OK(access_->begin(Kind::change, {.who = {}, .what = "rename", .object = from, .other = to}));
  Disk& disk = access_->disk;
  HF_TRY(const Place source, disk.place(access_->actor, from));
  HF_TRY(const Place target, disk.place(access_->actor, to));
  return disk.rename(access_->actor, source, target);
}

Status SimFiles::remove(const Path& path) {
  HF_OK(access_->begin(Kind::change, {.who = {}, .what = "remove", .object = path}));
  HF_TRY(const Place place, access_->disk.place(access_->actor, path));
  auto removed = access_->disk.remove(access_->actor, place);
  if (!removed) return pass_on(with_path(removed.error(), path));
  return {};
}

Status SimFiles::sync_directory(const Path& path) {
  Disk& disk = access_->disk;
  HF_OK(access_->begin_sync({.who = {}, .what = "sync_directory", .object = path}, [] {}));
  HF_TRY(Inode * inode, disk.find(access_->actor, path, Disk::Follow::yes));
  if (!inode->is_directory()) return fail(Code::NotFound, "this is no folder", printable(path));
  disk.sync_names(*inode);
  return {};
}

Result<std::unique_ptr<Lock>> SimFiles::lock(const Path& path) {
  HF_TRY(const auto file, open(path, OpenMode::create_or_open));
  HF_TRY(const Inode* inode, look("lock", path));
  HF_TRY(const std::uint64_t ticket, access_->disk.lock(*inode, access_->process));
  return std::make_unique<SimLock>(access_, inode->number, ticket);
}

Result<std::uint64_t> SimFiles::free_bytes(const Path& path) {
  HF_OK(look("free_bytes", path, Disk::Follow::yes));
  return access_->disk.free();
}

Result<bool> SimFiles::is_network_file_system(const Path& path) {
  HF_OK(look("is_network_file_system", path, Disk::Follow::yes));
  return access_->disk.options().network;
}

Result<std::unique_ptr<TreeWriter>> SimFiles::tree_writer(const Path& root) {
  HF_TRY(Inode * inode, look("tree_writer", root, Disk::Follow::yes));
  if (!inode->is_directory()) return fail(Code::NotFound, "this is no folder", printable(root));
  return make_tree_writer(access_, *inode);
}

}  // namespace holdfast::sim
