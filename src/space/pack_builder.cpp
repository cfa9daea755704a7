#include <algorithm>
#include <bit>

#include "space/pack.h"

namespace holdfast::space {

namespace {

std::size_t padded(std::size_t used, PackBuilder::Size size) {
  switch (size) {
    case PackBuilder::Size::full:
      return pack_bytes_max;
    case PackBuilder::Size::padme:
      return std::max(padme(used), pack_bytes_min);
    case PackBuilder::Size::power_of_two:
      return std::max(std::bit_ceil(used), pack_bytes_min);
  }
  return pack_bytes_max;
}

// Seals one part after the other behind the header, and hashes what it wrote while it is still in the processor's
// cache.
class ObjectWriter {
 public:
  ObjectWriter(const crypto::PackCipher& cipher, Bytes header, Bytes& object)
      : cipher_(cipher), header_(std::move(header)), object_(object) {
    std::ranges::copy(header_, object_.begin());
    size_ = header_.size();
    hash_.update(header_);
  }
  void add(std::uint32_t number, ByteView plain) {
    const auto out = grow(plain.size());
    cipher_.seal(number, header_, plain, out);
    hash_.update(out);
  }
  void add_zeros(std::uint32_t number, std::size_t size) {
    const auto out = grow(size);
    std::ranges::fill(out, std::uint8_t{0});
    cipher_.seal(number, header_, out.first(size), out);
    hash_.update(out);
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  Hash sha256() { return hash_.finish(); }

 private:
  std::span<std::uint8_t> grow(std::size_t plain_size) {
    const auto out = std::span(object_).subspan(size_, plain_size + crypto::tag_size);
    size_ += out.size();
    return out;
  }

  const crypto::PackCipher& cipher_;
  Bytes header_;
  Bytes& object_;
  std::size_t size_ = 0;
  crypto::Sha256 hash_;
};

}  // namespace

std::size_t PackBuilder::bytes_used() const {
  return pack_bytes_used(blocks_.size(), block_bytes_, chunk_count_, extra_.size());
}

bool PackBuilder::has_room_for(const CompressedBlock& block) const {
  const std::size_t chunks = chunk_count_ + block.chunks.size();
  const std::size_t bytes = block_bytes_ + block.bytes.size() + crypto::tag_size;
  return blocks_.size() < pack_blocks_max && chunks <= pack_chunks_max &&
         pack_bytes_used(blocks_.size() + 1, bytes, chunks, extra_.size()) <= pack_bytes_max;
}

void PackBuilder::add(CompressedBlock block) {
  for (PackedChunk& chunk : block.chunks) chunk.block = static_cast<std::uint16_t>(blocks_.size());
  block_bytes_ += block.bytes.size() + crypto::tag_size;
  chunk_count_ += block.chunks.size();
  blocks_.push_back(std::move(block));
}

Result<SealedPack> PackBuilder::finish(const crypto::PackKey& key, const SpaceId& space, std::uint32_t epoch, Size size,
                                       Random& random, std::shared_ptr<Bytes> buffer) && {
  const std::size_t used = bytes_used();
  if (used > pack_bytes_max) return fail(Code::Internal, "a pack was filled beyond its size");
  const std::size_t total = padded(used, size);

  PackDirectory directory{kind_, {static_cast<std::uint32_t>(total - used)}, {}, {}, std::move(extra_)};
  directory.blocks.reserve(blocks_.size());
  directory.chunks.reserve(chunk_count_);
  for (CompressedBlock& block : blocks_) {
    directory.blocks.push_back(
        {{static_cast<std::uint32_t>(block.bytes.size() + crypto::tag_size)}, {block.plain_size}});
    directory.chunks.insert(directory.chunks.end(), block.chunks.begin(), block.chunks.end());
    block.chunks = {};
  }
  const Bytes directory_plain = encode(directory);

  const ObjectId id = random.make<ObjectId>();
  const Bytes where = encode(PackWhere{space, id, epoch});
  const Hash salt = crypto::make_pack_salt(key, where, directory_plain, random);
  const crypto::PackCipher cipher(key, where, salt);
  const PackHeader header{.epoch = epoch, .object = id, .salt = salt, .commitment = cipher.commitment()};
  if (!buffer) buffer = std::make_shared<Bytes>();
  buffer->resize(total);
  ObjectWriter object(cipher, encode(header), *buffer);
  for (std::size_t i = 0; i < blocks_.size(); ++i) {
    object.add(static_cast<std::uint32_t>(i), blocks_[i].bytes);
    blocks_[i].bytes = {};  // so that a pack is in memory once, not twice
  }
  object.add_zeros(pad_number, directory.pad.value);
  const PackFoot foot{static_cast<std::uint32_t>(object.size()),
                      static_cast<std::uint32_t>(directory_plain.size() + crypto::tag_size)};
  object.add(directory_number, directory_plain);
  object.add(foot_number, encode(foot));

  const Hash sha256 = object.sha256();
  if (object.size() != total) return fail(Code::Internal, "a pack has another size than was planned");
  SealedPack out{std::move(buffer), {}, {}};
  HF_OK(check_own_pack(key, space, id, *out.object, directory_plain));
  HF_TRY(out.info, info_of(header, directory, out.object->size(), sha256));
  out.chunks = std::move(directory.chunks);
  return out;
}

Status check_own_pack(const crypto::PackKey& key, const SpaceId& space, const ObjectId& id, ByteView object,
                      ByteView directory) {
  const auto read_back = [&]() -> Result<PackDirectory> {
    HF_TRY(const PackHeader header, read_header(object, id));
    HF_TRY(auto opened, open_directory(key, space, header, object.size(), object));
    return std::get<PackDirectory>(std::move(opened));
  };
  const auto opened = read_back();
  if (!opened || !std::ranges::equal(encode(*opened), directory))
    return fail(Code::SelfCheckFailed,
                "a pack that was just made does not open again: this machine's memory, or Holdfast, is at fault",
                id.short_hex(), "nothing of it was sent");
  return {};
}

}  // namespace holdfast::space
