// One process's way to a disk, or the test's own: each call is a door call, may fail by the fault plan, and leaves a
// line in the trace. What SimFiles, its open files and its tree writers share.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "tests/simulation/disk.h"
#include "tests/simulation/scheduler.h"

namespace holdfast::sim {

struct DiskAccess {
  Disk& disk;
  Scheduler& scheduler;
  Process* process;  // nullptr: the test's own hand, for which nothing fails and all is durable at once
  Actor actor;
  Chances chances;
  Prng* dice;

  // What a call begins with; an error ends it. `half` is what may be left behind when it is cut off in the middle.
  Status begin(Kind kind, const Event& event, const std::function<void()>& half = {});
  // The same for a sync, whose failure has a meaning of its own.
  Status begin_sync(const Event& event, const std::function<void()>& failure);

 private:
  Status pass(Kind kind, const Event& event, const std::function<void()>& half);
  [[nodiscard]] std::string_view who() const {
    return process == nullptr ? std::string_view("hand") : std::string_view(process->name());
  }
};
using DiskAccessPtr = std::shared_ptr<DiskAccess>;

std::unique_ptr<File> open_inode(DiskAccessPtr access, Inode& inode, Path path, bool writable);

std::vector<Attribute> attributes_of(const Inode& inode);  // sorted by name

// Owner, attributes, mode, times, in the order in which the real one sets them; what the file system refuses is told
// in `warnings`.
Status set_metadata_of(DiskAccess& access, Inode& inode, const Metadata& metadata, const std::string& name,
                       std::vector<std::string>& warnings);

std::shared_ptr<const ListedFolder> listed_folder(std::uint64_t inode, std::uint64_t epoch);
std::unique_ptr<TreeWriter> make_tree_writer(DiskAccessPtr access, Inode& root);

}  // namespace holdfast::sim
