#include "base/system_tree_reader.h"

#include <unistd.h>

#include <climits>

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
                               const TreePlace& place) {
  std::size_t count = 0;
  while (count < into.size()) {
    const auto more = uninterrupted([&] { return ::read(descriptor, into.data() + count, into.size() - count); });
    if (more < 0) return system_fail(errno, "reading the file", place.path());
    count += static_cast<std::size_t>(more);
    if (more == 0 || count == size_stated) break;
  }
  return count;
}

std::unexpected<Error> no_folder_any_more(const Path& path) {
  return fail(Code::Changed, "a link or a file stands where a folder was", printable(path));
}

// O_PATH. No link on the way is followed.
Result<Fd> open_folder(const Path& path) {
  static const Fd top(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
  auto folder =
      open_folder_beneath(top.get(), path.substr(path.find_first_not_of('/') == Path::npos ? path.size() : 1));
  if (!folder && folder.error().code == Code::AlreadyExists) return no_folder_any_more(path);
  if (!folder) folder.error().object = printable(path);
  return folder;
}

}  // namespace

Result<int> TreeReader::folder_of(const TreePlace& place) {
  if (!folder_ || path_ != place.folder) {
    folder_.reset();
    HF_TRY(Fd folder, open_folder(place.folder));
    HF_TRY(const FileStat now, stat_fd(folder.get(), place.folder));
    folder_ = std::move(folder);
    path_ = place.folder;
    id_ = now.id();
  }
  if (place.folder_id && *place.folder_id != id_) {
    folder_.reset();
    return fail(Code::Changed, "its folder was replaced since it was listed", printable(place.path()));
  }
  return folder_.get();
}

Result<Fd> TreeReader::open_for_reading(const TreePlace& place) {
  HF_TRY(const int folder, folder_of(place));
  // O_NONBLOCK: a fifo that took the file's place must not hold us up. Regular files ignore it.
  Fd descriptor(open_quietly(folder, place.name.c_str(), O_RDONLY | O_NONBLOCK));
  if (!descriptor) return system_fail(errno, "opening the file", place.path());
  return descriptor;
}

Result<std::unique_ptr<File>> TreeReader::open(const TreePlace& place) {
  HF_TRY(Fd descriptor, open_for_reading(place));
  return file_from(std::move(descriptor), place.path());
}

Result<EntryDetails> TreeReader::details(const TreePlace& place) {
  HF_TRY(const int folder, folder_of(place));
  const Path path = place.path();
  const Fd entry(::openat(folder, place.name.empty() ? "." : place.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  if (!entry) return system_fail(errno, "looking at the entry", path);
  EntryDetails details;
  HF_TRY(details.stat, stat_fd(entry.get(), path));
  if (details.stat.type == FileType::symlink) {
    details.target.resize(PATH_MAX);
    const ssize_t size = ::readlinkat(entry.get(), "", details.target.data(), details.target.size());
    if (size < 0) return system_fail(errno, "reading the symbolic link", path);
    details.target.resize(static_cast<std::size_t>(size));
  }
  details.attributes = read_attributes(entry.get(), true, path);
  return details;
}

Result<ReadAnswer> TreeReader::read_small(const ReadRequest& request) {
  HF_TRY(const Fd descriptor, open_for_reading(request.place));
  const auto path = [&] { return request.place.path(); };
  ReadAnswer answer;
  HF_TRY(answer.before, stat_fd(descriptor.get(), request.place.name));
  if (answer.before.type != FileType::regular)
    return fail(Code::Changed, "this is no regular file any more", printable(path()));
  if (answer.before.size > request.size_expected && answer.before.size - request.size_expected > growth_max)
    return fail(Code::Changed, "the file grew much since it was listed", printable(path()));
  answer.attributes = read_attributes(descriptor.get(), false, request.place.name);

  // Asking for one byte more than there should be shows growth without another call.
  const std::size_t size = answer.before.size;
  std::size_t count = 0;
  if (size < scratch_size) {
    thread_local const std::unique_ptr<std::uint8_t[]> scratch(new std::uint8_t[scratch_size]);
    HF_TRY(count, read_up_to(descriptor.get(), size, {scratch.get(), size + 1}, request.place));
    answer.bytes.assign(scratch.get(), scratch.get() + count);
  } else {
    answer.bytes.resize(size + 1);
    HF_TRY(count, read_up_to(descriptor.get(), size, answer.bytes, request.place));
    answer.bytes.resize(count);
  }
  HF_TRY(answer.after, stat_fd(descriptor.get(), request.place.name));
  if (count != size && answer.before == answer.after)
    return fail(Code::Changed, "the file gives another number of bytes than its size says", printable(path()));
  return answer;
}

Result<DirectoryListing> list_in_tree(const Path& path) {
  const TreePlace place(path);  // by its folder: one that may be read and not entered has no "."
  HF_TRY(const Fd folder, open_folder(place.folder));
  const Fd directory(open_quietly(folder.get(), place.name.empty() ? "." : place.name.c_str(), O_RDONLY | O_DIRECTORY));
  if (!directory && (errno == ENOTDIR || errno == ELOOP)) return no_folder_any_more(path);
  if (!directory) return system_fail(errno, "opening the directory", path);
  DirectoryListing listing;
  HF_TRY(listing.self, stat_fd(directory.get(), path));
  HF_TRY(listing.entries, list_opened(directory, path));
  return listing;
}

}  // namespace holdfast
