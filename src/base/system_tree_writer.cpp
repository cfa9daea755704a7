#include "base/system_tree_writer.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <climits>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <map>

#include "base/system.h"
#include "base/system_beneath.h"
#include "base/system_file.h"
#include "base/system_metadata.h"
#include "base/system_pool.h"
#include "base/system_tree_reader.h"

namespace holdfast {

namespace {

constexpr std::size_t warnings_max = 1000;

// Of this process. All bits when the system doesn't tell: then each mode is set by a call of its own.
mode_t read_umask() {
  const auto status = read_whole_file("/proc/self/status", 1 << 20);
  if (!status) return 0777;
  const std::string_view text = as_text(*status), key = "\nUmask:\t";
  const std::size_t at = text.find(key);
  mode_t mask = 0777;
  if (at != std::string_view::npos) std::from_chars(text.data() + at + key.size(), text.data() + text.size(), mask, 8);
  return mask;
}

std::string new_temporary_prefix() {
  std::array<std::uint8_t, 8> random{};
  system_random()->fill(random);
  return ".holdfast-" + to_hex(random) + "-";
}

Status write_parts(int descriptor, const std::vector<ByteView>& parts, std::string_view name) {
  std::vector<iovec> rest;
  rest.reserve(parts.size());
  for (const ByteView part : parts)
    if (!part.empty()) rest.push_back({const_cast<std::uint8_t*>(part.data()), part.size()});
  for (std::size_t at = 0; at < rest.size();) {
    ssize_t count = ::writev(descriptor, &rest[at], static_cast<int>(std::min<std::size_t>(rest.size() - at, IOV_MAX)));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_fail(errno, "writing the file", name);
    auto written = static_cast<std::size_t>(count);
    while (at < rest.size() && written >= rest[at].iov_len) written -= rest[at++].iov_len;
    if (written > 0) rest[at] = {static_cast<std::uint8_t*>(rest[at].iov_base) + written, rest[at].iov_len - written};
  }
  return {};
}

class SystemTreeWriter final : public TreeWriter {
 public:
  SystemTreeWriter(Fd root, unsigned threads) : root_(std::move(root)), folders_(root_.get()), pool_(threads) {}

  ~SystemTreeWriter() override {
    {
      std::unique_lock lock(queue_->mutex);
      queue_->waiting.clear();
      queue_->changed.wait(lock, [this] { return queue_->running == 0; });
    }
    for (const auto& [name, file] : unfinished_)
      if (const auto place = find(name)) (void)::unlinkat(place->descriptor(), file.leaf.c_str(), 0);
  }

  Result<MadeDirectory> make_directory(const std::string& name) override {
    HF_TRY(const Place place, find(name));
    const bool is_new = ::mkdirat(place.descriptor(), place.leaf.c_str(), 0700) == 0;
    if (!is_new && errno != EEXIST) return system_fail(errno, "making the directory", name);
    HF_TRY(const FileStat there, stat_at(place.descriptor(), place.leaf.c_str(), name));
    if (there.type == FileType::directory) return MadeDirectory{there.id(), is_new, there.uid};
    return fail(Code::AlreadyExists, "something else stands where a directory is needed", printable(name));
  }

  Status make_file(const WriteRequest& request) override {
    HF_TRY(const Place place, find(request.name));
    return make(place, request.name, request.replace, "making the file",
                [&](const std::string& leaf, int& number) { return write_file(place, leaf, request, number); });
  }

  RequestId submit(WriteBatch batch) override {
    const RequestId request_id = ++last_request_id_;
    ++in_flight_;
    {
      const std::lock_guard lock(queue_->mutex);
      queue_->waiting.emplace_back(request_id, std::move(batch));
    }
    pool_.post([this, queue = queue_] {
      std::unique_lock lock(queue->mutex);
      if (!queue->waiting.empty()) write_first(lock);  // else this thread came too late, or the writer is gone
    });
    return request_id;
  }

