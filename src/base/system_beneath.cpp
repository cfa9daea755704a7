#include "base/system_beneath.h"

#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "base/system_metadata.h"

namespace holdfast {

namespace {

constexpr std::size_t folders_open_max = 128;
constexpr int folder_flags = O_PATH | O_DIRECTORY | O_CLOEXEC;

std::unexpected<Error> folder_fail(int number, const std::string& name) {
  if (number == ELOOP || number == ENOTDIR || number == EXDEV)
    return fail(Code::AlreadyExists, "a link or a file stands where a directory is needed", printable(name));
  return system_fail(number, "opening the directory", name);
}

}  // namespace

Status check_relative_name(std::string_view name) {
  for (std::string_view rest = name;;) {
    const std::size_t slash = rest.find('/');
    const std::string_view component = rest.substr(0, slash);
    if (component.empty() || component == "." || component == ".." || ends_early(component))
      return fail(Code::Malformed, "a name that no file can have", printable(name));
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

Result<Fd> open_folder_stepwise(int root, const std::string& name) {
  Fd folder(::openat(root, ".", folder_flags));
  if (!folder) return folder_fail(errno, name);
  for (std::size_t at = 0; at < name.size();) {
    const std::size_t end = std::min(name.find('/', at), name.size());
    folder = Fd(::openat(folder.get(), name.substr(at, end - at).c_str(), folder_flags | O_NOFOLLOW));
    if (!folder) return folder_fail(errno, name);
    at = end + 1;
  }
  return folder;
}

Result<Fd> open_folder_beneath(int root, const std::string& name) {
  struct open_how how{};
  how.flags = folder_flags;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  for (;;) {
    Fd folder(static_cast<int>(::syscall(SYS_openat2, root, name.empty() ? "." : name.c_str(), &how, sizeof how)));
    if (folder) return folder;
    // EPERM: a sandbox that does not know the call.
    if (errno == ENOSYS || errno == EPERM || errno == ENAMETOOLONG) return open_folder_stepwise(root, name);
    // EAGAIN: something was renamed while the kernel looked.
    if (errno != EAGAIN && errno != EINTR) return folder_fail(errno, name);
  }
}

Result<std::shared_ptr<const Folder>> FolderCache::open(const std::string& name) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = by_name_.find(name); found != by_name_.end()) {
      newest_first_.splice(newest_first_.begin(), newest_first_, found->second);
      return found->second->second;
    }
  }
  HF_TRY(Fd descriptor, open_folder_beneath(root_, name));
  const bool default_acl = has_default_acl(descriptor.get());
  auto folder = std::make_shared<const Folder>(std::move(descriptor), default_acl);
  const std::lock_guard lock(mutex_);
  if (by_name_.contains(name)) return folder;  // another thread was faster
  newest_first_.emplace_front(name, folder);
  by_name_.emplace(name, newest_first_.begin());
  if (newest_first_.size() > folders_open_max) {
    by_name_.erase(newest_first_.back().first);
    newest_first_.pop_back();
  }
  return folder;
}

void FolderCache::clear() {
  const std::lock_guard lock(mutex_);
  by_name_.clear();
  newest_first_.clear();
}

}  // namespace holdfast
