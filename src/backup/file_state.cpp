#include "backup/file_state.h"

namespace holdfast::backup {

namespace {

constexpr std::int64_t racy_ns = 2'000'000'000;
constexpr std::size_t flush_bytes = 1024 * 1024;
constexpr std::size_t held_bytes_max = 1024 * 1024;  // of a mapping, by each who reads it
constexpr std::uint8_t entry_kind = 1, folder_kind = 2;
constexpr std::size_t seen_bytes = 3 * 8 + 2 * 8 + 1;

// Layout: records | header | size of records u64 | size of header u32 | SHA-256 of all before. The file gets its name
// when all of it is durable; the hash is for disks that forget.
constexpr std::size_t sizes_bytes = 8 + 4, ending_bytes = sizes_bytes + Hash::size;

void put_size(Bytes& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

Result<Hash> hash_file(File& file, std::uint64_t size) {
  crypto::Sha256 hash;
  Bytes part(flush_bytes);
  for (std::uint64_t at = 0; at < size;) {
    const std::size_t want = std::min<std::uint64_t>(part.size(), size - at);
    HF_TRY(const std::size_t got, file.read_at(at, std::span(part).first(want)));
    if (got == 0) return fail(Code::IoError, "a file is shorter than what was written to it");
    hash.update(ByteView(part).first(got));
    at += got;
  }
  return hash.finish();
}

// In order, part by part; what was visited is let go.
template <class Visit>
void visit_mapped(ByteView bytes, const Mapping* mapping, Visit visit) {
  for (ByteView left = bytes; !left.empty();) {
    const ByteView part = left.first(std::min(left.size(), held_bytes_max));
    visit(part);
    if (mapping != nullptr) mapping->release(part);
    left = left.subspan(part.size());
  }
}

Hash hash_mapping(ByteView bytes, const Mapping& mapping) {
  crypto::Sha256 hash;
  visit_mapped(bytes, &mapping, [&](ByteView part) { hash.update(part); });
  return hash.finish();
}

}  // namespace

Seen seen_of(const FileStat& stat, std::int64_t scan_time_ns) {
  const bool racy = std::max(stat.mtime_ns, stat.ctime_ns) >= scan_time_ns - racy_ns;
  return {stat.device, stat.inode, stat.size, stat.mtime_ns, stat.ctime_ns, racy};
}

Result<FileStateWriter> FileStateWriter::create(Files& files, const Path& path) {
  HF_TRY(auto file, files.open(path + ".new", OpenMode::create_or_truncate));
  return FileStateWriter(files, path, std::move(file));
}

void FileStateWriter::flush() {
  if (!status_ || buffer_.empty()) return;
  status_ = file_->write_at(written_, buffer_);
  written_ += buffer_.size();
  buffer_.clear();
}

// kind u8 | name size u16 | name | Seen
void FileStateWriter::put_head(std::uint8_t kind, const std::string& name, const Seen& seen) {
  if (buffer_.size() >= flush_bytes) flush();
  buffer_.push_back(kind);
  put_size(buffer_, name.size(), 2);
  append(buffer_, as_bytes(name));
  append(buffer_, encode(seen));
}

void FileStateWriter::entry(const std::string& name, const Seen& seen, const space::TreeEntry& entry) {
  put_head(entry_kind, name, seen);
  const Bytes encoded = encode(entry);
  put_size(buffer_, encoded.size(), 4);
  append(buffer_, encoded);
}

void FileStateWriter::begin_folder(const std::string& name, const Seen& seen) {
  put_head(folder_kind, name, seen);
  open_.push_back(written_ + buffer_.size());
  put_size(buffer_, 0, 8);
}

void FileStateWriter::end_folder(const space::TreeEntry& entry) {
  const std::uint64_t at = open_.back();
  open_.pop_back();
  const std::uint64_t inside = written_ + buffer_.size() - (at + 8);
  if (at >= written_) {
    for (int i = 0; i < 8; ++i) buffer_[at - written_ + i] = static_cast<std::uint8_t>(inside >> (56 - 8 * i));
  } else {
    flush();
    Bytes size;
    put_size(size, inside, 8);
    if (status_) status_ = file_->write_at(at, size);
  }
  const Bytes encoded = encode(entry);
  put_size(buffer_, encoded.size(), 4);
  append(buffer_, encoded);
}

void FileStateWriter::copy(ByteView records, const Mapping* mapping) {
  if (buffer_.size() + records.size() >= flush_bytes) flush();
  if (records.size() < flush_bytes) return append(buffer_, records);
  visit_mapped(records, mapping, [&](ByteView part) {  // many folders at once: not by way of memory
    if (status_) status_ = file_->write_at(written_, part);
    written_ += part.size();
  });
}

Status FileStateWriter::finish(const FileStateHeader& header) {
  flush();
  const std::uint64_t records = written_;
  const Bytes encoded = encode(header);
  append(buffer_, encoded);
  put_size(buffer_, records, 8);
  put_size(buffer_, encoded.size(), 4);
  flush();
  HF_OK(status_);
  HF_TRY(const Hash hash, hash_file(*file_, written_));
  append(buffer_, hash.view());
  flush();
  HF_OK(status_);
  HF_OK(file_->sync());
  file_.reset();
  HF_OK(files_->rename(path_ + ".new", path_));
  return files_->sync_directory(Path(parent_of(path_)));
}

const OldRecord* OldRecords::current() {
  if (read_) return record_ ? &*record_ : nullptr;
  read_ = true;
  record_.reset();
  Reader in(left_);
  if (in.left() == 0) return nullptr;
  OldRecord record;
  const auto kind = in.big_endian(1);
  record.folder = kind == folder_kind;
  record.name = as_text(in.raw(in.big_endian(2)));
  Reader seen(in.raw(seen_bytes));
  wire::get(seen, record.seen);
  if (record.folder) record.inside = in.raw(in.big_endian(8));
  record.entry = in.raw(in.big_endian(4));
  if (!in.ok() || !seen.ok() || (kind != entry_kind && kind != folder_kind)) return nullptr;
  record.whole = left_.first(left_.size() - in.left());
  record_ = record;
  return &*record_;
}

void OldRecords::next() {
  if (current() == nullptr) return;
  left_ = left_.subspan(record_->whole.size());
  read_ = false;
  const ByteView passed(held_from_, left_.data());
  if (mapping_ == nullptr || passed.size() < held_bytes_max) return;
  mapping_->release(passed);
  held_from_ = left_.data();
}

OldRecords OldRecords::inside() const { return OldRecords(record_->inside, mapping_); }

Result<std::unique_ptr<FileState>> FileState::open(Files& files, const Path& path) {
  auto state = std::make_unique<FileState>();
  HF_TRY(state->mapping_, files.map(path));
  const ByteView bytes = state->mapping_->bytes();
  const auto bad = [&] {
    return fail(Code::Malformed, "what the last backup saw can't be read; all files will be read again",
                printable(path));
  };
  if (bytes.size() < ending_bytes) return bad();
  if (hash_mapping(bytes.first(bytes.size() - Hash::size), *state->mapping_) != Hash::from(bytes.last(Hash::size)))
    return bad();
  Reader ending(bytes.subspan(bytes.size() - ending_bytes, sizes_bytes));
  const std::uint64_t records = ending.big_endian(8);
  const std::uint64_t header = ending.big_endian(4);
  if (records > bytes.size() || header > bytes.size() || records + header + ending_bytes != bytes.size()) return bad();
  auto decoded = decode<FileStateHeader>(bytes.subspan(records, header), "the file state");
  if (!decoded) return bad();
  state->header_ = *std::move(decoded);
  state->records_ = bytes.first(records);
  return state;
}

}  // namespace holdfast::backup
