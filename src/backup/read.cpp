// Reading new and changed files: small ones many at a time, large ones in windows (PERFORMANCE.md).
#include <algorithm>
#include <cstring>

#include "backup/run.h"
#include "base/reached.h"

namespace holdfast::backup {

namespace {

constexpr std::size_t small_files_max = 256;
constexpr std::uint64_t small_bytes_max = 1024 * 1024;
constexpr std::size_t window_bytes = 2 * 1024 * 1024;
constexpr int tries_max = 3;

Error cut_error() { return {Code::Changed, "it gave fewer bytes than its size says; what was read is saved", {}, {}}; }
Error changed_error() { return {Code::Changed, "it changed while it was read; what was read is saved", {}, {}}; }

bool same_content(const FileStat& a, const FileStat& b) {
  return a.id() == b.id() && a.size == b.size && a.mtime_ns == b.mtime_ns && a.ctime_ns == b.ctime_ns;
}

// Of one file, as it was announced. Content and rights of two must not be mixed: somebody who can exchange names in his
// own folder would get a copy of what he may not read from the next restore.
bool as_announced(const FileStat& a, const FileStat& b) {
  return a.id() == b.id() && a.mode == b.mode && a.uid == b.uid && a.gid == b.gid && a.mtime_ns == b.mtime_ns &&
         a.links == b.links;
}

// As it is now, and open to nobody to whom it was closed when its content was read.
FileStat stricter(const FileStat& before, FileStat after) {
  after.mode &= before.mode | ~077u;
  return after;
}

// What lies between and after the ranges that hold data.
std::vector<Range> holes_between(const std::vector<Range>& data, std::uint64_t size) {
  std::vector<Range> out;
  std::uint64_t at = 0;
  for (const Range& range : data) {
    if (range.offset > at) out.push_back({at, range.offset - at});
    at = range.offset + range.size;
  }
  if (at < size) out.push_back({at, size - at});
  return out;
}

}  // namespace

Result<bool> Run::take_in_file(const Walked& entry, FileCount count) {
  if (entry.stat.size <= space::chunk_bytes_min) {
    const std::uint64_t token =
        assembly().file(entry_of(entry.name, entry.stat), seen_of(entry.stat, scan_time_ns_), {});
    small_.push_back({entry, token, count, entry.stat.size, 0});
    small_bytes_ += entry.stat.size;
    if (small_.size() >= small_files_max || small_bytes_ >= small_bytes_max) HF_OK(read_small());
    return true;
  }

  auto file = doors_.files.open_entry(entry.place);
  if (!file) {
    problem(entry.path, file.error());
    return false;
  }
  HF_TRY(const FileStat before, (*file)->stat());
  if (before.size > space::file_bytes_max) {
    problem(entry.path, {Code::Unsupported, "it is larger than any file may be", {}, {}});
    return false;
  }
  space::TreeEntry described = entry_of(entry.name, before);
  const bool whole = give_attributes(described, entry.path, (*file)->attributes());
  std::vector<Range> data{{0, before.size}};
  if (before.allocated < before.size) {
    if (auto ranges = (*file)->data_ranges()) data = *std::move(ranges);
  }
  const std::uint64_t token =
      assembly().file(std::move(described), seen(before, whole), holes_between(data, before.size));
  HF_OK(add_attributes(token));
  return read_large(token, entry, **file, before, data);
}

// Under the same token, before file_read.
Status Run::describe_again(std::uint64_t token, const Walked& entry, const FileStat& before, bool whole,
                           Result<std::vector<Attribute>> attributes) {
  space::TreeEntry entry_now = entry_of(entry.name, entry.stat);
  whole = give_attributes(entry_now, entry.path, std::move(attributes)) && whole;
  assembly().describe_again(token, std::move(entry_now), seen(before, whole));
  return add_attributes(token);
}

Status Run::read_small() {
  std::vector<SmallFile> files = std::exchange(small_, {});
  small_bytes_ = 0;
  while (!files.empty()) {
    std::vector<ReadRequest> requests;
    requests.reserve(files.size());
    for (const SmallFile& file : files) requests.push_back({file.entry.place, file.entry.stat.size});
    auto answers = doors_.files.read_batch(requests);
    std::vector<SmallFile> again;
    for (std::size_t i = 0; i < files.size(); ++i) {
      SmallFile& file = files[i];
      auto& answer = answers[i];
      const bool changed =
          answer ? !same_content(answer->before, answer->after) || !same_content(answer->before, file.entry.stat)
                 : answer.error().code == Code::Changed;
      if (changed && file.tries + 1 < tries_max) {
        reached("backup: file changed while it was read");
        if (answer) file.entry.stat = answer->after;
        ++file.tries;
        again.push_back(file);
        continue;
      }
      if (!answer) {
        problem(file.entry.path, answer.error());
        assembly().drop(file.token);
        --(stats_.*file.count);
        --stats_.files;
        stats_.bytes -= file.bytes_counted;
        continue;
      }
      if (!same_content(answer->before, answer->after)) problem(file.entry.path, changed_error(), false);
      if (file.tries > 0 || !answer->attributes || !answer->attributes->empty() ||
          !as_announced(answer->after, file.entry.stat)) {
        file.entry.stat = stricter(answer->before, answer->after);
        HF_OK(describe_again(file.token, file.entry, answer->before, true, std::move(answer->attributes)));
      }
      const std::uint64_t size = answer->bytes.size();
      report_.bytes_read += size;
      counters_.bytes_read += size;
      HF_OK(assembly().file_read(file.token, size, size));
      if (size > space::chunk_bytes_max) {
        HF_TRY(const auto taken, intake_->add_window(file.token, answer->bytes, true));
        if (taken != size) return fail(Code::Internal, "a window was not taken whole");
      } else if (size > 0) {
        HF_OK(intake_->add_chunk(file.token, std::move(answer->bytes)));
      }
    }
    files = std::move(again);
  }
  HF_OK(assembly().advance());
  return {};
}

Result<bool> Run::read_large(std::uint64_t token, const Walked& entry, File& file, const FileStat& before,
                             std::span<const Range> data) {
  std::uint64_t given = 0, end = before.size;
  std::optional<Error> broken;
  for (const Range& range : data) {
    std::uint64_t offset = range.offset;
    const std::uint64_t range_end = std::min(range.offset + range.size, before.size);
    std::size_t carried = 0;  // bytes at the window's front: the start of a chunk whose end comes next
    while (offset < range_end || carried > 0) {
      const std::size_t room = space::chunk_bytes_max - carried;  // a chunk ends before it is used up
      const std::size_t fresh = std::min<std::uint64_t>(std::min(window_bytes, room), range_end - offset);
      if (window_.size() < carried + fresh)
        window_.resize(fresh == range_end - offset ? carried + fresh : space::chunk_bytes_max);
      std::size_t got = 0;
      if (fresh > 0) {
        auto read = file.read_at(offset, std::span(window_).subspan(carried, fresh));
        if (!read) {
          broken = read.error();
          break;
        }
        got = *read;
      }
      const ByteView window = ByteView(window_).first(carried + got);
      const bool cut_short = got < fresh;
      offset += got;
      const bool ends = cut_short || offset >= range_end;
      if (cut_short) end = offset;
      report_.bytes_read += got;
      counters_.bytes_read += got;
      counters_.bytes += got;
      if (window.empty()) break;
      HF_TRY(const std::size_t taken, intake_->add_window(token, window, ends));
      given += taken;
      carried = window.size() - taken;
      std::memmove(window_.data(), window_.data() + taken, carried);
      tell(entry.path);
      if (ends) break;
    }
    if (broken || end < range_end) break;
  }
  counters_.bytes -= std::min(counters_.bytes, before.size);  // on_entry counts the file once more as a whole
  if (broken) {
    problem(entry.path, *broken);
    HF_OK(intake_->settle());
    assembly().drop(token);
    return false;
  }
  const auto after = file.stat();
  const bool changed = !after || !same_content(before, *after) || !same_content(before, entry.stat);
  const bool cut = !changed && end < before.size;
  if (changed) problem(entry.path, changed_error(), false);
  if (cut) problem(entry.path, cut_error(), false);
  if (after && (cut || !as_announced(before, *after)))
    HF_OK(describe_again(token, {entry.name, entry.path, stricter(before, *after)}, before, !cut, file.attributes()));
  HF_OK(assembly().file_read(token, given, end));
  HF_OK(assembly().advance());
  return true;
}

}  // namespace holdfast::backup
