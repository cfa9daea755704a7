#include <algorithm>
#include <numeric>

#include "tests/simulation/disk_access.h"

namespace holdfast::sim {
namespace {

class SimTreeWriter final : public TreeWriter {
 public:
  SimTreeWriter(DiskAccessPtr access, Inode& root)
      : access_(std::move(access)), disk_(access_->disk), root_(root.number), epoch_(disk_.epoch()) {
    disk_.opened(root);
  }
  ~SimTreeWriter() override { disk_.closed(root_, epoch_); }

  Status make_directory(const std::string& name) override {
    HF_TRY(const Place place, begin(Kind::change, "make_directory", name));
    if (place.node != nullptr && place.node->is_directory()) return {};
    return named(disk_.create(access_->actor, place, FileType::directory, 0700), name);
  }

  Status make_file(const WriteRequest& request) override {
    HF_TRY(const auto file, open_new(request.name, request.replace));
    std::uint64_t offset = 0;
    for (const ByteView part : request.parts) {
      HF_OK(file->write_at(offset, part));
      offset += part.size();
    }
    return set_metadata(request.name, FileType::regular, request.metadata);
  }

  std::vector<Status> make_files(std::span<const WriteRequest> requests) override {
    std::vector<std::size_t> order(requests.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t left = order.size(); left > 1; --left) {
      std::swap(order[left - 1], order[access_->dice->below(left)]);
    }
    std::vector<Status> answers(requests.size());
    for (const std::size_t index : order) answers[index] = make_file(requests[index]);
    return answers;
  }

  Result<std::unique_ptr<File>> open_new(const std::string& name, bool replace) override {
    HF_TRY(Inode * made, make(name, FileType::regular, 0600, replace));
    return open_inode(access_, *made, name, true);
  }

  Status make_symlink(const std::string& name, const std::string& target, bool replace) override {
    HF_TRY(Inode * made, make(name, FileType::symlink, 0777, replace));
    disk_.set_target(*made, target);
    return {};
  }

  Status make_hard_link(const std::string& existing, const std::string& name, bool replace) override {
    HF_OK(begin(Kind::change, "make_hard_link", name));
    HF_TRY(const Place source, place(existing));
    if (source.node == nullptr) return fail(Code::NotFound, "there is nothing to link to", printable(existing));
    HF_OK(clear(name, replace));
    HF_TRY(const Place target, place(name));
    return named(disk_.link(access_->actor, *source.node, target), name);
  }

  Status make_node(const std::string& name, const FileStat& node, bool replace) override {
    const bool device = node.type == FileType::character_device || node.type == FileType::block_device;
    if (!device && node.type != FileType::fifo && node.type != FileType::socket) {
      return fail(Code::Unsupported, "this is no device or fifo", printable(name));
    }
    if (device && access_->actor.uid != 0) {
      HF_OK(begin(Kind::observe, "make_node", name));
      return fail(Code::PermissionDenied, "only root makes devices", printable(name));
    }
    HF_TRY(Inode * made, make(name, node.type, 0600, replace));
    InodeMeta meta = made->meta;
    meta.device_major = node.device_major;
    meta.device_minor = node.device_minor;
    return disk_.set_meta(access_->actor, *made, std::move(meta));
  }

  Status set_metadata(const std::string& name, FileType type, const Metadata& metadata) override {
    HF_TRY(const Place place, begin(Kind::change, "set_metadata", name));
    if (place.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(name));
    if (place.node->type != type) return fail(Code::Changed, "it became something else", printable(name));
    return named(set_metadata_of(*access_, *place.node, metadata, name, warnings_), name);
  }

  Result<std::optional<FileStat>> stat(const std::string& name) override {
    HF_TRY(const Place place, begin(Kind::observe, "stat", name));
    if (place.node == nullptr) return std::nullopt;
    return disk_.stat_of(*place.node);
  }

