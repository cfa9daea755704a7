// For tests that need real files: a directory that is gone with everything in it when the test ends.
#pragma once

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "base/files.h"

namespace holdfast {

class TestDirectory {
 public:
  TestDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) ::abort();
    path_ = std::filesystem::canonical(pattern).string();
  }
  ~TestDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestDirectory(const TestDirectory&) = delete;
  TestDirectory& operator=(const TestDirectory&) = delete;

  [[nodiscard]] const Path& path() const { return path_; }
  [[nodiscard]] Path operator/(std::string_view name) const { return join_path(path_, name); }

 private:
  Path path_;
};

// In batches, as a restore does; outcomes in the order of the requests.
inline std::vector<Status> write_files(TreeWriter& writer, std::span<const WriteRequest> requests) {
  constexpr std::size_t batch_files = 7;
  std::map<RequestId, std::vector<Status>> outcomes;
  for (std::size_t at = 0; at < requests.size(); at += batch_files) {
    const auto part = requests.subspan(at, std::min(batch_files, requests.size() - at));
    outcomes[writer.submit({.files = {part.begin(), part.end()}})];
  }
  while (writer.in_flight() > 0) {
    auto [request_id, of_batch] = writer.next();
    outcomes[request_id] = std::move(of_batch);
  }
  std::vector<Status> out;
  for (auto& [request_id, of_batch] : outcomes) std::ranges::move(of_batch, std::back_inserter(out));
  return out;
}

// Runs `check` in a process of its own, without root's rights if we have them; whether it answered true.
inline bool holds_for_another_process(bool without_rights, const std::function<bool()>& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    const bool ready = !without_rights || ::geteuid() != 0 ||
                       (::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0);
    bool holds = false;
    try {
      holds = ready && check();
    } catch (...) {  // it must not go on with the parent's tests
    }
    ::_exit(holds ? 0 : 1);
  }
  int status = 1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace holdfast
