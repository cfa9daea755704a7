// Descriptors, stat and errno as the rest of src/base/system_*.cpp needs them.
#pragma once

#include <fcntl.h>

#include <cerrno>
#include <string_view>
#include <utility>

#include "base/files.h"

namespace holdfast {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int number) : number_(number) {}
  ~Fd() { reset(); }
  Fd(Fd&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  [[nodiscard]] int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  int close();  // 0 or errno: a network file system may tell only now that it has no space
  void reset() { (void)close(); }

 private:
  int number_ = -1;
};

// REQUIRES: number is an errno. The sentence is "<doing> failed: <the system's reason>".
std::unexpected<Error> system_fail(int number, std::string_view doing, std::string_view path);
Code code_of_errno(int number);

// Calls `call` until it is not interrupted.
template <class Call>
auto uninterrupted(Call call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// open(2) without following a link in the last component, and without touching the access time where that is allowed.
int open_quietly(int directory, const char* name, int flags);

Result<FileStat> stat_at(int directory, const char* name, std::string_view path_for_errors);  // links not followed
Result<FileStat> stat_fd(int descriptor, std::string_view path_for_errors);

inline bool ends_early(std::string_view name) { return name.find('\0') != std::string_view::npos; }

}  // namespace holdfast
