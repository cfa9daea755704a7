#include "session/reader.h"

#include <algorithm>

namespace holdfast::session {

namespace {

constexpr std::size_t asked_max = 4;

std::string describe(const space::PackInfo& pack, std::uint16_t block) {
  return "pack " + pack.object.short_hex() + ", block " + std::to_string(block);
}

// What a wrong place in an index can end in.
bool may_be_the_index(Code code) {
  return code == Code::Tampered || code == Code::Malformed || code == Code::Missing || code == Code::NotFound ||
         code == Code::TooLarge;
}

}  // namespace

SpaceReader::SpaceReader(SpaceSession& space, std::size_t cache_bytes)
    : space_(space), cache_bytes_max_(cache_bytes), gets_(space.session().server) {}

SpaceReader::SpaceReader(SpaceSession& space, const IndexCache& index) : SpaceReader(space) { other_index_ = &index; }

void SpaceReader::forget_blocks() {
  cache_.clear();
  ages_.clear();
  failed_.clear();
  cache_bytes_ = 0;
}

Result<space::PackInfo> SpaceReader::pack_of(const FoundChunk& place) const {
  HF_TRY(auto pack, place.segment->view.pack(place.record.pack));
  if (place.record.block >= pack.blocks.size())
    return fail(Code::Malformed, "an index names a block that its pack doesn't have",
                describe(pack, place.record.block));
  return pack;
}

RequestId SpaceReader::ask(const space::PackInfo& pack, std::uint16_t number) {
  const auto offset = static_cast<std::uint32_t>(pack.block_offset(number));
  return gets_.submit(group_of(space_.id()), space_.read_key(), pack.object, offset, pack.blocks[number].stored.value);
}

Result<std::shared_ptr<const Bytes>> SpaceReader::open(const space::PackInfo& pack, std::uint16_t number,
                                                       ByteView sealed) {
  const space::EpochKeys* keys = space_.epoch_keys(pack.epoch);
  if (keys == nullptr)
    return fail(Code::Tampered, "a pack names an epoch that the space never had", describe(pack, number));
  const space::PackOpener opener(keys->pack, space_.id(), pack);
  auto plain = opener.open_block(number, sealed);
  if (!plain) {
    plain.error().object = describe(pack, number);
    return pass_on(std::move(plain).error());
  }
  return std::make_shared<const Bytes>(*std::move(plain));
}

void SpaceReader::keep(const BlockKey& key, std::shared_ptr<const Bytes> plain) {
  cache_bytes_ += plain->size();
  ages_.push_back(key);
  cache_[key] = {std::move(plain), std::prev(ages_.end())};
  while (cache_bytes_ > cache_bytes_max_ && cache_.size() > 1) {
    const auto oldest = cache_.find(ages_.front());
    cache_bytes_ -= oldest->second.plain->size();
    cache_.erase(oldest);
    ages_.pop_front();
  }
}

void SpaceReader::receive_one() {
  auto [request, got] = gets_.finish();
  const Wanted wanted = std::move(asked_.extract(request).mapped());
  auto plain = got ? open(wanted.pack, wanted.key.second, got->bytes)
                   : Result<std::shared_ptr<const Bytes>>(pass_on(std::move(got).error()));
  if (plain) {
    keep(wanted.key, *std::move(plain));
  } else {
    failed_.insert_or_assign(wanted.key, std::move(plain).error());
  }
}

Result<std::shared_ptr<const Bytes>> SpaceReader::block(const space::PackInfo& pack, std::uint16_t number) {
  const BlockKey key{pack.sha256, number};
  const auto asked = [&] {
    return std::ranges::any_of(asked_, [&](const auto& wanted) { return wanted.second.key == key; });
  };
  if (!cache_.contains(key) && !asked()) {
    failed_.erase(key);
    asked_.emplace(ask(pack, number), Wanted{key, pack});
  }
  while (!cache_.contains(key) && !failed_.contains(key)) receive_one();
  if (const auto failed = failed_.find(key); failed != failed_.end()) return pass_on(failed->second);
  Block& found = cache_.at(key);
  ages_.splice(ages_.end(), ages_, found.age);
  return found.plain;
}

void SpaceReader::prefetch(std::span<const ChunkId> ids) {
  for (const ChunkId& id : ids) {
    if (asked_.size() >= asked_max) return;
    if (space_.inlined().contains(id)) continue;
    const auto places = index().find(id);
    if (places.empty()) continue;
    const auto pack = pack_of(places.front());
    if (!pack) continue;
    const BlockKey key{pack->sha256, places.front().record.block};
    const bool asked = std::ranges::any_of(asked_, [&](const auto& wanted) { return wanted.second.key == key; });
    if (!asked && !cache_.contains(key)) asked_.emplace(ask(*pack, key.second), Wanted{key, *pack});
  }
}

Result<Bytes> SpaceReader::chunk_at(space::ChunkKind kind, const ChunkId& id, const FoundChunk& place) {
  HF_TRY(const auto pack, pack_of(place));
  HF_TRY(const auto plain, block(pack, place.record.block));
  const std::size_t offset = place.record.offset.value, length = place.record.length.value;
  if (offset > plain->size() || length > plain->size() - offset)
    return fail(Code::Malformed, "an index names bytes that a block doesn't have", describe(pack, place.record.block));
  const ByteView bytes = ByteView(*plain).subspan(offset, length);
  if (space::chunk_id(space_.root_keys().chunk_id, kind, bytes) != id)
    return fail(Code::Tampered,
                "a chunk is not what its id says; the index that names it is by account " +
                    place.segment->ref.account.short_hex(),
                describe(pack, place.record.block));
  return to_bytes(bytes);
}

Result<Bytes> SpaceReader::chunk(space::ChunkKind kind, const ChunkId& id) {
  auto bytes = find_chunk(kind, id);
  if (bytes || other_index_ != nullptr || !may_be_the_index(bytes.error().code)) return bytes;
  HF_TRY(const bool rebuilt, space_.recheck_index());
  if (!rebuilt) return bytes;
  while (!asked_.empty()) receive_one();
  forget_blocks();
  return find_chunk(kind, id);
}

Result<Bytes> SpaceReader::find_chunk(space::ChunkKind kind, const ChunkId& id) {
  if (const auto inlined = space_.inlined().find(id); inlined != space_.inlined().end()) return inlined->second;
  std::optional<Error> first;
  for (const FoundChunk& place : index().find(id)) {
    auto bytes = chunk_at(kind, id, place);
    if (bytes) return bytes;
    if (!first) first = std::move(bytes).error();
  }
  if (first) return pass_on(*std::move(first));
  return fail(Code::Missing, "the space's index does not know a chunk that is needed", "chunk " + id.short_hex());
}

}  // namespace holdfast::session
