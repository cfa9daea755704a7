#include "backup/prune_repack.h"

#include <algorithm>

namespace holdfast::backup {

namespace {

constexpr int compression_level = 1;

bool about_this_object(Code code) {
  return code == Code::Missing || code == Code::NotFound || code == Code::Tampered || code == Code::Malformed ||
         code == Code::TooLarge;
}

std::array<std::uint8_t, 16> first_of(const ChunkId& id) {
  std::array<std::uint8_t, 16> out{};
  std::copy_n(id.bytes.begin(), out.size(), out.begin());
  return out;
}

}  // namespace

// Nothing: it is not there as it was stored.
Result<std::optional<Bytes>> Repack::fetch(const space::PackInfo& info) {
  session::ApiClient::Gets ranges(space_.session().server);
  ranges.submit(group_of(space_.id()), space_.read_key(), info.object, 0, 0);
  auto got = ranges.finish().got;
  if (!got)
    return about_this_object(got.error().code) ? Result<std::optional<Bytes>>(std::nullopt) : pass_on(got.error());
  if (crypto::sha256(got->bytes) != info.sha256) return std::optional<Bytes>();
  return to_bytes(got->bytes);
}

Result<bool> Repack::copy(const PackUse& use) {
  const space::EpochKeys* keys = space_.epoch_keys(use.info.epoch);
  if (keys == nullptr) return false;
  HF_TRY(const auto object, fetch(use.info));
  if (!object) return false;
  const auto header = space::read_header(*object, use.info.object);
  if (!header) return false;
  const auto opened = space::open_directory(keys->pack, space_.id(), *header, object->size(), *object);
  if (!opened) return false;
  const auto* directory = std::get_if<space::PackDirectory>(&*opened);
  if (directory == nullptr || directory->blocks != use.info.blocks || directory->kind != use.info.kind) return false;
  kind_ = use.info.kind;
  auto whole = copy_blocks(use, *object, *directory);
  if (whole && *whole) {
    HF_OK(add_block());
  } else {
    plain_.clear();
    chunks_.clear();
  }
  return whole;
}

Result<bool> Repack::copy_blocks(const PackUse& use, ByteView object, const space::PackDirectory& directory) {
  const auto kind = use.info.kind == space::PackKind::nodes ? space::ChunkKind::node : space::ChunkKind::data;
  const space::PackOpener opener(space_.epoch_keys(use.info.epoch)->pack, space_.id(), use.info);
  const auto offsets = use.info.block_offsets();
  std::size_t next = 0;  // of the directory's chunks, which stand in the order of their blocks
  for (std::size_t block = 0; block < use.info.blocks.size(); ++block) {
    std::vector<space::PackedChunk> wanted;
    for (; next < directory.chunks.size() && directory.chunks[next].block == block; ++next) {
      HF_TRY(const bool take, is_wanted(directory.chunks[next], use));
      if (take) wanted.push_back(directory.chunks[next]);
    }
    if (wanted.empty()) continue;
    const auto plain = opener.open_block(static_cast<std::uint16_t>(block),
                                         object.subspan(offsets[block], use.info.blocks[block].stored.value));
    if (!plain) return false;
    for (const space::PackedChunk& chunk : wanted) {
      const std::size_t offset = chunk.offset.value, length = chunk.length.value;
      if (offset > plain->size() || length > plain->size() - offset) return false;
      const ByteView bytes = ByteView(*plain).subspan(offset, length);
      if (space::chunk_id(space_.root_keys().chunk_id, kind, bytes) != chunk.id) return false;
      const bool full = !chunks_.empty() && (plain_.size() + length > space::block_bytes_joined_max ||
                                             chunks_.size() >= space::block_chunks_max);
      if (full) HF_OK(add_block());
      chunks_.push_back({chunk.id, 0, {static_cast<std::uint32_t>(plain_.size())}, chunk.length});
      append(plain_, bytes);
    }
  }
  return true;
}

Result<bool> Repack::is_wanted(const space::PackedChunk& chunk, const PackUse& use) {
  if (upload_.has(chunk.id) || copied_.contains(chunk.id)) return false;
  if (marks_.is_marked_in(use.segment, chunk.id)) return true;  // whatever stands in older packs, which may be bad
  if (!marks_.needs(first_of(chunk.id))) return false;
  HF_TRY(const bool elsewhere, marks_.stands_elsewhere(first_of(chunk.id), marks_.segments()[use.segment], leaving_));
  return !elsewhere;
}

Status Repack::add_block() {
  if (chunks_.empty()) return {};
  for (const space::PackedChunk& chunk : chunks_) copied_.insert(chunk.id);
  auto full =
      packer().add(space::compress_block(std::exchange(plain_, {}), std::exchange(chunks_, {}), compression_level));
  return full ? seal(*std::move(full)) : Status();
}

Status Repack::seal(space::ReadyPack pack) {
  HF_OK(upload_.make_room());
  HF_TRY(auto sealed, std::move(pack.builder)
                          .finish(space_.epoch_keys().pack, space_.id(), space_.epoch_keys().epoch, pack.size,
                                  space_.session().doors.random));
  return upload_.put(std::move(sealed));
}

Status Repack::finish() {
  for (space::Packer* packer : {&data_, &nodes_})
    for (auto& last : packer->finish()) HF_OK(seal(std::move(last)));
  return upload_.settle();
}

}  // namespace holdfast::backup