  std::pair<RequestId, std::vector<Status>> next() override {
    std::unique_lock lock(queue_->mutex);
    queue_->changed.wait(lock, [this] { return !queue_->written.empty(); });
    auto out = std::move(queue_->written.front());
    queue_->written.pop_front();
    --in_flight_;
    return out;
  }

  [[nodiscard]] std::size_t in_flight() const override { return in_flight_; }

  Result<std::unique_ptr<File>> open_new(const std::string& name, bool replace) override {
    HF_TRY(const Place place, find(name));
    forget_unfinished(place, name);
    std::string leaf = place.leaf;
    Fd file = create(place, leaf, 0600);
    if (!file && errno == EEXIST && replace) {
      HF_OK(check_replaceable(place, name));
      leaf = next_temporary();
      file = create(place, leaf, 0600);
    }
    if (!file) return system_fail(errno, "making the file", name);
    HF_TRY(const FileStat made, stat_fd(file.get(), name));
    {
      const std::lock_guard lock(mutex_);
      unfinished_.insert_or_assign(name, Unfinished{leaf, made.id()});
    }
    return uncached_file_from(std::move(file), name);
  }

  Status make_symlink(const std::string& name, const std::string& target, bool replace) override {
    HF_TRY(const Place place, find(name));
    if (target.empty() || ends_early(target))
      return fail(Code::Malformed, "a target that no symbolic link can have", printable(name));
    return make(place, name, replace, "making the symbolic link", [&](const std::string& leaf, int& number) -> Status {
      if (::symlinkat(target.c_str(), place.descriptor(), leaf.c_str()) != 0) number = errno;
      return {};
    });
  }