  Result<std::unique_ptr<File>> open_existing(const std::string& name) override {
    HF_TRY(const Place place, begin(Kind::observe, "open_existing", name));
    if (place.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(name));
    if (place.node->type == FileType::symlink) return fail(Code::PermissionDenied, "this is a link", printable(name));
    HF_OK(named(disk_.may(access_->actor, *place.node, 4), name));
    if (place.node->type != FileType::regular) {
      return fail(Code::Unsupported, "this is no regular file", printable(name));
    }
    return open_inode(access_, *place.node, name, false);
  }

  Status sync_all() override {
    HF_OK(access_->begin_sync({.who = {}, .what = "sync_all", .object = {}}, [] {}));
    if (Inode* root = disk_.inode(root_)) disk_.sync_below(*root);
    return {};
  }

  std::vector<std::string> take_warnings() override { return std::exchange(warnings_, {}); }

 private:
  Result<Place> place(const std::string& name) {
    Inode* root = epoch_ == disk_.epoch() ? disk_.inode(root_) : nullptr;
    if (root == nullptr) return fail(Code::NotFound, "the root of the tree is gone", printable(name));
    return disk_.place_beneath(access_->actor, *root, name);
  }
  Result<Place> begin(Kind kind, std::string_view what, const std::string& name) {
    HF_OK(access_->begin(kind, {.who = {}, .what = what, .object = name}));
    return place(name);
  }
  Status clear(const std::string& name, bool replace) {
    HF_TRY(const Place there, place(name));
    if (there.node == nullptr) return {};
    const bool replaceable = there.node->type == FileType::regular || there.node->type == FileType::symlink;
    if (!replace || !replaceable) return fail(Code::AlreadyExists, "there is something of that name", printable(name));
    return named(disk_.remove(access_->actor, there), name);
  }
  Result<Inode*> make(const std::string& name, FileType type, std::uint32_t mode, bool replace) {
    HF_OK(begin(Kind::change, "make", name));
    HF_OK(clear(name, replace));
    HF_TRY(const Place at, place(name));
    auto made = disk_.create(access_->actor, at, type, mode);
    if (!made) return pass_on(named(made, name).error());
    return *made;
  }
  template <class T>
  static Status named(const Result<T>& result, const std::string& name) {
    if (result) return {};
    return fail(result.error().code, result.error().sentence, printable(name));
  }

  DiskAccessPtr access_;
  Disk& disk_;
  std::uint64_t root_, epoch_;
  std::vector<std::string> warnings_;
};

}  // namespace

Status set_metadata_of(DiskAccess& access, Inode& inode, const Metadata& metadata, const std::string& name,
                       std::vector<std::string>& warnings) {
  const bool root = access.actor.uid == 0;
  InodeMeta meta = inode.meta;
  std::uint32_t mode = metadata.mode & 07777u;
  if (metadata.owner) {
    const std::pair<std::uint32_t, std::uint32_t> now{meta.uid, meta.gid};
    if (root || *metadata.owner == now) {
      std::tie(meta.uid, meta.gid) = *metadata.owner;
    } else {
      warnings.push_back(printable(name) + ": the owner was not set");
      mode &= ~06000u;  // they would lend the rights of the wrong owner
    }
  }
  for (const Attribute& attribute : metadata.attributes) {
    const bool restricted = attribute.name.starts_with("trusted.") || attribute.name.starts_with("security.");
    if (root || !restricted) {
      meta.attributes[attribute.name] = attribute.value;
    } else {
      warnings.push_back(printable(name) + ": the attribute " + printable(attribute.name) + " was not set");
    }
  }
  if (inode.type != FileType::symlink) meta.mode = mode;
  meta.mtime_ns = metadata.mtime_ns;
  return access.disk.set_meta(access.actor, inode, std::move(meta));
}

std::unique_ptr<TreeWriter> make_tree_writer(DiskAccessPtr access, Inode& root) {
  return std::make_unique<SimTreeWriter>(std::move(access), root);
}

}  // namespace holdfast::sim
