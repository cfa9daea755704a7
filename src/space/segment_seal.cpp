// Segments as objects on the server: packs of kind index.
#include "space/segment_check.h"

namespace holdfast::space {

namespace {

constexpr int records_level = 3;
// A share of each object for the pack table while there are records for the rest.
constexpr std::size_t table_share_bytes = 4 * 1024 * 1024;
constexpr std::size_t fence_bytes = 16;

std::size_t table_bytes(std::size_t fences, std::size_t packs_bytes) {
  return 4 + opaque_size(fences * fence_bytes) + opaque_size(packs_bytes);
}

CompressedBlock records_block(std::span<const Record> records) {
  Bytes plain(records.size() * record_bytes);
  for (std::size_t i = 0; i < records.size(); ++i) store_record(&plain[i * record_bytes], records[i]);
  return compress_block(std::move(plain), {}, records_level);
}

// Hands a segment out object by object.
class SegmentSealer {
 public:
  explicit SegmentSealer(const Segment& segment) : segment_(segment) { next_block(); }
  [[nodiscard]] bool done() const { return pack_ == segment_.packs.size() && !block_; }

  PackBuilder object() {
    SegmentTable table{static_cast<std::uint32_t>(pack_), {}, {}};
    const std::size_t packs_bytes = take_packs(table, block_ ? table_share_bytes : pack_bytes_max);
    PackBuilder builder(PackKind::index);
    std::size_t stored = 0;
    while (block_) {
      const std::size_t fences = table.fences.size() + 1;
      const std::size_t stored_then = stored + block_->bytes.size() + crypto::tag_size;
      if (pack_bytes_used(fences, stored_then, 0, table_bytes(fences, packs_bytes)) > pack_bytes_max) break;
      stored = stored_then;
      table.fences.push_back(segment_.records[block_start_].id);
      builder.add(*std::exchange(block_, std::nullopt));
      next_block();
    }
    builder.set_extra(encode(table));
    return builder;
  }

 private:
  std::size_t take_packs(SegmentTable& table, std::size_t share) {
    std::size_t bytes = 0;
    for (; pack_ < segment_.packs.size(); ++pack_) {
      const std::size_t then = bytes + encode(segment_.packs[pack_]).size();
      const bool fits = then <= share && pack_bytes_used(0, 0, 0, table_bytes(0, then)) <= pack_bytes_max;
      if (!fits && !table.packs.empty()) break;
      bytes = then;
      table.packs.push_back(segment_.packs[pack_]);
    }
    return bytes;
  }

  void next_block() {
    const std::size_t size = std::min(records_per_block, segment_.records.size() - records_end_);
    if (size == 0) return;
    block_start_ = std::exchange(records_end_, records_end_ + size);
    block_ = records_block(std::span(segment_.records).subspan(block_start_, size));
  }

  const Segment& segment_;
  std::size_t pack_ = 0;                           // first that is in no table yet
  std::optional<CompressedBlock> block_;           // next one, in no object yet
  std::size_t block_start_ = 0, records_end_ = 0;  // its records
};

std::unexpected<Error> malformed(const SegmentObject& object, std::string_view why) {
  return fail(Code::Malformed, "an index is not as any client writes it: " + std::string(why), object.id.short_hex());
}

}  // namespace

Status seal_segment(const Segment& segment, const crypto::PackKey& index_key, const SpaceId& space, std::uint32_t epoch,
                    Random& random, const std::function<Status()>& before_object,
                    const std::function<Status(SealedPack)>& deliver) {
  SegmentSealer sealer(segment);
  while (!sealer.done()) {
    HF_OK(before_object());
    HF_TRY(SealedPack object, sealer.object().finish(index_key, space, epoch, PackBuilder::Size::power_of_two, random));
    HF_OK(deliver(std::move(object)));
  }
  return {};
}

Status SegmentOpener::add(ByteView object, const SegmentObject& expected, const IndexKeys& key_of) {
  HF_TRY(const PackHeader header, read_header(object, expected.id));
  const crypto::PackKey* key = key_of(header.epoch);
  if (key == nullptr)
    return fail(Code::Missing, "an index is sealed under an epoch whose key is not here", expected.id.short_hex());
  HF_TRY(auto opened, open_directory(*key, space_, header, object.size(), object));
  PackDirectory& directory = std::get<PackDirectory>(opened);  // the whole object is given: nothing more can be needed
  if (directory.kind != PackKind::index) return malformed(expected, "the object holds no index");
  HF_TRY(SegmentTable table, decode<SegmentTable>(directory.extra, "an index's table"));
  if (table.first_pack != segment_.packs.size()) return malformed(expected, "its objects do not follow each other");
  if (table.fences.size() != directory.blocks.size())
    return malformed(expected, "its fences are not those of its blocks");
  HF_OK(check_segment_packs(table.packs));
  std::ranges::move(table.packs, std::back_inserter(segment_.packs));

  HF_TRY(const PackInfo info, info_of(header, directory, object.size(), expected.sha256));
  const PackOpener opener(*key, space_, info);
  const std::vector<std::uint32_t> offsets = info.block_offsets();
  for (std::size_t i = 0; i < info.blocks.size(); ++i) {
    const ByteView sealed = object.subspan(offsets[i], info.blocks[i].stored.value);
    HF_TRY(const Bytes plain, opener.open_block(static_cast<std::uint16_t>(i), sealed));
    if (plain.size() % record_bytes != 0 || !std::equal(table.fences[i].begin(), table.fences[i].end(), plain.begin()))
      return malformed(expected, "a block of records does not begin where its fence stands, or ends inside a record");
    for (std::size_t at = 0; at < plain.size(); at += record_bytes) segment_.records.push_back(load_record(&plain[at]));
  }
  return {};
}

Result<Segment> SegmentOpener::finish() && {
  HF_OK(check_segment_records(segment_));
  return std::move(segment_);
}

Result<Segment> open_segment(std::span<const ByteView> objects, std::span<const SegmentObject> expected,
                             const IndexKeys& key_of, const SpaceId& space) {
  if (objects.size() != expected.size()) return fail(Code::Missing, "an index is not there in all its objects");
  SegmentOpener opener(space);
  for (std::size_t i = 0; i < objects.size(); ++i) HF_OK(opener.add(objects[i], expected[i], key_of));
  return std::move(opener).finish();
}

}  // namespace holdfast::space
