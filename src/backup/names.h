// Names of users and groups, as /etc/passwd and /etc/group have them: for people who restore on another machine.
#pragma once

#include <unordered_map>

#include "base/files.h"

namespace holdfast::backup {

class Names {
 public:
  explicit Names(Files& files);
  [[nodiscard]] std::string user(std::uint32_t uid) const;  // empty: not known
  [[nodiscard]] std::string group(std::uint32_t gid) const;

 private:
  std::unordered_map<std::uint32_t, std::string> users_, groups_;
};

}  // namespace holdfast::backup
