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

// Seals one part after the other where it lies, and hashes it while it is still in the processor's cache.
class ObjectWriter {
 public:
  ObjectWriter(const crypto::PackCipher& cipher, Bytes header) : cipher_(cipher), header_(std::move(header)) {
    hash_.update(header_);
    object_.add(header_);
  }
  void add(std::uint32_t number, Bytes part) { object_.add(sealed(number, std::move(part))); }
  // As add(), for a part that the caller joins with others.
  Bytes sealed(std::uint32_t number, Bytes part) {
    const std::size_t size = part.size();
    part.resize(size + crypto::tag_size);
    cipher_.seal(number, header_, ByteView(part).first(size), part);
    hash_.update(part);
    return part;
  }
  [[nodiscard]] std::size_t size() const { return object_.size(); }
  [[nodiscard]] ByteView header() const { return header_; }
  std::shared_ptr<const Pieces> finish(Bytes tail) {
    object_.add(std::move(tail));
    return std::make_shared<const Pieces>(std::move(object_));
  }
  Hash sha256() { return hash_.finish(); }

 private:
  const crypto::PackCipher& cipher_;
  Bytes header_;
  Pieces object_;
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
                                       Random& random) && {
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
  Bytes directory_plain = encode(directory);

  const ObjectId id = random.make<ObjectId>();
  const Bytes where = encode(PackWhere{space, id, epoch});
  // What the salt is hedged with must differ whenever what is sealed does. Of data and nodes the directory has the ids.
  Bytes with_blocks;
  if (kind_ == PackKind::index) {
    with_blocks = directory_plain;
    for (const CompressedBlock& block : blocks_) append(with_blocks, crypto::sha256(block.bytes).view());
  }
  const Hash salt = crypto::make_pack_salt(key, where, with_blocks.empty() ? directory_plain : with_blocks, random);
  const crypto::PackCipher cipher(key, where, salt);
  const PackHeader header{.epoch = epoch, .object = id, .salt = salt, .commitment = cipher.commitment()};
  ObjectWriter object(cipher, encode(header));
  for (std::size_t i = 0; i < blocks_.size(); ++i)
    object.add(static_cast<std::uint32_t>(i), std::move(blocks_[i].bytes));
  object.add(pad_number, Bytes(directory.pad.value));
  const PackFoot foot{static_cast<std::uint32_t>(object.size()),
                      static_cast<std::uint32_t>(directory_plain.size() + crypto::tag_size)};
  // Of many small files a directory has megabytes: it is sealed where it lies, and read back once.
  directory_plain.reserve(directory_plain.size() + crypto::tag_size + pack_foot_bytes);
  Bytes tail = object.sealed(directory_number, std::move(directory_plain));
  append(tail, object.sealed(foot_number, encode(foot)));

  HF_OK(check_own_pack(key, space, id, object.header(), object.size() + tail.size(), tail, directory));
  const Hash sha256 = object.sha256();
  SealedPack out{object.finish(std::move(tail)), {}, {}};
  if (out.object->size() != total) return fail(Code::Internal, "a pack has another size than was planned");
  HF_TRY(out.info, info_of(header, directory, total, sha256));
  out.chunks = std::move(directory.chunks);
  return out;
}

Status check_own_pack(const crypto::PackKey& key, const SpaceId& space, const ObjectId& id, ByteView header,
                      std::size_t object_size, ByteView tail, const PackDirectory& directory) {
  const auto opens_again = [&]() -> Result<bool> {
    HF_TRY(const PackHeader read, read_header(header, id));
    HF_TRY(const auto opened, open_directory(key, space, read, object_size, tail));
    const auto* found = std::get_if<PackDirectory>(&opened);
    return found != nullptr && *found == directory;
  };
  if (!opens_again().value_or(false))
    return fail(Code::SelfCheckFailed,
                "a pack that was just made does not open again: this machine's memory, or Holdfast, is at fault",
                id.short_hex(), "nothing of it was sent");
  return {};
}

}  // namespace holdfast::space
