// The third door: Files over a simulated disk. docs/SIMULATOR.md says how far the likeness goes.
#pragma once

#include "tests/simulation/disk_access.h"

namespace holdfast::sim {

class SimFiles final : public Files {
 public:
  explicit SimFiles(DiskAccessPtr access) : access_(std::move(access)) {}

  Result<std::vector<DirectoryEntry>> list(const Path& directory) override;
  std::vector<Result<DirectoryListing>> list_batch(std::span<const TreePlace> directories) override;
  Result<FileStat> stat(const Path& path) override;
  Result<Path> real_path(const Path& path) override;
  Result<EntryDetails> details(const TreePlace& place) override;
  Result<std::unique_ptr<File>> open_entry(const TreePlace& place) override;
  std::vector<Result<ReadAnswer>> read_batch(std::span<const ReadRequest> requests) override;

  Result<std::unique_ptr<File>> open(const Path& path, OpenMode mode) override;
  Result<std::unique_ptr<Mapping>> map(const Path& path) override;
  Result<Bytes> read_file(const Path& path, std::uint64_t size_max) override;
  Status make_directories(const Path& path) override;
  Status rename(const Path& from, const Path& to) override;
  Status remove(const Path& path) override;
  Status sync_directory(const Path& path) override;
  Result<std::unique_ptr<Lock>> lock(const Path& path) override;
  Result<std::uint64_t> free_bytes(const Path& path) override;
  Result<bool> is_network_file_system(const Path& path) override;
  Result<std::unique_ptr<TreeWriter>> tree_writer(const Path& root) override;

 private:
  Result<Inode*> look(std::string_view what, const Path& path, Disk::Follow follow = Disk::Follow::no);
  Result<Inode*> look_for_reading(std::string_view what, const Path& path, Disk::Follow follow = Disk::Follow::no);
  Result<ReadAnswer> read_small(const ReadRequest& request);
  Result<Path> path_of(const TreePlace& place);

  DiskAccessPtr access_;
};

}  // namespace holdfast::sim
