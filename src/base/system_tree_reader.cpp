#include "base/system_tree_reader.h"

#include <time.h>
#include <unistd.h>

#include <atomic>
#include <climits>

#include "base/clock.h"
#include "base/system_beneath.h"
#include "base/system_file.h"
#include "base/system_list.h"
#include "base/system_metadata.h"

namespace holdfast {

namespace {

constexpr std::size_t scratch_size = 64 << 10;
constexpr std::uint64_t growth_max = 1 << 20;  // since it was listed; memory is planned by size_expected

// Reads up to into.size() bytes from the start: one call for a file that is as long as it says.
Result<std::size_t> read_up_to(int descriptor, std::size_t size_stated, std::span<std::uint8_t> into,
                               const std::string& name) {
  std::size_t count = 0;
  while (count < into.size()) {
    const auto more = uninterrupted([&] { return ::read(descriptor, into.data() + count, into.size() - count); });
    if (more < 0) return system_fail(errno, "reading the file", name);
    count += static_cast<std::size_t>(more);
    if (more == 0 || count == size_stated) break;
  }
  return count;
}

struct SystemFolder final : ListedFolder {
  explicit SystemFolder(Fd opened) : descriptor(std::move(opened)) {}
  const Fd descriptor;
};

std::unexpected<Error> no_folder_any_more(const std::string& name) {
  return fail(Code::Changed, "a link or a file stands where a folder was", printable(name));
}

// A place as system calls take it: a folder's descriptor, which lives as long as this, and a name in it.
struct At {
  std::shared_ptr<const ListedFolder> held;
  Fd opened;
  int folder = -1;
  std::string name;
};

Result<At> find(const TreePlace& place) {
  if (place.folder) {
    // Files gives out no other folders.
    const int folder = static_cast<const SystemFolder&>(*place.folder).descriptor.get();
    return At{place.folder, {}, folder, place.name.empty() ? "." : place.name};
  }
  static const Fd top(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  const Path above(parent_of(place.name));
  auto folder = open_folder_beneath(top.get(), above.size() <= 1 ? std::string() : above.substr(1));
  if (!folder && folder.error().code == Code::AlreadyExists) return no_folder_any_more(place.name);
  if (!folder) return pass_on(std::move(folder).error());
  const std::string_view name = last_component(place.name);
  At at{nullptr, *std::move(folder), -1, name.empty() ? "." : std::string(name)};
  at.folder = at.opened.get();
  return at;
}

std::int64_t monotonic_ns() {
  timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

constexpr std::int64_t lease_wait_max_ns =
    120 * second_ns;  // in all, or whoever may set leases holds a backup up for ever
std::atomic<std::int64_t> waited_for_leases_ns = 0;

// Somebody holds a write lease on the file (fcntl(2), F_SETLEASE): its holder was told by the first try, and has the
// kernel's lease-break-time to let go. By way of O_PATH, since only a regular file may be waited for.
Fd open_leased(const At& at) {
  if (waited_for_leases_ns > lease_wait_max_ns) {
    errno = EWOULDBLOCK;
    return {};
  }
  const Fd found(::openat(at.folder, at.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  const auto stat = stat_fd(found.get(), at.name);
  if (!stat || stat->type != FileType::regular) {
    errno = EWOULDBLOCK;
    return {};
  }
  const std::string link = "/proc/self/fd/" + std::to_string(found.get());
  const std::int64_t began_ns = monotonic_ns();
  for (;;) {
    Fd file(::open(link.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file && errno == EINTR) continue;
    const int number = errno;
    waited_for_leases_ns += monotonic_ns() - began_ns;
    errno = number;
    return file;
  }
}

Result<Fd> open_for_reading(const TreePlace& place) {
  HF_TRY(const At at, find(place));
  // O_NONBLOCK: a fifo that took the file's place must not hold us up. Regular files ignore it.
  Fd descriptor(open_quietly(at.folder, at.name.c_str(), O_RDONLY | O_NONBLOCK));
  if (!descriptor && errno == EWOULDBLOCK) descriptor = open_leased(at);
  if (!descriptor) return system_fail(errno, "opening the file", place.name);
  return descriptor;
}

}  // namespace

std::shared_ptr<const ListedFolder> listed_folder(Fd directory) {
  return std::make_shared<const SystemFolder>(std::move(directory));
}

Result<DirectoryListing> list_in_tree(const TreePlace& place) {
  HF_TRY(const At at, find(place));
  Fd directory(open_quietly(at.folder, at.name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory && (errno == ENOTDIR || errno == ELOOP)) return no_folder_any_more(place.name);
  if (!directory) return system_fail(errno, "opening the directory", place.name);
  DirectoryListing listing;
  HF_TRY(listing.self, stat_fd(directory.get(), place.name));
  HF_TRY(listing.entries, list_opened(directory, place.name));
  listing.folder = std::make_shared<const SystemFolder>(std::move(directory));
  return listing;
}

Result<std::unique_ptr<File>> open_in_tree(const TreePlace& place) {
  HF_TRY(Fd descriptor, open_for_reading(place));
  return file_from(std::move(descriptor), place.name);
}

Result<EntryDetails> details_in_tree(const TreePlace& place) {
  HF_TRY(const At at, find(place));
  EntryDetails details;
  if (place.folder && place.name.empty()) {
    HF_TRY(details.stat, stat_fd(at.folder, place.name));
    details.attributes = read_attributes(at.folder, false, place.name);
    return details;
  }
  const Fd entry(::openat(at.folder, at.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry) return system_fail(errno, "looking at the entry", place.name);
  HF_TRY(details.stat, stat_fd(entry.get(), place.name));
  if (details.stat.type == FileType::symlink) {
    details.target.resize(PATH_MAX);
    const ssize_t size = ::readlinkat(entry.get(), "", details.target.data(), details.target.size());
    if (size < 0) return system_fail(errno, "reading the symbolic link", place.name);
    details.target.resize(static_cast<std::size_t>(size));
  }
  details.attributes = read_attributes(entry.get(), true, place.name);
  return details;
}

Result<ReadAnswer> read_in_tree(const ReadRequest& request) {
  const std::string& name = request.place.name;
  HF_TRY(const Fd descriptor, open_for_reading(request.place));
  ReadAnswer answer;
  HF_TRY(answer.before, stat_fd(descriptor.get(), name));
  if (answer.before.type != FileType::regular)
    return fail(Code::Changed, "this is no regular file any more", printable(name));
  if (answer.before.size > request.size_expected && answer.before.size - request.size_expected > growth_max)
    return fail(Code::Changed, "the file grew much since it was listed", printable(name));
  answer.attributes = read_attributes(descriptor.get(), false, name);

  // Asking for one byte more than there should be shows growth without another call.
  const std::size_t size = answer.before.size;
  std::size_t count = 0;
  if (size < scratch_size) {
    thread_local const std::unique_ptr<std::uint8_t[]> scratch(new std::uint8_t[scratch_size]);
    HF_TRY(count, read_up_to(descriptor.get(), size, {scratch.get(), size + 1}, name));
    answer.bytes.assign(scratch.get(), scratch.get() + count);
  } else {
    answer.bytes.resize(size + 1);
    HF_TRY(count, read_up_to(descriptor.get(), size, answer.bytes, name));
    answer.bytes.resize(count);
  }
  HF_TRY(answer.after, stat_fd(descriptor.get(), name));
  if (count != size && answer.before == answer.after)
    return fail(Code::Changed, "the file gives another number of bytes than its size says", printable(name));
  return answer;
}

}  // namespace holdfast
