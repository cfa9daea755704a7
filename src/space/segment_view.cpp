// Segments as local files: one header, the records, where each pack's info begins, and the infos.
#include <bit>
#include <limits>

#include "space/segment_check.h"

namespace holdfast::space {

namespace {

struct LocalHeader {
  std::array<std::uint8_t, 4> magic{'H', 'F', 's', 'g'};
  std::uint32_t packs = 0;
  std::uint64_t records = 0;
  Hash rest;  // SHA-256 of everything behind the header
  HOLDFAST_WIRE(magic, packs, records, rest)
};
constexpr std::size_t header_bytes = 4 + 4 + 8 + 32;
constexpr std::size_t offset_bytes = 8;

std::uint64_t load_u64(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof value);
  return std::endian::native == std::endian::little ? __builtin_bswap64(value) : value;
}

void store_u64(std::uint8_t* at, std::uint64_t value) {
  for (int i = 0; i < 8; ++i) at[i] = static_cast<std::uint8_t>(value >> (56 - 8 * i));
}

std::unexpected<Error> malformed() {
  return fail(Code::Malformed, "a local copy of the index is damaged", {}, "the index itself is whole on the server");
}

// How many of `records` uniform ids lie in a stretch of `distance` of the first 64 bits.
std::uint64_t expected_records(std::uint64_t distance, std::uint64_t records) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(distance) * records) >> 64);
}

constexpr int guesses_max = 8;
Status write_behind_header(const Segment& segment, const std::function<Status(ByteView part)>& write) {
  Bytes part;
  for (std::size_t at = 0; at < segment.records.size(); at += records_per_block) {
    const auto records =
        std::span(segment.records).subspan(at, std::min(records_per_block, segment.records.size() - at));
    part.resize(records.size() * record_bytes);
    for (std::size_t i = 0; i < records.size(); ++i) store_record(&part[i * record_bytes], records[i]);
    HF_OK(write(part));
  }
  Writer infos;
  Bytes offsets((segment.packs.size() + 1) * offset_bytes);
  for (std::size_t i = 0; i < segment.packs.size(); ++i) {
    store_u64(&offsets[i * offset_bytes], infos.size());
    wire::put(infos, segment.packs[i]);
  }
  store_u64(&offsets[segment.packs.size() * offset_bytes], infos.size());
  HF_OK(write(offsets));
  return write(std::move(infos).take());
}

constexpr std::uint64_t walk_max = 8;  // a cache line holds two records: below this a walk is cheaper than a guess

}  // namespace

Status write_local_segment(const Segment& segment, const std::function<Status(ByteView part)>& write) {
  crypto::Sha256 rest;
  const auto hash = [&](ByteView part) {
    rest.update(part);
    return Status();
  };
  HF_OK(write_behind_header(segment, hash));
  HF_OK(write(encode(LocalHeader{.packs = static_cast<std::uint32_t>(segment.packs.size()),
                                 .records = segment.records.size(),
                                 .rest = rest.finish()})));
  return write_behind_header(segment, write);
}

Bytes encode_local_segment(const Segment& segment) {
  Bytes out;
  const auto write = [&](ByteView part) {
    append(out, part);
    return Status();
  };
  (void)write_local_segment(segment, write);  // memory takes all of it
  return out;
}

Result<SegmentView> SegmentView::over(ByteView bytes) {
  if (bytes.size() < header_bytes) return malformed();
  const auto header = decode<LocalHeader>(bytes.first(header_bytes), "a local index");
  if (!header || header->magic != LocalHeader().magic) return malformed();
  const std::size_t room = bytes.size() - header_bytes;
  if (header->records > room / record_bytes) return malformed();
  const std::size_t behind_records = room - header->records * record_bytes;
  const std::size_t offsets = (std::size_t{header->packs} + 1) * offset_bytes;
  if (behind_records < offsets) return malformed();

  SegmentView out;
  out.bytes_ = bytes;
  out.records_ = header->records;
  out.packs_ = header->packs;
  out.records_bytes_ = bytes.subspan(header_bytes, header->records * record_bytes);
  out.offsets_ = bytes.subspan(header_bytes + out.records_bytes_.size(), offsets);
  out.infos_ = bytes.subspan(header_bytes + out.records_bytes_.size() + offsets);
  if (load_u64(&out.offsets_[offsets - offset_bytes]) != out.infos_.size()) return malformed();
  return out;
}

SegmentView::Search::Prefix SegmentView::Search::Prefix::at(const std::uint8_t* bytes) {
  return {load_u64(bytes), load_u64(bytes + 8)};
}

