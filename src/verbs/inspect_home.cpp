#include "verbs/inspect_home.h"

#include "base/codec.h"
#include "session/local_state.h"

namespace holdfast::verbs {

namespace {

constexpr std::size_t head_bytes = 64 * 1024;
constexpr std::string_view sqlite_magic{"SQLite format 3\0", 16};  // sqlite.org/fileformat2.html, 1.3
constexpr std::uint64_t wal_magic = 0x377f0682, wal_head_bytes = 32, wal_frame_head_bytes = 24;  // there, 4.1
constexpr const char* one_copy = "state and state-wal are one: a copy needs both, or is made while no command runs";

std::uint64_t number_at(ByteView bytes, std::size_t at, int size) {
  Reader reader(bytes.subspan(std::min(at, bytes.size())));
  return reader.big_endian(size);
}

Inspected named(std::string kind, const FileStat& stat) {
  Inspected out;
  out.kind = std::move(kind);
  if (stat.type == FileType::regular) field(out, "size", std::to_string(stat.size) + " bytes");
  return out;
}

std::optional<Inspected> state(ByteView head, const FileStat& stat) {
  if (!as_text(head).starts_with(sqlite_magic)) return std::nullopt;
  const std::uint64_t typed_page = number_at(head, 16, 2), page = typed_page == 1 ? 65'536 : typed_page;
  if (as_text(head.first(std::min<std::size_t>(page, head.size()))).find(session::state_table) ==
      std::string_view::npos)
    return std::nullopt;
  Inspected out = named("local state of a device", stat);
  const auto format = static_cast<int>(number_at(head, 60, 4));
  field(out, "format",
        std::to_string(format) + (format > session::state_format ? ", of a newer version of the program" : ""));
  field(out, "pages", std::to_string(number_at(head, 28, 4)) + " of " + std::to_string(page) + " bytes (SQLite)");
  field(out, "holds", "profile, chain, what was read of each space, uploads under way; what is secret is sealed");
  field(out, "copies", one_copy);
  if (page < 512 || (page & (page - 1)) != 0) {
    out.damage.push_back("no SQLite file has pages of this size");
  } else if (stat.size % page != 0) {
    out.damage.push_back("it does not end with a page");
  }
  return out;
}

std::optional<Inspected> state_log(ByteView head, const FileStat& stat) {
  if (head.size() < wal_head_bytes || (number_at(head, 0, 4) | 1) != (wal_magic | 1)) return std::nullopt;
  Inspected out = named("log of a local state", stat);
  const std::uint64_t page = number_at(head, 8, 4);
  field(out, "frames",
        std::to_string((stat.size - wal_head_bytes) / (page + wal_frame_head_bytes)) + " with pages of " +
            std::to_string(page) + " bytes (SQLite)");
  field(out, "copies", one_copy);
  return out;
}

// What stands in it says nothing, since there is nothing.
std::optional<Inspected> empty_file(const std::string& name, const std::string& folder, const FileStat& stat) {
  const auto told = [&](const char* kind, const char* what) {
    Inspected out = named(kind, stat);
    field(out, "holds", what);
    return out;
  };
  if (name == "lock") return told("lock of a home", "nothing: whoever owns the home has it locked");
  if (name == "state") return told("local state of a device", "nothing yet, or all of it stands in state-wal");
  if (name == "state-wal") return told("log of a local state", "nothing: all stands in state");
  if (folder == "schedules" && name.ends_with(".lock"))
    return told("lock of a schedule", "nothing: a run under way has it locked");
  if (folder == "uploads") return told("list of an upload", "nothing: no pack has arrived yet");
  return std::nullopt;
}

std::unexpected<Error> no_file(const Path& path, const char* what) {
  return fail(Code::Unsupported, std::string("inspect explains files, and this is ") + what, printable(path));
}

}  // namespace

Result<std::optional<Inspected>> inspect_home_file(Files& files, const Path& path, const FileStat& stat) {
  const std::string name(last_component(path)), folder(last_component(parent_of(path)));
  if (stat.type == FileType::directory) return no_file(path, "a folder");
  if (stat.type == FileType::socket && name == "control") {
    Inspected out = named("control socket of a home", stat);
    field(out, "leads to", "the process that owns the home, if one does; it stays after a kill -9");
    return out;
  }
  if (stat.type != FileType::regular) return no_file(path, "none");
  if (folder == "file_state" && name.ends_with(".new")) {
    Inspected out = named("unfinished file state", stat);
    field(out, "holds", "what a killed command left, or one under way writes; it is made anew");
    return out;
  }
  if (stat.size == 0) return empty_file(name, folder, stat);
  HF_TRY(const auto file, files.open(path, OpenMode::read));
  Bytes head(std::min<std::uint64_t>(stat.size, head_bytes));
  HF_TRY(const std::size_t got, file->read_at(0, head));
  head.resize(got);
  if (auto out = state(head, stat)) return out;
  return state_log(head, stat);
}

}  // namespace holdfast::verbs
