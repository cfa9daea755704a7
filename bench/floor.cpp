// The bare floor of a backup and of a restore on this machine: no chunking, no cryptography, no network, no database.
// What Holdfast takes beyond it is what all of that costs. docs/PERFORMANCE.md shows both in one run.
//
//   bench_floor walk TREE            names and stats of everything below TREE: the floor of an unchanged backup
//   bench_floor write TREE STORE     walks, reads, joins to blocks of 1 MiB, compresses, writes files of 16 MiB, each
//                                    synced; STORE must not exist
//   bench_floor read STORE           reads and decompresses all of it: the floor of a check
//   bench_floor restore STORE OUT    and writes the files below OUT, which must not exist; syncs them, as a restore
//   does
//
// --threads N (as many as processors), --level N (zstd's: 1). Regular files only; their modes are kept.
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr std::size_t block_bytes_max = 1024 * 1024;
constexpr std::size_t pack_bytes_max = 16 * 1024 * 1024;

[[noreturn]] void give_up(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

class Descriptor {
 public:
  Descriptor(int at, const std::string& path, int flags, mode_t mode = 0600)
      : fd_(::openat(at, path.c_str(), flags | O_CLOEXEC, mode)) {
    if (fd_ < 0) give_up(path);
  }
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

void in_threads(unsigned threads, const std::function<void()>& work) {
  std::vector<std::jthread> all;
  for (unsigned i = 0; i < threads; ++i) all.emplace_back(work);
}

struct FoundFile {
  std::string path;  // below the tree
  std::uint64_t size = 0;
  std::uint32_t mode = 0;
};

// Every regular file, by folder and name.
class Walk {
 public:
  Walk(const std::string& root, unsigned threads) : root_(AT_FDCWD, root, O_RDONLY | O_DIRECTORY) {
    in_threads(threads, [this] { work(); });
    std::ranges::sort(files, [](const FoundFile& a, const FoundFile& b) {
      const auto folder = [](const FoundFile& file) {
        return std::string_view(file.path).substr(0, file.path.rfind('/') + 1);
      };
      return std::pair(folder(a), std::string_view(a.path)) < std::pair(folder(b), std::string_view(b.path));
    });
  }
  std::vector<FoundFile> files;
  [[nodiscard]] int root() const { return root_.get(); }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !folders_.empty() || busy_ == 0; });
      if (folders_.empty()) return;
      const std::string folder = std::move(folders_.back());
      folders_.pop_back();
      ++busy_;
      lock.unlock();
      std::vector<FoundFile> found;
      std::vector<std::string> below;
      look(folder, found, below);
      lock.lock();
      --busy_;
      std::ranges::move(found, std::back_inserter(files));
      std::ranges::move(below, std::back_inserter(folders_));
      changed_.notify_all();
    }
  }
  void look(const std::string& folder, std::vector<FoundFile>& found, std::vector<std::string>& below) const {
    const int fd = ::openat(root_.get(), folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR* const listing = fd < 0 ? nullptr : ::fdopendir(fd);
    if (listing == nullptr) give_up(folder);
    const std::string prefix = folder == "." ? "" : folder + "/";
    while (const dirent* entry = ::readdir(listing)) {
      const std::string name = entry->d_name;
      if (name == "." || name == "..") continue;
      struct stat stat{};
      if (::fstatat(fd, name.c_str(), &stat, AT_SYMLINK_NOFOLLOW) != 0) give_up(prefix + name);
      if (S_ISDIR(stat.st_mode)) below.push_back(prefix + name);
      if (S_ISREG(stat.st_mode))
        found.push_back({prefix + name, static_cast<std::uint64_t>(stat.st_size), stat.st_mode & 0777u});
    }
    ::closedir(listing);
  }

  Descriptor root_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> folders_{"."};
  int busy_ = 0;
};

struct Part {  // of a file
  std::uint32_t file = 0;
  std::uint32_t length = 0;
  std::uint64_t offset = 0;
};
struct Block {
  std::vector<Part> parts;
  std::uint32_t plain = 0, pack = 0, offset = 0, stored = 0;
};
struct Store {
  std::vector<FoundFile> files;
  std::vector<Block> blocks;
  std::uint32_t packs = 0;
};

std::vector<Block> join_to_blocks(const std::vector<FoundFile>& files) {
  std::vector<Block> blocks(1);
  for (std::uint32_t i = 0; i < files.size(); ++i) {
    std::uint64_t offset = 0;
    do {
      const auto length = static_cast<std::uint32_t>(std::min<std::uint64_t>(files[i].size - offset, block_bytes_max));
      if (blocks.back().plain + length > block_bytes_max) blocks.emplace_back();
      blocks.back().parts.push_back({i, length, offset});
      blocks.back().plain += length;
      offset += length;
    } while (offset < files[i].size);
  }
  return blocks;
}

