// For tests that need real files: a directory that is gone with everything in it when the test ends.
#pragma once

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
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

// Runs `check` in a process of its own, without root's rights if we have them; whether it answered true.
inline bool holds_for_another_process(bool without_rights, const std::function<bool()>& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    constexpr uid_t nobody = 65534;
    const bool ready = !without_rights || ::geteuid() != 0 ||
                       (::setresgid(nobody, nobody, nobody) == 0 && ::setresuid(nobody, nobody, nobody) == 0);
    ::_exit(ready && check() ? 0 : 1);
  }
  int status = 1;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace holdfast
