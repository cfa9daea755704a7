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

// A chunk id's first 16 bytes as two numbers in the order of the bytes.
struct Prefix {
  std::uint64_t high, low;
  static Prefix at(const std::uint8_t* bytes) { return {load_u64(bytes), load_u64(bytes + 8)}; }
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

// How many of `records` uniform ids lie in a stretch of `distance` of the first 64 bits.
std::uint64_t expected_records(std::uint64_t distance, std::uint64_t records) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(distance) * records) >> 64);
}

constexpr int guesses_max = 8;
constexpr std::uint64_t walk_max = 8;  // a cache line holds two records: below this a walk is cheaper than a guess

}  // namespace

Bytes encode_local_segment(const Segment& segment) {
  Writer infos;
  Bytes offsets((segment.packs.size() + 1) * offset_bytes);
  for (std::size_t i = 0; i < segment.packs.size(); ++i) {
    store_u64(&offsets[i * offset_bytes], infos.size());
    wire::put(infos, segment.packs[i]);
  }
  store_u64(&offsets[segment.packs.size() * offset_bytes], infos.size());

  const std::size_t records_end = header_bytes + segment.records.size() * record_bytes;
  Bytes out;
  out.reserve(records_end + offsets.size() + infos.size());
  out.resize(records_end);
  std::uint8_t* at = out.data() + header_bytes;
  for (const Record& record : segment.records) {
    store_record(at, record);
    at += record_bytes;
  }
  append(out, offsets);
  append(out, std::move(infos).take());
  const Bytes header = encode(LocalHeader{.packs = static_cast<std::uint32_t>(segment.packs.size()),
                                          .records = segment.records.size(),
                                          .rest = crypto::sha256(ByteView(out).subspan(header_bytes))});
  std::ranges::copy(header, out.begin());
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

std::optional<Record> SegmentView::find(const ChunkId& id) const {
  const Prefix wanted = Prefix::at(id.bytes.data());
  const auto prefix = [&](std::uint64_t i) { return Prefix::at(&records_bytes_[i * record_bytes]); };
  // All records below `low` are smaller than the wanted one, all from `high` on are larger.
  std::uint64_t low = 0, high = records_;
  std::uint64_t guess = expected_records(wanted.high, records_);
  for (int guesses = 0; low < high; ++guesses) {
    if (guesses >= guesses_max) guess = low + (high - low) / 2;  // not uniform: somebody else's file, or a tiny one
    guess = std::clamp(guess, low, high - 1);
    const Prefix here = prefix(guess);
    if (here == wanted) return record(guess);
    if (here < wanted) {
      low = guess + 1;
      const std::uint64_t step = expected_records(wanted.high - here.high, records_);
      if (step < walk_max) {
        for (const std::uint64_t end = std::min(high, low + 2 * walk_max); low < end; ++low) {
          const Prefix next = prefix(low);
          if (next == wanted) return record(low);
          if (next > wanted) return std::nullopt;
        }
      }
      guess = low + step;
    } else {
      high = guess;
      const std::uint64_t step = expected_records(here.high - wanted.high, records_);
      if (step < walk_max) {
        for (const std::uint64_t end = high - low > 2 * walk_max ? high - 2 * walk_max : low; high > end; --high) {
          const Prefix next = prefix(high - 1);
          if (next == wanted) return record(high - 1);
          if (next < wanted) return std::nullopt;
        }
      }
      guess = high - std::min(high - low, step + 1);
    }
  }
  return std::nullopt;
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
