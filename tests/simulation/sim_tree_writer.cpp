#include <algorithm>

#include "tests/simulation/disk_access.h"

namespace holdfast::sim {
namespace {

// As the real one: what replaces something is made under a temporary name and renamed when it is complete.
class SimTreeWriter final : public TreeWriter {
 public:
  SimTreeWriter(DiskAccessPtr access, Inode& root)
      : access_(std::move(access)),
        disk_(access_->disk),
        root_(root.number),
        epoch_(disk_.epoch()),
        temporary_prefix_(".holdfast-" + std::to_string(access_->dice->below(1'000'000)) + "-") {
    disk_.opened(root);
  }
  ~SimTreeWriter() override {
    for (const auto& [name, file] : unfinished_) {
      if (alive()) (void)remove(sibling(name, file.leaf));
    }
    disk_.closed(root_, epoch_);
  }

  Result<MadeDirectory> make_directory(const std::string& name) override {
    HF_TRY(const Place target, begin(Kind::change, "make_directory", name));
    const bool is_new = target.node == nullptr || !target.node->is_directory();
    if (is_new) HF_OK(named(disk_.create(access_->actor, target, FileType::directory, 0700), name));
    HF_TRY(const Place made, place(name));
    const FileStat stat = disk_.stat_of(*made.node);
    return MadeDirectory{stat.id(), is_new, stat.uid};
  }

  Status complete(const std::string& name, FileType type, const FileId& only, const Metadata& metadata) override {
    return set_metadata_at(name, type, metadata, only);
  }

  Status discard(const std::string& name, const FileId& only) override {
    HF_TRY(const Place there, begin(Kind::change, "discard", name));
    if (there.node == nullptr || there.node->is_directory() || disk_.stat_of(*there.node).id() != only)
      return fail(Code::Changed, "something else has this name now", printable(name));
    return named(disk_.remove(access_->actor, there), name);
  }

  Result<std::shared_ptr<const ListedFolder>> folder(const std::string& name) override {
    std::uint64_t number = root_;
    if (!name.empty()) {
      HF_TRY(const Place there, place(name));
      if (there.node == nullptr) return fail(Code::NotFound, "there is no such folder", printable(name));
      if (!there.node->is_directory())
        return fail(Code::AlreadyExists, "something else stands where a folder is needed", printable(name));
      number = there.node->number;
    }
    return listed_folder(number, epoch_);
  }

  [[nodiscard]] std::string temporary_prefix() const override { return temporary_prefix_; }
  void use_temporary_prefix(std::string prefix) override { temporary_prefix_ = std::move(prefix); }

  Status make_file(const WriteRequest& request) override {
    HF_TRY(const std::string at, make(request.name, FileType::regular, request.replace));
    Status status = fill(at, request);
    if (status && at != request.name) status = replace(at, request.name);
    if (!status && alive()) (void)remove(at);
    return status;
  }

  // Written when some batch is asked for: any of those in flight.
  RequestId submit(WriteBatch batch) override {
    waiting_.emplace_back(++last_request_id_, std::move(batch));
    return last_request_id_;
  }
  std::pair<RequestId, std::vector<Status>> next() override {
    const std::size_t which = access_->dice->below(waiting_.size());
    auto [request_id, batch] = std::move(waiting_[which]);
    waiting_.erase(waiting_.begin() + static_cast<std::ptrdiff_t>(which));
    std::vector<Status> outcomes;
    for (const WriteRequest& file : batch.files) outcomes.push_back(make_file(file));
    for (const PieceWrite& piece : batch.pieces) outcomes.push_back(piece.file->write_at(piece.offset, piece.bytes));
    return {request_id, std::move(outcomes)};
  }
  [[nodiscard]] std::size_t in_flight() const override { return waiting_.size(); }

  Result<std::unique_ptr<File>> open_new(const std::string& name, bool replace) override {
    if (const auto old = unfinished_.find(name); old != unfinished_.end()) {
      (void)remove(sibling(name, old->second.leaf));
      unfinished_.erase(old);
    }
    HF_TRY(const std::string at, make(name, FileType::regular, replace));
    HF_TRY(const Place made, place(at));
    unfinished_[name] = {std::string(last_component(at)), disk_.stat_of(*made.node).id()};
    return open_inode(access_, *made.node, name, true);
  }

