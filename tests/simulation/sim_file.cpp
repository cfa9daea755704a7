#include <utility>

#include "tests/simulation/disk_access.h"

namespace holdfast::sim {
namespace {

class SimFile final : public File {
 public:
  SimFile(DiskAccessPtr access, Inode& inode, Path path, bool writable)
      : access_(std::move(access)),
        disk_(access_->disk),
        inode_(&inode),
        number_(inode.number),
        path_(std::move(path)),
        epoch_(disk_.epoch()),
        writable_(writable) {
    disk_.opened(inode);
  }
  ~SimFile() override { disk_.closed(number_, epoch_); }

  Result<std::size_t> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    HF_OK(begin(Kind::observe, "read_at", offset, into.size()));
    return inode_->content.read(offset, into);
  }

  Status write_at(std::uint64_t offset, ByteView bytes) override {
    Digest digest;
    digest.add(bytes);
    // A write that is cut off in the middle has written its first part.
    const auto half = [&] {
      if (writable_ && epoch_ == disk_.epoch()) {
        (void)disk_.write(access_->actor, *inode_, offset, bytes.first(access_->dice->below(bytes.size() + 1)));
      }
    };
    HF_OK(begin(Kind::change, "write_at", offset, bytes.size(), digest.value(), half));
    HF_OK(may_write());
    return with_path(disk_.write(access_->actor, *inode_, offset, bytes));
  }

  Status truncate(std::uint64_t size) override {
    HF_OK(begin(Kind::change, "truncate", size, 0));
    HF_OK(may_write());
    return with_path(disk_.truncate(access_->actor, *inode_, size));
  }

  Status sync() override {
    HF_OK(valid());
    HF_OK(access_->begin_sync({.who = {}, .what = "sync", .object = path_},
                              [&] { disk_.sync_fails(*inode_, *access_->dice); }));
    disk_.sync_file(*inode_);
    return {};
  }

  Result<FileStat> stat() override {
    HF_OK(begin(Kind::observe, "fstat", 0, 0));
    return disk_.stat_of(*inode_);
  }

  Result<std::vector<Attribute>> attributes() override {
    HF_OK(begin(Kind::observe, "attributes", 0, 0));
    return attributes_of(*inode_);
  }

  Result<std::vector<Range>> data_ranges() override {
    HF_OK(begin(Kind::observe, "data_ranges", 0, 0));
    return inode_->content.data_ranges();
  }

 private:
  Status begin(Kind kind, std::string_view what, std::uint64_t offset, std::uint64_t size, std::uint64_t content = 0,
               const std::function<void()>& half = {}) {
    HF_OK(valid());
    return access_->begin(kind, {.who = {}, .what = what, .object = path_, .a = offset, .b = size, .content = content},
                          half);
  }
  // The test's own hand may hold a file over a power cut; there is nothing behind it any more.
  Status valid() {
    if (epoch_ == disk_.epoch() || access_->process != nullptr) return {};
    return fail(Code::IoError, "the disk was restarted while this file was open", printable(path_));
  }
  Status may_write() {
    if (writable_) return {};
    return fail(Code::PermissionDenied, "the file was opened for reading", printable(path_));
  }
  Status with_path(Status status) {
    if (!status) status.error().object = printable(path_);
    return status;
  }

  DiskAccessPtr access_;
  Disk& disk_;
  Inode* inode_;  // valid while the disk's epoch is ours; a process of an earlier epoch is dead
  std::uint64_t number_;
  Path path_;
  std::uint64_t epoch_;
  bool writable_;
};

}  // namespace

std::unique_ptr<File> open_inode(DiskAccessPtr access, Inode& inode, Path path, bool writable) {
  return std::make_unique<SimFile>(std::move(access), inode, std::move(path), writable);
}

}  // namespace holdfast::sim
