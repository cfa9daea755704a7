#include "space/pack.h"

#include <bit>
#include <stdexcept>

namespace holdfast::space {

namespace {

std::size_t directory_bytes(std::size_t blocks, std::size_t chunks, std::size_t extra) {
  return 1 + 3 + opaque_size(blocks * wire::fixed_size<BlockSize>()) +
         opaque_size(chunks * wire::fixed_size<PackedChunk>()) + opaque_size(extra);
}

std::size_t stored_bytes(std::span<const BlockSize> blocks) {
  std::size_t sum = 0;
  for (const BlockSize& block : blocks) sum += block.stored.value;
  return sum;
}

std::unexpected<Error> malformed(const PackHeader& header, std::string_view why) {
  return fail(Code::Malformed, "the directory of a pack does not fit it: " + std::string(why),
              header.object.short_hex());
}

// The chunks of data and node packs cover every block from its first to its last byte, in order.
bool chunks_cover_blocks(const PackDirectory& directory) {
  std::size_t block = 0, end = 0;
  for (const PackedChunk& chunk : directory.chunks) {
    if (chunk.length.value == 0) return false;
    if (block < directory.blocks.size() && end == directory.blocks[block].plain.value) {
      ++block;
      end = 0;
    }
    if (block >= directory.blocks.size() || chunk.block != block || chunk.offset.value != end) return false;
    end += chunk.length.value;
    if (end > directory.blocks[block].plain.value) return false;
  }
  return !directory.blocks.empty() && block + 1 == directory.blocks.size() &&
         end == directory.blocks[block].plain.value;
}

Status check_directory(const PackHeader& header, const PackDirectory& directory, std::size_t object_size) {
  HF_OK(check_blocks(directory.blocks));
  if (directory.chunks.size() > pack_chunks_max) return malformed(header, "it holds too many chunks");
  const std::size_t used = pack_bytes_used(directory.blocks.size(), stored_bytes(directory.blocks),
                                           directory.chunks.size(), directory.extra.size());
  if (object_size > pack_bytes_max || used + directory.pad.value != object_size)
    return malformed(header, "its parts have not the object's size together");
  if (directory.kind == PackKind::index) {
    if (!directory.chunks.empty()) return malformed(header, "an index names chunks");
  } else {
    if (!directory.extra.empty()) return malformed(header, "it holds an index's table");
    if (!chunks_cover_blocks(directory)) return malformed(header, "its chunks do not cover its blocks");
  }
  return {};
}

}  // namespace

std::size_t PackInfo::block_offset(std::size_t block) const {
  return pack_header_bytes + stored_bytes(std::span(blocks).first(block));
}

std::vector<std::uint32_t> PackInfo::block_offsets() const {
  std::vector<std::uint32_t> out;
  out.reserve(blocks.size() + 1);
  out.push_back(pack_header_bytes);
  for (const BlockSize& block : blocks) out.push_back(out.back() + block.stored.value);
  return out;
}

Status check_blocks(std::span<const BlockSize> blocks) {
  const auto refused = [] { return fail(Code::Malformed, "a pack is said to have blocks that no pack can have"); };
  if (blocks.size() > pack_blocks_max || stored_bytes(blocks) > pack_bytes_max) return refused();
  for (const BlockSize& block : blocks) {
    const bool plain_fits = block.plain.value >= 1 && block.plain.value <= block_plain_max;
    const bool stored_fits =
        block.stored.value > crypto::tag_size && block.stored.value <= block.plain.value + crypto::tag_size;
    if (!plain_fits || !stored_fits) return refused();
  }
  return {};
}

std::size_t pack_bytes_used(std::size_t blocks, std::size_t block_bytes_stored, std::size_t chunks, std::size_t extra) {
  return pack_header_bytes + block_bytes_stored + crypto::tag_size + directory_bytes(blocks, chunks, extra) +
         crypto::tag_size + pack_foot_bytes;
}

void PackRandom::fill(std::span<std::uint8_t> out) {
  if (out.size() > drawn_.size() - used_) throw std::logic_error("PackRandom is drawn empty");
  std::copy_n(drawn_.begin() + static_cast<std::ptrdiff_t>(used_), out.size(), out.begin());
  used_ += out.size();
}

std::size_t padme(std::size_t size) {
  if (size < 2) return size;
  const auto exponent = std::bit_width(size) - std::size_t{1};
  const auto kept = std::bit_width(exponent);
  const std::size_t mask = (std::size_t{1} << (exponent - kept)) - 1;
  return (size + mask) & ~mask;
}

Result<PackHeader> read_header(ByteView object_start, const ObjectId& expected) {
  if (object_start.size() < pack_header_bytes)
    return fail(Code::Malformed, "an object is too short for a pack", expected.short_hex());
  HF_TRY(const PackHeader header, decode<PackHeader>(object_start.first(pack_header_bytes), "a pack's header"));
  const PackHeader ours;
  if (header.magic != ours.magic) return fail(Code::Malformed, "an object is not a pack", expected.short_hex());
  if (header.suite != ours.suite)
    return fail(Code::Malformed, "a pack is of a suite that does not exist", expected.short_hex());
  if (header.object != expected)
    return fail(Code::Tampered, "another object was given for the one that was asked for", expected.short_hex());
  return header;
}

Result<std::variant<PackDirectory, NeedMore>> open_directory(const crypto::PackKey& key, const SpaceId& space,
                                                             const PackHeader& header, std::size_t object_size,
                                                             ByteView tail) {
  constexpr std::size_t smallest = pack_header_bytes + crypto::tag_size + crypto::tag_size + pack_foot_bytes;
  if (object_size < smallest || object_size > pack_bytes_max || tail.size() < pack_foot_bytes ||
      tail.size() > object_size)
    return malformed(header, "the object has not the size of a pack");
  const crypto::PackCipher cipher(key, encode(PackWhere{space, header.object, header.epoch}), header.salt);
  if (!crypto::equal_constant_time(cipher.commitment().view(), header.commitment.view()))
    return fail(Code::Tampered, "a pack was not made with this space's key of its epoch", header.object.short_hex());
  const Bytes header_bytes = encode(header);

  Bytes plain(pack_foot_bytes - crypto::tag_size);
  HF_OK(cipher.open(foot_number, header_bytes, tail.last(pack_foot_bytes), plain));
  HF_TRY(const PackFoot foot, decode<PackFoot>(plain, "a pack's foot"));
  const std::uint64_t directory_end = std::uint64_t{foot.directory_offset} + foot.directory_size;
  if (foot.directory_size < crypto::tag_size || directory_end + pack_foot_bytes != object_size)
    return malformed(header, "its foot points elsewhere");

  const std::size_t wanted = foot.directory_size + pack_foot_bytes;
  if (wanted > tail.size()) {
    const std::size_t windows = (wanted + pack_tail_bytes - 1) / pack_tail_bytes;
    return NeedMore{std::min(windows * pack_tail_bytes, object_size)};
  }
  plain.resize(foot.directory_size - crypto::tag_size);
  HF_OK(cipher.open(directory_number, header_bytes, tail.last(wanted).first(foot.directory_size), plain));
  HF_TRY(PackDirectory directory, decode<PackDirectory>(plain, "a pack's directory"));
  HF_OK(check_directory(header, directory, object_size));
  return directory;
}

Result<PackInfo> info_of(const PackHeader& header, const PackDirectory& directory, std::size_t object_size,
                         const Hash& sha256) {
  HF_OK(check_directory(header, directory, object_size));
  return PackInfo{header.object, directory.kind,    sha256,          header.epoch,
                  header.salt,   header.commitment, directory.blocks};
}

PackOpener::PackOpener(const crypto::PackKey& key, const SpaceId& space, const PackInfo& info)
    : info_(info),
      header_(encode(
          PackHeader{.epoch = info.epoch, .object = info.object, .salt = info.salt, .commitment = info.commitment})),
      cipher_(key, encode(PackWhere{space, info.object, info.epoch}), info.salt),
      committed_(crypto::equal_constant_time(cipher_.commitment().view(), info.commitment.view())) {}

Result<Bytes> PackOpener::open_block(std::uint16_t block, ByteView sealed) const {
  if (!committed_)
    return fail(Code::Tampered, "a pack was not made with this space's key of its epoch", info_.object.short_hex());
  if (block >= info_.blocks.size())
    return fail(Code::Malformed, "a block is asked for that its pack does not have", info_.object.short_hex());
  const BlockSize size = info_.blocks[block];
  HF_OK(check_blocks(std::span(&size, 1)));
  if (sealed.size() != size.stored.value)
    return fail(Code::Tampered, "a block has not the size that its index says", info_.object.short_hex());
  const auto named = [&](Error error) {
    error.object = info_.object.short_hex() + ", block " + std::to_string(block);
    return pass_on(std::move(error));
  };

  Bytes opened(sealed.size() - crypto::tag_size);
  if (auto status = cipher_.open(block, header_, sealed, opened); !status) return named(std::move(status).error());
  if (opened.size() == size.plain.value) return opened;
  auto plain = decompress_block(opened, size.plain.value);
  if (!plain) return named(std::move(plain).error());
  return plain;
}

}  // namespace holdfast::space