  Status make_symlink(const std::string& name, const std::string& target, bool replaces) override {
    if (target.empty() || target.find('\0') != std::string::npos) {
      return fail(Code::Malformed, "a target that no symbolic link can have", printable(name));
    }
    HF_TRY(const std::string at, make(name, FileType::symlink, replaces));
    HF_TRY(const Place made, place(at));
    disk_.set_target(*made.node, target);
    return at == name ? Status() : replace(at, name);
  }

  Status make_hard_link(const std::string& existing, const std::string& name, bool replaces,
                        const std::optional<ExpectedFile>& only) override {
    HF_TRY(const Place source, begin(Kind::observe, "make_hard_link", existing));
    if (source.node == nullptr) return fail(Code::NotFound, "there is nothing to link to", printable(existing));
    if (!is_expected(disk_.stat_of(*source.node), only))
      return fail(Code::Changed, "what it is a link to was replaced", printable(existing));
    HF_TRY(const std::string at, free_name(name, replaces));
    HF_TRY(const Place target, begin(Kind::change, "make_hard_link", at));
    HF_OK(named(disk_.link(access_->actor, *source.node, target), name));
    if (at == name) return {};
    HF_OK(replace(at, name));
    HF_TRY(const Place rest, place(at));  // between two names of one file rename does nothing
    return rest.node == nullptr ? Status() : remove(at);
  }

  Status make_node(const std::string& name, const FileStat& node, bool replaces) override {
    const bool device = node.type == FileType::character_device || node.type == FileType::block_device;
    if (!device && node.type != FileType::fifo) {
      return fail(Code::Unsupported, "only devices and fifos are made as nodes", printable(name));
    }
    if (device && access_->actor.uid != 0) {
      HF_OK(begin(Kind::observe, "make_node", name));
      return fail(Code::PermissionDenied, "only root makes devices", printable(name));
    }
    HF_TRY(const std::string at, make(name, node.type, replaces, &node));
    HF_TRY(const Place made, place(at));
    InodeMeta meta = made.node->meta;
    if (device) {
      meta.device_major = node.device_major;
      meta.device_minor = node.device_minor;
    }
    made.node->durable_meta = meta;  // the numbers are made with the node
    HF_OK(disk_.set_meta(access_->actor, *made.node, std::move(meta)));
    return at == name ? Status() : replace(at, name);
  }

  Status set_metadata(const std::string& name, FileType type, const Metadata& metadata) override {
    const auto unfinished = unfinished_.find(name);
    const bool whole = unfinished == unfinished_.end();
    const std::string at = whole ? name : sibling(name, unfinished->second.leaf);
    HF_OK(set_metadata_at(at, type, metadata, whole ? std::nullopt : std::optional(unfinished->second.id)));
    if (at != name) HF_OK(replace(at, name));
    unfinished_.erase(name);
    return {};
  }

  Result<std::optional<FileStat>> stat(const std::string& name) override {
    auto found = begin(Kind::observe, "stat", name);
    if (!found && found.error().code == Code::NotFound) return std::nullopt;
    HF_TRY(const Place there, std::move(found));
    if (there.node == nullptr) return std::nullopt;
    return disk_.stat_of(*there.node);
  }

  Result<std::unique_ptr<File>> open_existing(const std::string& name) override {
    HF_TRY(const Place there, begin(Kind::observe, "open_existing", name));
    if (there.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(name));
    if (there.node->type == FileType::symlink) return fail(Code::PermissionDenied, "this is a link", printable(name));
    HF_OK(named(disk_.may(access_->actor, *there.node, 4), name));
    if (there.node->type != FileType::regular) {
      return fail(Code::Unsupported, "this is no regular file", printable(name));
    }
    return open_inode(access_, *there.node, name, false);
  }

  // syncfs would do the whole disk; nobody is promised more than what is below the root.
  Status sync_all() override {
    HF_OK(access_->begin_sync({.who = {}, .what = "sync_all", .object = {}}, [] {}));
    disk_.sync_below(*disk_.inode(root_));
    return {};
  }

  std::vector<std::string> take_warnings() override { return std::exchange(warnings_, {}); }

