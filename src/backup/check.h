// Whether a space is whole: everything that its snapshots and live tree refer to is in the index, the server has every
// object that the index names, with the right size and hash, and, with read_data, every block opens and every chunk is
// what its id says.
#pragma once

#include "backup/restore.h"

namespace holdfast::backup {

struct CheckOptions {
  bool read_data = false;
  std::function<void(const Counters&)> progress;  // bytes: of packs read; files: objects looked at
};
struct Finding {
  Code code = Code::Missing;
  std::string sentence, object;    // "pack 5d1e90c2, block 3"
  std::vector<std::string> paths;  // that are touched, as "snapshot:path"; the first 1000 and how many more
  std::uint64_t paths_count = 0;
};
struct CheckReport {
  std::uint64_t snapshots = 0, objects = 0, chunks = 0, bytes_read = 0;
  std::vector<Finding> findings;
  [[nodiscard]] bool whole() const { return findings.empty(); }
};
[[nodiscard]] Result<CheckReport> run_check(session::SpaceSession& space, const CheckOptions& options);

}  // namespace holdfast::backup