// One thread that writes and syncs packs while others fill the next ones; it gives the buffers back.
class PackWriter {
 public:
  struct Pack {
    std::unique_ptr<char[]> bytes{new char[pack_bytes_max]};
    std::size_t size = 0;
    std::uint32_t number = 0;
  };
  PackWriter(const std::string& folder, unsigned buffers) : folder_(AT_FDCWD, folder, O_RDONLY | O_DIRECTORY) {
    for (unsigned i = 0; i < buffers; ++i) free_.emplace_back();
    thread_ = std::jthread([this] { work(); });
  }
  Pack take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return !free_.empty(); });
    Pack pack = std::move(free_.back());
    free_.pop_back();
    pack.size = 0;
    pack.number = taken_++;
    return pack;
  }
  void give(Pack pack) {
    const std::lock_guard lock(mutex_);
    full_.push_back(std::move(pack));
    changed_.notify_all();
  }
  std::uint32_t finish() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
      changed_.notify_all();
    }
    thread_.join();
    if (::fsync(folder_.get()) != 0) give_up("the store");
    return taken_;
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return !full_.empty() || over_; });
      if (full_.empty()) return;
      Pack pack = std::move(full_.front());
      full_.pop_front();
      lock.unlock();
      const std::string name = std::to_string(pack.number);
      const Descriptor file(folder_.get(), name, O_WRONLY | O_CREAT | O_EXCL);
      for (std::size_t at = 0; at < pack.size;) {
        const ssize_t count = ::write(file.get(), &pack.bytes[at], pack.size - at);
        if (count < 0) give_up(name);
        at += static_cast<std::size_t>(count);
      }
      if (::fsync(file.get()) != 0) give_up(name);
      lock.lock();
      free_.push_back(std::move(pack));
      changed_.notify_all();
    }
  }

  Descriptor folder_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Pack> free_;
  std::deque<Pack> full_;
  std::uint32_t taken_ = 0;
  bool over_ = false;
  std::jthread thread_;
};

void read_part(int root, const std::string& path, const Part& part, char* into) {
  const Descriptor file(root, path, O_RDONLY | O_NOFOLLOW);
  for (std::uint32_t done = 0; done < part.length;) {
    const ssize_t count = ::pread(file.get(), into + done, part.length - done, static_cast<off_t>(part.offset + done));
    if (count <= 0) give_up(path);
    done += static_cast<std::uint32_t>(count);
  }
}

Store write_store(const std::string& tree, const std::string& folder, unsigned threads, int level) {
  std::filesystem::create_directory(folder);
  Walk walk(tree, threads);
  Store store{std::move(walk.files), {}, 0};
  store.blocks = join_to_blocks(store.files);
  PackWriter writer(folder, threads + 2);
  std::atomic<std::size_t> next = 0;
  in_threads(threads, [&] {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    const std::unique_ptr<char[]> plain(new char[block_bytes_max]);
    PackWriter::Pack pack = writer.take();
    for (std::size_t i = next++; i < store.blocks.size(); i = next++) {
      Block& block = store.blocks[i];
      std::size_t filled = 0;
      for (const Part& part : block.parts) {
        if (part.length > 0) read_part(walk.root(), store.files[part.file].path, part, &plain[filled]);
        filled += part.length;
      }
      if (pack.size + ZSTD_compressBound(block.plain) > pack_bytes_max) {
        writer.give(std::move(pack));
        pack = writer.take();
      }
      const std::size_t stored = ZSTD_compressCCtx(context.get(), &pack.bytes[pack.size], pack_bytes_max - pack.size,
                                                   plain.get(), block.plain, level);
      if (ZSTD_isError(stored) != 0) throw std::runtime_error("zstd");
      block.pack = pack.number;
      block.offset = static_cast<std::uint32_t>(pack.size);
      block.stored = static_cast<std::uint32_t>(stored);
      pack.size += stored;
    }
    writer.give(std::move(pack));
  });
  store.packs = writer.finish();
  return store;
}

void save_list(const Store& store, const std::string& folder) {
  std::ofstream out(folder + "/list");
  out << store.files.size() << ' ' << store.blocks.size() << ' ' << store.packs << '\n';
  for (const FoundFile& file : store.files) out << file.size << ' ' << file.mode << ' ' << file.path << '\0';
  for (const Block& block : store.blocks) {
    out << block.plain << ' ' << block.pack << ' ' << block.offset << ' ' << block.stored << ' ' << block.parts.size()
        << '\n';
    for (const Part& part : block.parts) out << part.file << ' ' << part.offset << ' ' << part.length << '\n';
  }
  if (!out.flush()) give_up(folder + "/list");
}

Store load_list(const std::string& folder) {
  std::ifstream in(folder + "/list");
  std::size_t files = 0, blocks = 0, parts = 0;
  Store store;
  in >> files >> blocks >> store.packs;
  store.files.resize(in ? files : 0);
  store.blocks.resize(in ? blocks : 0);
  for (FoundFile& file : store.files) {
    in >> file.size >> file.mode;
    in.ignore();
    std::getline(in, file.path, '\0');
  }
  for (Block& block : store.blocks) {
    in >> block.plain >> block.pack >> block.offset >> block.stored >> parts;
    block.parts.resize(in ? parts : 0);
    for (Part& part : block.parts) in >> part.file >> part.offset >> part.length;
  }
  if (!in) throw std::runtime_error(folder + "/list is none of a store");
  return store;
}

