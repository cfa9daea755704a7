#include "agent/home.h"

#include <unistd.h>

namespace holdfast::agent {

Status check_home(Files& files, const Path& home) {
  HF_TRY(const Path real, files.real_path(home));
  HF_TRY(const FileStat stat, files.stat(real));
  const auto user = ::geteuid();
  if (stat.uid != user && user != 0)
    return fail(Code::NotAuthorized, About::home, "the home directory belongs to another user", printable(home));
  if ((stat.mode & 022) != 0)
    return fail(Code::NotAuthorized, About::home, "others can write to the home directory", printable(home));
  return {};
}

}  // namespace holdfast::agent