SegmentView::Search::Search(const SegmentView& view, const ChunkId& id)
    : view_(&view), wanted_(Prefix::at(id.bytes.data())), high_(view.records_) {
  guess_next(expected_records(wanted_.high, view.records_));
}

SegmentView::Search::Prefix SegmentView::Search::prefix(std::uint64_t at) const {
  return Prefix::at(&view_->records_bytes_[at * record_bytes]);
}

bool SegmentView::Search::guess_next(std::uint64_t guess) {
  if (low_ >= high_) return end(false, 0);
  if (guesses_++ >= guesses_max) guess = low_ + (high_ - low_) / 2;  // not uniform: somebody else's file, or a tiny one
  guess_ = std::clamp(guess, low_, high_ - 1);
  const std::uint8_t* const at = &view_->records_bytes_[guess_ * record_bytes];
  __builtin_prefetch(at);
  return true;
}

bool SegmentView::Search::end(bool found, std::uint64_t at) {
  found_ = found;
  guess_ = at;
  low_ = high_ = 0;
  return false;
}

// The records from low_ on: true when the wanted one is behind them.
bool SegmentView::Search::walk_up(std::uint64_t records) {
  for (const std::uint64_t stop = std::min(high_, low_ + records); low_ < stop; ++low_) {
    const Prefix here = prefix(low_);
    if (here >= wanted_) return end(here == wanted_, low_);
  }
  return true;
}

bool SegmentView::Search::walk_down(std::uint64_t records) {
  for (const std::uint64_t stop = high_ - std::min(high_ - low_, records); high_ > stop; --high_) {
    const Prefix here = prefix(high_ - 1);
    if (here <= wanted_) return end(here == wanted_, high_ - 1);
  }
  return true;
}

bool SegmentView::Search::step() {
  if (low_ >= high_) return false;
  const Prefix here = prefix(guess_);
  if (here == wanted_) return end(true, guess_);
  if (here < wanted_) {
    low_ = guess_ + 1;
    const std::uint64_t ahead = expected_records(wanted_.high - here.high, view_->records_);
    if (ahead < walk_max && !walk_up(2 * walk_max)) return false;
    return guess_next(low_ + ahead);
  }
  high_ = guess_;
  const std::uint64_t back = expected_records(here.high - wanted_.high, view_->records_);
  if (back < walk_max && !walk_down(2 * walk_max)) return false;
  return guess_next(high_ - std::min(high_ - low_, back + 1));
}

std::optional<Record> SegmentView::Search::found() const {
  return found_ ? std::optional(view_->record(guess_)) : std::nullopt;
}

std::optional<std::uint64_t> SegmentView::Search::found_at() const {
  return found_ ? std::optional(guess_) : std::nullopt;
}

std::optional<Record> SegmentView::find(const ChunkId& id) const {
  Search search(*this, id);
  while (search.step()) {
  }
  return search.found();
}

std::optional<std::uint64_t> SegmentView::position(const ChunkId& id) const {
  Search search(*this, id);
  while (search.step()) {
  }
  return search.found_at();
}

Record SegmentView::record(std::uint64_t at) const { return load_record(&records_bytes_[at * record_bytes]); }

Result<PackInfo> SegmentView::pack(std::uint32_t ordinal) const {
  if (ordinal >= packs_) return malformed();
  const std::uint64_t start = load_u64(&offsets_[ordinal * offset_bytes]);
  const std::uint64_t end = load_u64(&offsets_[(std::size_t{ordinal} + 1) * offset_bytes]);
  if (start > end || end > infos_.size()) return malformed();
  auto info = decode<PackInfo>(infos_.subspan(start, end - start), "a local index");
  if (!info || !check_segment_packs(std::span(&*info, 1))) return malformed();
  return info;
}

bool SegmentView::is_whole() const {
  const auto header = decode<LocalHeader>(bytes_.first(header_bytes), "a local index");
  return header && crypto::sha256(bytes_.subspan(header_bytes)) == header->rest;
}

Result<Segment> SegmentView::load() const {
  if (!is_whole()) return malformed();
  Segment out;
  out.packs.reserve(packs_);
  out.records.reserve(records_);
  for (std::uint32_t i = 0; i < packs_; ++i) {
    HF_TRY(PackInfo info, pack(i));
    out.packs.push_back(std::move(info));
  }
  for (std::uint64_t i = 0; i < records_; ++i) out.records.push_back(record(i));
  if (!check_segment_records(out)) return malformed();
  return out;
}

}  // namespace holdfast::space