void write_part(int root, const FoundFile& file, const Part& part, const char* bytes) {
  const Descriptor out(root, file.path, O_WRONLY | O_CREAT | O_NOFOLLOW, file.mode);
  for (std::uint32_t done = 0; done < part.length;) {
    const ssize_t count = ::pwrite(out.get(), bytes + done, part.length - done, static_cast<off_t>(part.offset + done));
    if (count <= 0) give_up(file.path);
    done += static_cast<std::uint32_t>(count);
  }
}

// out: empty to write nothing.
Store read_store(const std::string& folder, const std::string& out, unsigned threads) {
  Store store = load_list(folder);
  std::vector<Descriptor> packs;
  for (std::uint32_t i = 0; i < store.packs; ++i)
    packs.emplace_back(AT_FDCWD, folder + "/" + std::to_string(i), O_RDONLY);
  std::unique_ptr<Descriptor> root;
  if (!out.empty()) {
    std::filesystem::create_directory(out);
    std::set<std::string_view> folders;
    for (const FoundFile& file : store.files)
      if (const auto end = file.path.rfind('/'); end != std::string::npos)
        folders.insert(std::string_view(file.path).substr(0, end));
    for (const std::string_view below : folders) std::filesystem::create_directories(out + "/" + std::string(below));
    root = std::make_unique<Descriptor>(AT_FDCWD, out, O_RDONLY | O_DIRECTORY);
  }
  std::atomic<std::size_t> next = 0;
  in_threads(threads, [&] {
    const std::unique_ptr<ZSTD_DCtx, decltype(&ZSTD_freeDCtx)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
    const std::size_t room = ZSTD_compressBound(block_bytes_max);
    const std::unique_ptr<char[]> plain(new char[block_bytes_max]), stored(new char[room]);
    for (std::size_t i = next++; i < store.blocks.size(); i = next++) {
      const Block& block = store.blocks[i];
      const ssize_t count =
          ::pread(packs.at(block.pack).get(), stored.get(), std::min<std::size_t>(block.stored, room), block.offset);
      if (count != static_cast<ssize_t>(block.stored) ||
          ZSTD_decompressDCtx(context.get(), plain.get(), block_bytes_max, stored.get(), block.stored) != block.plain)
        throw std::runtime_error("a block of the store is damaged");
      std::size_t at = 0;
      for (const Part& part : block.parts) {
        if (root) write_part(root->get(), store.files[part.file], part, &plain[at]);
        at += part.length;
      }
    }
  });
  if (root && ::syncfs(root->get()) != 0) give_up(out);
  return store;
}

void report(const std::string& step, const Store& store, double wall) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  double bytes = 0, stored = 0;
  for (const FoundFile& file : store.files) bytes += static_cast<double>(file.size);
  for (const Block& block : store.blocks) stored += block.stored;
  constexpr double mib = 1024 * 1024;
  std::printf("%-8s %7.2f s   CPU %7.2f s   peak %5.0f MiB   %zu files, %.1f MiB", step.c_str(), wall,
              seconds(used.ru_utime) + seconds(used.ru_stime), static_cast<double>(used.ru_maxrss) / 1024,
              store.files.size(), bytes / mib);
  if (!store.blocks.empty()) std::printf(", stored %.1f MiB", stored / mib);
  std::printf("\n");
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("the bare floor: walk, read, compress, write");
  std::string tree, store, out;
  unsigned threads = std::thread::hardware_concurrency();
  int level = 1;
  app.require_subcommand(1);
  app.add_option("--threads", threads)->check(CLI::Range(1u, 1024u));
  app.add_option("--level", level, "zstd's");
  auto* const walk = app.add_subcommand("walk", "names and stats")->fallthrough();
  auto* const write = app.add_subcommand("write", "walk, read, compress, write, sync")->fallthrough();
  auto* const read = app.add_subcommand("read", "read and decompress")->fallthrough();
  auto* const restore = app.add_subcommand("restore", "read, decompress, write, sync")->fallthrough();
  for (auto* command : {walk, write}) command->add_option("TREE", tree)->required();
  for (auto* command : {write, read, restore}) command->add_option("STORE", store)->required();
  restore->add_option("OUT", out)->required();
  CLI11_PARSE(app, count, arguments);
  try {
    const auto began = std::chrono::steady_clock::now();
    Store done;
    if (*walk) done.files = std::move(Walk(tree, threads).files);
    if (*write) save_list(done = write_store(tree, store, threads, level), store);
    if (*read || *restore) done = read_store(store, out, threads);
    report(app.get_subcommands().front()->get_name(), done,
           std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_floor: %s\n", error.what());
    return 1;
  }
  return 0;
}
