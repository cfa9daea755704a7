// The few system calls that the engines on disk share. Linux.
#pragma once

#include <string>
#include <utility>

#include "base/result.h"

namespace holdfast::server {

// A file descriptor that closes itself.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  [[nodiscard]] int number() const { return number_; }
  [[nodiscard]] bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

// From errno as the last call left it. `object` is what was touched.
std::unexpected<Error> fail_errno(const char* sentence, const std::string& object);
std::unexpected<Error> fail_errno(int number, const char* sentence, const std::string& object);
Code code_of_errno(int number);

// `at` is a directory's descriptor or AT_FDCWD; what is opened is never a symbolic link and is closed on exec.
Result<Descriptor> open_at(int at, const std::string& name, int flags, const std::string& object);

// Exists when it returns, mode 0700, its name durable. Makes missing parents.
Status make_durable_directory(const std::string& path);
Status sync(const Descriptor& descriptor, const std::string& object);
Status sync_directory_path(const std::string& path);

// Held until destroyed, or until the process is gone. Busy: another opening, of this process or another, holds it.
Result<Descriptor> lock_directory(const std::string& directory, const std::string& lock_name);

}  // namespace holdfast::server