  Status make_hard_link(const std::string& existing, const std::string& name, bool replace,
                        const std::optional<ExpectedFile>& only) override {
    HF_TRY(const Place from, find(existing));
    HF_TRY(const Place place, find(name));
    const Fd file(::openat(from.descriptor(), from.leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!file) return system_fail(errno, "making the hard link", name);
    HF_TRY(const FileStat there, stat_fd(file.get(), existing));
    if (!is_expected(there, only)) return fail(Code::Changed, "what it is a link to was replaced", printable(existing));
    const int from_folder = only ? AT_FDCWD : from.descriptor();
    const std::string from_name = only ? "/proc/self/fd/" + std::to_string(file.get()) : from.leaf;
    std::string temporary;
    HF_OK(make(place, name, replace, "making the hard link", [&](const std::string& leaf, int& number) -> Status {
      if (::linkat(from_folder, from_name.c_str(), place.descriptor(), leaf.c_str(), only ? AT_SYMLINK_FOLLOW : 0) != 0)
        number = errno;
      else if (leaf != place.leaf)
        temporary = leaf;
      return {};
    }));
    // rename(2) between two links of one file does nothing and leaves both.
    if (!temporary.empty()) (void)::unlinkat(place.descriptor(), temporary.c_str(), 0);
    return {};
  }

  Status make_node(const std::string& name, const FileStat& node, bool replace) override {
    HF_TRY(const Place place, find(name));
    mode_t kind = 0;
    if (node.type == FileType::character_device) kind = S_IFCHR;
    if (node.type == FileType::block_device) kind = S_IFBLK;
    if (node.type == FileType::fifo) kind = S_IFIFO;
    if (kind == 0) return fail(Code::Unsupported, "only devices and fifos are made as nodes", printable(name));
    const dev_t device = kind == S_IFIFO ? 0 : makedev(node.device_major, node.device_minor);
    const auto create_at = [&](const std::string& leaf, int& number) -> Status {
      if (::mknodat(place.descriptor(), leaf.c_str(), kind | 0600u, device) != 0) number = errno;
      return {};
    };
    return make(place, name, replace, "making the node", create_at, &node);
  }

  Status set_metadata(const std::string& name, FileType type, const Metadata& metadata) override {
    HF_TRY(const Place place, find(name));
    std::string leaf = place.leaf;
    std::optional<FileId> only;
    {
      const std::lock_guard lock(mutex_);
      if (const auto found = unfinished_.find(name); found != unfinished_.end()) {
        leaf = found->second.leaf;
        only = found->second.id;
      }
    }
    HF_OK(set_metadata_at(place, leaf, name, type, only, metadata));
    if (leaf != place.leaf && ::renameat(place.descriptor(), leaf.c_str(), place.descriptor(), place.leaf.c_str()) != 0)
      return system_fail(errno, "replacing the file", name);
    const std::lock_guard lock(mutex_);
    unfinished_.erase(name);
    return {};
  }

  Status complete(const std::string& name, FileType type, const FileId& only, const Metadata& metadata) override {
    HF_TRY(const Place place, find(name));
    return set_metadata_at(place, place.leaf, name, type, only, metadata);
  }

  // Away from its name first: what is looked at then under a name that nobody knows is what is removed.
  Status discard(const std::string& name, const FileId& only) override {
    HF_TRY(const Place place, find(name));
    const auto is_it = [&](const std::string& leaf) {
      const auto there = stat_at(place.descriptor(), leaf.c_str(), name);
      return there && there->id() == only && there->type != FileType::directory;
    };
    const auto changed = [&] { return fail(Code::Changed, "something else has this name now", printable(name)); };
    if (!is_it(place.leaf)) return changed();
    const std::string temporary = next_temporary();
    if (const int number = rename_new(place, place.leaf, temporary); number != 0)
      return system_fail(number, "removing", name);
    if (!is_it(temporary)) {
      (void)rename_new(place, temporary, place.leaf);
      return changed();
    }
    if (::unlinkat(place.descriptor(), temporary.c_str(), 0) != 0) return system_fail(errno, "removing", name);
    return {};
  }

  Result<std::shared_ptr<const ListedFolder>> folder(const std::string& name) override {
    if (!name.empty()) HF_OK(check_relative_name(name));
    HF_TRY(Fd descriptor, open_folder_beneath(root_.get(), name));
    return listed_folder(std::move(descriptor));
  }

  [[nodiscard]] std::string temporary_prefix() const override { return temporary_prefix_; }
  void use_temporary_prefix(std::string prefix) override { temporary_prefix_ = std::move(prefix); }

  Result<std::optional<FileStat>> stat(const std::string& name) override {
    auto place = find(name);
    if (!place && place.error().code == Code::NotFound) return std::nullopt;
    if (!place) return pass_on(std::move(place).error());
    auto there = stat_at(place->descriptor(), place->leaf.c_str(), name);
    if (!there && there.error().code == Code::NotFound) return std::nullopt;
    if (!there) return pass_on(std::move(there).error());
    return *there;
  }

  Result<std::unique_ptr<File>> open_existing(const std::string& name) override {
    HF_TRY(const Place place, find(name));
    Fd file(open_quietly(place.descriptor(), place.leaf.c_str(), O_RDONLY | O_NONBLOCK));
    if (!file) return system_fail(errno, "opening the file", name);
    return file_from(std::move(file), name);
  }

  Status sync_all() override {
    if (::syncfs(root_.get()) != 0) return system_fail(errno, "syncing the file system", "");
    return {};
  }

  std::vector<std::string> take_warnings() override {
    const std::lock_guard lock(mutex_);
    if (warnings_left_out_ > 0)
      warnings_.push_back("and " + std::to_string(std::exchange(warnings_left_out_, 0)) + " warnings more");
    return std::exchange(warnings_, {});
  }

 private:
  // What a thread that comes late still finds.
  struct Queue {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<std::pair<RequestId, WriteBatch>> waiting;
    std::deque<std::pair<RequestId, std::vector<Status>>> written;
    std::size_t running = 0;
  };

  void write_first(std::unique_lock<std::mutex>& lock) {
    auto [request_id, batch] = std::move(queue_->waiting.front());
    queue_->waiting.pop_front();
    ++queue_->running;
    lock.unlock();
    std::vector<Status> outcomes;
    outcomes.reserve(batch.files.size() + batch.pieces.size());
    for (const WriteRequest& file : batch.files) outcomes.push_back(make_file(file));
    write_pieces(batch.pieces, outcomes);
    batch = {};
    lock.lock();
    --queue_->running;
    queue_->written.emplace_back(request_id, std::move(outcomes));
    queue_->changed.notify_all();
  }

  // Neighbouring pieces in one call.
  static void write_pieces(std::span<const PieceWrite> pieces, std::vector<Status>& outcomes) {
    while (!pieces.empty()) {
      std::vector<ByteView> parts;
      std::uint64_t end = pieces.front().offset;
      for (const PieceWrite& piece : pieces) {
        if (piece.file != pieces.front().file || piece.offset != end) break;
        parts.push_back(piece.bytes);
        end += piece.bytes.size();
      }
      const Status written = pieces.front().file->write_parts(pieces.front().offset, parts);
      outcomes.insert(outcomes.end(), parts.size(), written);
      pieces = pieces.subspan(parts.size());
    }
  }

  struct Place {
    std::shared_ptr<const Folder> folder;
    std::string leaf;
    [[nodiscard]] int descriptor() const { return folder->descriptor.get(); }
  };

  Result<Place> find(const std::string& name) {
    HF_OK(check_relative_name(name));
    const std::size_t slash = name.rfind('/');
    const bool at_root = slash == std::string::npos;
    HF_TRY(auto folder, folders_.open(at_root ? std::string() : name.substr(0, slash)));
    return Place{std::move(folder), at_root ? name : name.substr(slash + 1)};
  }

  std::string next_temporary() { return temporary_prefix_ + std::to_string(++temporaries_); }

  // Replaces nothing, where the file system can promise that. 0 or errno.
  static int rename_new(const Place& place, const std::string& from, const std::string& to) {
    const int folder = place.descriptor();
    if (::renameat2(folder, from.c_str(), folder, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
    if (errno != EINVAL && errno != ENOSYS) return errno;
    return ::renameat(folder, from.c_str(), folder, to.c_str()) == 0 ? 0 : errno;
  }

  static Fd create(const Place& place, const std::string& leaf, mode_t mode) {
    for (;;) {
      Fd file(::openat(place.descriptor(), leaf.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
      if (file || errno != EINTR) return file;
    }
  }

  // node: what is to be there, if it is a device or a fifo.
  static Status check_replaceable(const Place& place, const std::string& name, const FileStat* node = nullptr) {
    HF_TRY(const FileStat there, stat_at(place.descriptor(), place.leaf.c_str(), name));
    if (there.type == FileType::regular || there.type == FileType::symlink) return {};
    const auto kind = [](const FileStat& stat) { return std::tie(stat.type, stat.device_major, stat.device_minor); };
    if (node != nullptr && kind(there) == kind(*node)) return {};
    return fail(Code::AlreadyExists,
                "only a regular file, a symbolic link, or a device or fifo by its like is replaced", printable(name));
  }

  // Makes an entry by create_at(leaf, errno of the creating call), under its name or, where something is to be
  // replaced, under a temporary name that is then renamed.
  template <class Create>
  Status make(const Place& place, const std::string& name, bool replace, std::string_view doing, Create create_at,
              const FileStat* node = nullptr) {
    int number = 0;
    HF_OK(create_at(place.leaf, number));
    if (number == EEXIST && replace) {
      HF_OK(check_replaceable(place, name, node));
      const std::string temporary = next_temporary();
      number = 0;
      HF_OK(create_at(temporary, number));
      if (number == 0 &&
          ::renameat(place.descriptor(), temporary.c_str(), place.descriptor(), place.leaf.c_str()) != 0) {
        number = errno;
        (void)::unlinkat(place.descriptor(), temporary.c_str(), 0);
      }
    }
    if (number != 0) return system_fail(number, doing, name);
    return {};
  }

  // A file that can't be finished is removed again.
  Status write_file(const Place& place, const std::string& leaf, const WriteRequest& request, int& number) {
    const Metadata& metadata = request.metadata;
    // Attributes of the user can only be set while the file is writable. An ACL that it inherits opens it as far as its
    // mode lets it.
    const bool plain = metadata.attributes.empty() && !place.folder->default_acl;
    const std::uint32_t mode_first = plain ? metadata.mode & 0777u : 0600u;
    Fd file = create(place, leaf, mode_first);
    if (!file) {
      number = errno;
      return {};
    }
    Status status = write_parts(file.get(), request.parts, request.name);
    std::optional<std::pair<std::uint32_t, std::uint32_t>> owner_now;  // asking costs a fifth of setting it again
    if (metadata.owner)
      if (const auto made = stat_fd(file.get(), request.name)) owner_now.emplace(made->uid, made->gid);
    if (status)
      status = MetadataTarget(file.get(), FileType::regular, false)
                   .apply(metadata, owner_now, mode_first & ~umask_, place.folder->default_acl, request.name, warn_);
    if (const int closed = file.close(); status && closed != 0)
      status = system_fail(closed, "writing the file", request.name);
    if (!status) (void)::unlinkat(place.descriptor(), leaf.c_str(), 0);
    return status;
  }

  Status set_metadata_at(const Place& place, const std::string& leaf, const std::string& name, FileType type,
                         std::optional<FileId> only, const Metadata& metadata) {
    bool by_path = type != FileType::regular && type != FileType::directory;
    Fd entry;
    if (!by_path) {
      entry = Fd(open_quietly(place.descriptor(), leaf.c_str(), O_RDONLY | O_NONBLOCK));
      by_path = !entry && (errno == EACCES || errno == ELOOP || errno == ENXIO);
      if (!entry && !by_path) return system_fail(errno, "opening the entry", name);
    }
    if (by_path) {
      entry = Fd(::openat(place.descriptor(), leaf.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
      if (!entry) return system_fail(errno, "opening the entry", name);
    }
    HF_TRY(const FileStat there, stat_fd(entry.get(), name));
    if (there.type != type || (only && there.id() != *only))
      return fail(Code::AlreadyExists, "something else stands under this name", printable(name));
    HF_OK(MetadataTarget(entry.get(), type, by_path)
              .apply(metadata, std::nullopt, there.mode, place.folder->default_acl, name, warn_));
    if (type == FileType::directory) folders_.clear();  // it may have a default ACL now
    return {};
  }

  // The same large file again, from the start.
  void forget_unfinished(const Place& place, const std::string& name) {
    const std::lock_guard lock(mutex_);
    const auto found = unfinished_.find(name);
    if (found == unfinished_.end()) return;
    (void)::unlinkat(place.descriptor(), found->second.leaf.c_str(), 0);
    unfinished_.erase(found);
  }

  void add_warning(std::string warning) {
    const std::lock_guard lock(mutex_);
    if (warnings_.size() < warnings_max)
      warnings_.push_back(std::move(warning));
    else
      ++warnings_left_out_;
  }

  const Fd root_;
  const mode_t umask_ = read_umask();
  std::string temporary_prefix_ = new_temporary_prefix();
  const std::function<void(std::string)> warn_ = [this](std::string warning) { add_warning(std::move(warning)); };
  std::atomic<std::uint64_t> temporaries_{0};
  FolderCache folders_;
  std::mutex mutex_;
  struct Unfinished {  // made by open_new
    std::string leaf;  // that it has meanwhile
    FileId id;         // another file under that name gets nothing of its metadata
  };
  std::map<std::string, Unfinished> unfinished_;  // by name
  std::vector<std::string> warnings_;
  std::size_t warnings_left_out_ = 0;
  const std::shared_ptr<Queue> queue_ = std::make_shared<Queue>();
  RequestId last_request_id_ = 0;
  std::size_t in_flight_ = 0;
  ThreadPool pool_;  // last: its threads end first
};

}  // namespace

Result<std::unique_ptr<TreeWriter>> system_tree_writer(const Path& root, unsigned threads) {
  Fd descriptor(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return system_fail(errno, "opening the target directory", root);
  return std::make_unique<SystemTreeWriter>(std::move(descriptor), threads);
}

}  // namespace holdfast
