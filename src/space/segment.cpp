#include "space/segment.h"

#include <bit>
#include <ranges>
#include <tuple>

#include "space/segment_check.h"

namespace holdfast::space {

namespace {

// A record behind its id: pack, block and the offset's upper 16 bits; the offset's last byte and the length.
template <class Word>
void store(std::uint8_t* at, Word word) {
  if constexpr (std::endian::native == std::endian::little) word = std::byteswap(word);
  std::memcpy(at, &word, sizeof word);
}

template <class Word>
Word load(const std::uint8_t* at) {
  Word word;
  std::memcpy(&word, at, sizeof word);
  if constexpr (std::endian::native == std::endian::little) word = std::byteswap(word);
  return word;
}

bool id_below(const Record& a, const Record& b) { return a.id < b.id; }

}  // namespace

void store_record(std::uint8_t* at, const Record& record) {
  std::copy_n(record.id.begin(), record.id.size(), at);
  store<std::uint64_t>(at + 16,
                       std::uint64_t{record.pack} << 32 | std::uint64_t{record.block} << 16 | record.offset.value >> 8);
  store<std::uint32_t>(at + 24, record.offset.value << 24 | record.length.value);
}

Record load_record(const std::uint8_t* at) {
  Record out;
  std::copy_n(at, out.id.size(), out.id.begin());
  const auto place = load<std::uint64_t>(at + 16);
  const auto range = load<std::uint32_t>(at + 24);
  out.pack = static_cast<std::uint32_t>(place >> 32);
  out.block = static_cast<std::uint16_t>(place >> 16);
  out.offset.value = static_cast<std::uint32_t>(place & 0xffff) << 8 | range >> 24;
  out.length.value = range & 0xffffff;
  return out;
}

bool is_retired(ByteView retired_packs, std::uint32_t pack) {
  return pack / 8 < retired_packs.size() && (retired_packs[pack / 8] >> (7 - pack % 8) & 1) != 0;
}

void set_retired(Bytes& retired_packs, std::uint32_t pack) {
  if (pack / 8 >= retired_packs.size()) retired_packs.resize(pack / 8 + 1);
  retired_packs[pack / 8] |= static_cast<std::uint8_t>(0x80 >> (pack % 8));
}

void SegmentBuilder::add(PackInfo pack, std::span<const PackedChunk> chunks) {
  const auto ordinal = static_cast<std::uint32_t>(segment_.packs.size());
  segment_.packs.push_back(std::move(pack));
  for (const PackedChunk& chunk : chunks) {
    Record& record = segment_.records.emplace_back(Record{{}, ordinal, chunk.block, chunk.offset, chunk.length});
    std::copy_n(chunk.id.bytes.begin(), record.id.size(), record.id.begin());
  }
}

// By their whole place: equal input gives an equal index without the memory that a stable sort takes.
Segment SegmentBuilder::finish() && {
  std::ranges::sort(segment_.records, {}, [](const Record& record) {
    return std::tie(record.id, record.pack, record.block, record.offset.value, record.length.value);
  });
  const auto twice = std::ranges::unique(segment_.records, {}, &Record::id);
  segment_.records.erase(twice.begin(), twice.end());
  return std::move(segment_);
}

Segment make_segment(std::span<const SealedPack> packs) {
  std::size_t count = 0;
  for (const SealedPack& pack : packs) count += pack.chunks.size();
  SegmentBuilder builder(count);
  for (const SealedPack& pack : packs) builder.add(pack.info, pack.chunks);
  return std::move(builder).finish();
}

Segment merge_segments(std::span<const Segment> segments, std::span<const Bytes> retired, std::span<const Bytes> lost) {
  Segment joined;
  std::vector<bool> live, good;  // of the joined packs
  std::vector<std::size_t> starts{0};
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const auto first_pack = static_cast<std::uint32_t>(joined.packs.size());
    joined.packs.insert(joined.packs.end(), segments[i].packs.begin(), segments[i].packs.end());
    for (std::uint32_t pack = 0; pack < segments[i].packs.size(); ++pack) {
      live.push_back(i >= retired.size() || !is_retired(retired[i], pack));
      good.push_back(i >= lost.size() || !is_retired(lost[i], pack));
    }
    for (const Record& record : segments[i].records) {
      if (!live[first_pack + record.pack]) continue;
      joined.records.push_back(record);
      joined.records.back().pack += first_pack;
    }
    starts.push_back(joined.records.size());
  }
  // The later ones are the smaller ones: joined from the end, no record is moved often.
  const auto at = [&](std::size_t i) { return joined.records.begin() + static_cast<std::ptrdiff_t>(starts[i]); };
  for (std::size_t i = segments.size(); i-- > 1;) std::inplace_merge(at(i - 1), at(i), joined.records.end(), id_below);
  // Of two places the later one wins: it may be there because the earlier one was lost. One that is known to be lost
  // wins over none that is not.
  std::size_t kept_records = 0;
  for (std::size_t begin = 0, end = 0; begin < joined.records.size(); begin = end) {
    while (end < joined.records.size() && joined.records[end].id == joined.records[begin].id) ++end;
    std::size_t best = end - 1;
    for (std::size_t i = end; i-- > begin && !good[joined.records[best].pack];)
      if (good[joined.records[i].pack]) best = i;
    joined.records[kept_records++] = joined.records[best];
  }
  joined.records.resize(kept_records);

  std::vector<std::uint32_t> ordinals(joined.packs.size());
  std::vector<PackInfo> kept;
  for (std::size_t i = 0; i < joined.packs.size(); ++i) {
    ordinals[i] = static_cast<std::uint32_t>(kept.size());
    if (live[i]) kept.push_back(std::move(joined.packs[i]));
  }
  for (Record& record : joined.records) record.pack = ordinals[record.pack];
  joined.packs = std::move(kept);
  return joined;
}

std::size_t merge_from(std::span<const std::uint64_t> sizes, std::uint64_t added) {
  std::size_t from = sizes.size();
  std::uint64_t later = added;
  for (std::size_t i = sizes.size(); i-- > 0;) {
    if (sizes[i] / 2 < later) from = i;
    later += sizes[i];
  }
  return from;
}

Status check_segment_packs(std::span<const PackInfo> packs) {
  for (const PackInfo& pack : packs) {
    HF_OK(check_blocks(pack.blocks));
    if (pack.kind == PackKind::index)
      return fail(Code::Malformed, "an index names an index as a pack", pack.object.short_hex());
  }
  return {};
}

Status check_segment_records(const Segment& segment) {
  const Record* before = nullptr;
  for (const Record& record : segment.records) {
    const bool ordered = before == nullptr || before->id < record.id;
    before = &record;
    const bool block_known =
        record.pack < segment.packs.size() && record.block < segment.packs[record.pack].blocks.size();
    if (!ordered || !block_known || record.length.value == 0 ||
        record.offset.value + record.length.value > segment.packs[record.pack].blocks[record.block].plain.value)
      return fail(Code::Malformed, "an index holds a record that is out of order, or of a place that no pack has");
  }
  return {};
}

}  // namespace holdfast::space