 private:
  [[nodiscard]] bool alive() const {
    return epoch_ == disk_.epoch() && (access_->process == nullptr || !access_->process->dead());
  }
  static std::string sibling(const std::string& name, const std::string& leaf) {
    const std::size_t slash = name.rfind('/');
    return slash == std::string::npos ? leaf : name.substr(0, slash + 1) + leaf;
  }

  Result<Place> place(const std::string& name) {
    Inode* root = epoch_ == disk_.epoch() ? disk_.inode(root_) : nullptr;
    if (root == nullptr) return fail(Code::NotFound, "the root of the tree is gone", printable(name));
    return disk_.place_beneath(access_->actor, *root, name);
  }
  Result<Place> begin(Kind kind, std::string_view what, const std::string& name) {
    HF_OK(access_->begin(kind, {.who = {}, .what = what, .object = name}));
    return place(name);
  }
  // The name itself, or a temporary one beside what may be replaced. node: what is to be there, if it is a device or a
  // fifo.
  Result<std::string> free_name(const std::string& name, bool replaces, const FileStat* node = nullptr) {
    HF_TRY(const Place there, place(name));
    if (there.node == nullptr) return name;
    const bool like = node != nullptr && there.node->type == node->type &&
                      there.node->meta.device_major == node->device_major &&
                      there.node->meta.device_minor == node->device_minor;
    const bool replaceable = like || there.node->type == FileType::regular || there.node->type == FileType::symlink;
    if (!replaces || !replaceable) {
      return fail(Code::AlreadyExists, "there is something of that name", printable(name));
    }
    return sibling(name, temporary_prefix_ + std::to_string(++temporaries_));
  }
  // Gives the name under which it was made.
  Result<std::string> make(const std::string& name, FileType type, bool replaces, const FileStat* node = nullptr) {
    HF_OK(begin(Kind::change, "make", name));
    HF_TRY(std::string at, free_name(name, replaces, node));
    HF_TRY(const Place there, place(at));
    HF_OK(named(disk_.create(access_->actor, there, type, type == FileType::symlink ? 0777 : 0600), name));
    return at;
  }
  Status fill(const std::string& at, const WriteRequest& request) {
    HF_TRY(const Place made, place(at));
    const auto file = open_inode(access_, *made.node, at, true);
    std::uint64_t offset = 0;
    for (const ByteView part : request.parts) {
      HF_OK(file->write_at(offset, part));
      offset += part.size();
    }
    return set_metadata_at(at, FileType::regular, request.metadata);
  }
  Status set_metadata_at(const std::string& at, FileType type, const Metadata& metadata,
                         std::optional<FileId> only = std::nullopt) {
    HF_TRY(const Place there, begin(Kind::change, "set_metadata", at));
    if (there.node == nullptr) return fail(Code::NotFound, "there is nothing of that name", printable(at));
    if (there.node->type != type || (only && disk_.stat_of(*there.node).id() != *only))
      return fail(Code::AlreadyExists, "something else has this name", printable(at));
    return named(set_metadata_of(*access_, *there.node, metadata, at, warnings_), at);
  }
  Status replace(const std::string& temporary, const std::string& name) {
    HF_OK(access_->begin(Kind::change, {.who = {}, .what = "rename", .object = temporary, .other = name}));
    HF_TRY(const Place from, place(temporary));
    HF_TRY(const Place to, place(name));
    return named(disk_.rename(access_->actor, from, to), name);
  }
  Status remove(const std::string& name) {
    HF_TRY(const Place there, begin(Kind::change, "remove", name));
    return named(disk_.remove(access_->actor, there), name);
  }
  template <class T>
  static Status named(const Result<T>& result, const std::string& name) {
    if (result) return {};
    return fail(result.error().code, result.error().sentence, printable(name));
  }

  DiskAccessPtr access_;
  Disk& disk_;
  std::uint64_t root_, epoch_;
  std::string temporary_prefix_;
  std::uint64_t temporaries_ = 0;
  struct Unfinished {
    std::string leaf;
    FileId id;
  };
  std::map<std::string, Unfinished> unfinished_;  // made by open_new: name, and what it has meanwhile
  std::vector<std::pair<RequestId, WriteBatch>> waiting_;
  RequestId last_request_id_ = 0;
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
