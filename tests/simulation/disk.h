// A disk with one file system on it, in memory, and what a power cut does to it. Knows no process and no fault plan:
// that is sim_files.h. docs/SIMULATOR.md says what is durable when.
#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>

#include "tests/simulation/inode.h"
#include "tests/simulation/prng.h"

namespace holdfast::sim {

class Process;

struct DiskOptions {
  std::uint64_t capacity = std::uint64_t{1} << 40;
  std::uint32_t uid = 1000, gid = 1000;        // of the processes; 0 may do everything
  std::string home = "/home/user";             // exists, is theirs; relative paths begin here
  std::int64_t timestamp_step_ns = 4'000'000;  // the kernel's tick: two quick changes have one mtime
  bool network = false;
};

// Who asks. What a lasting actor does is durable at once and belongs to the user: it is the test's own hand.
struct Actor {
  std::uint32_t uid = 0, gid = 0;
  bool lasting = false;
};

struct Place {
  Inode* directory = nullptr;
  std::string name;
  Inode* node = nullptr;  // what is there; may be nothing
};

class Disk {
 public:
  static constexpr std::uint64_t inode_bytes = 512;  // a full disk takes no new name either

  Disk(std::uint64_t seed, DiskOptions options, std::function<std::int64_t()> wall_clock_ns);

  // Look-ups. Paths are absolute; "." and ".." are taken in links only.
  enum class Follow { no, yes };  // of a link in the last component
  Result<Inode*> find(const Actor& actor, const Path& path, Follow follow);
  Result<Place> place(const Actor& actor, const Path& path);
  Result<Place> place_beneath(const Actor& actor, Inode& root, const std::string& name);  // follows no link
  Result<Path> real_path(const Actor& actor, const Path& path);
  Status may(const Actor& actor, const Inode& inode, unsigned bits) const;  // 4 read, 2 write, 1 search
  [[nodiscard]] FileStat stat_of(const Inode& inode) const;
  Result<Path> path_of(const Inode& directory);  // NotFound: it was removed
  Inode* inode(std::uint64_t number);            // nullptr: gone

  // Changes. An error means that nothing changed, but for a write that found the disk full.
  Result<Inode*> create(const Actor& actor, const Place& at, FileType type, std::uint32_t mode);
  Status link(const Actor& actor, Inode& node, const Place& at);
  Status remove(const Actor& actor, const Place& at);
  Status rename(const Actor& actor, const Place& from, const Place& to);
  Status write(const Actor& actor, Inode& inode, std::uint64_t offset, ByteView bytes);
  Status truncate(const Actor& actor, Inode& inode, std::uint64_t size);
  Status set_meta(const Actor& actor, Inode& inode, InodeMeta meta);  // sets ctime itself
  void set_target(Inode& link, std::string target) { link.target = std::move(target); }

  // Durability.
  void sync_file(Inode& inode);
  void sync_names(Inode& directory);
  void sync_below(Inode& directory);
  void sync_fails(Inode& inode, Prng& dice);  // what was unsynced is kept, lost or torn now, and counts as synced
  void power_cut(Prng& dice);
  void settle();  // all of it durable

  // Open handles keep an inode that has no name.
  void opened(Inode& inode) { ++inode.handles; }
  void closed(std::uint64_t number, std::uint64_t epoch);
  [[nodiscard]] std::uint64_t epoch() const { return epoch_; }  // one more with each power cut

  // Locks die with the process that holds them.
  Result<std::uint64_t> lock(const Inode& inode, const Process* holder);  // Busy
  void unlock(std::uint64_t inode, std::uint64_t ticket);

  // Switches for the test.
  void set_read_only(bool on) { read_only_ = on; }
  void set_capacity(std::uint64_t bytes) { options_.capacity = bytes; }
  void fill_up(std::uint64_t calls) { full_calls_ = calls; }  // no space, for so many door calls
  void call_made() { full_calls_ -= full_calls_ == 0 ? 0 : 1; }
  void refuse(const Path& path, Code code) { refused_[path] = code; }  // a bad sector, a path that may not be seen
  void allow(const Path& path) { refused_.erase(path); }
  [[nodiscard]] Status not_refused(const Path& path) const;

  [[nodiscard]] std::uint64_t used() const { return used_; }
  [[nodiscard]] std::uint64_t free() const {
    return full_calls_ == 0 && options_.capacity > used_ ? options_.capacity - used_ : 0;
  }
  [[nodiscard]] std::uint64_t unsynced_changes() const;
  [[nodiscard]] const DiskOptions& options() const { return options_; }
  [[nodiscard]] Actor user() const { return {options_.uid, options_.gid, false}; }
  [[nodiscard]] std::uint64_t order_of(std::uint64_t number) const { return mix(seed_, number); }  // of listings
  [[nodiscard]] std::uint64_t digest() const;  // of everything that a process can see

 private:
  struct HeldLock {
    std::uint64_t ticket;
    const Process* holder;
  };
  enum class Mood : std::uint8_t { none, all, first, any };  // which unsynced changes a power cut keeps

  Result<Place> walk(const Actor& actor, const Path& path, Follow follow, bool dots_allowed, int links_left);
  Inode& new_inode(FileType type, const InodeMeta& meta);
  Status changeable(const Actor& actor, const Inode& directory) const;
  [[nodiscard]] std::int64_t stamp() const;
  void touch(const Actor& actor, Inode& inode, bool data);
  void change_name(const Actor& actor, NameChange change);
  void drop_name(Inode& child);
  void release(Inode& inode);

  void set_durable(const NameInDirectory& at, std::uint64_t child);
  void erase_durable(const NameInDirectory& at, std::uint64_t child);
  void apply_durable(const NameChange& change);
  void apply(Inode& inode, const DataChange& change, Mood mood, std::uint64_t first_lost, Prng& dice);
  void tear(Inode& inode, const DataChange& change, Prng& dice);
  void revert();

  std::uint64_t seed_;
  DiskOptions options_;
  std::function<std::int64_t()> wall_clock_ns_;
  std::map<std::uint64_t, Inode> inodes_;
  Inode* root_ = nullptr;
  std::uint64_t next_inode_ = 2, next_change_ = 0, next_lock_ = 0, epoch_ = 0, used_ = 0;
  std::list<NameChange> name_changes_;
  std::map<std::uint64_t, HeldLock> locks_;
  std::map<Path, Code> refused_;
  std::uint64_t full_calls_ = 0;
  bool read_only_ = false;
};

}  // namespace holdfast::sim
