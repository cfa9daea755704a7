#include "space/keys.h"

namespace holdfast::space {

namespace {

template <class Tag>
crypto::Hmac hmac_for(const SpaceRoot& root, std::string_view purpose, const SpaceId& space) {
  return crypto::Hmac(crypto::derive<Tag>(root, purpose, space.view()));
}

}  // namespace

RootKeys::RootKeys(const SpaceRoot& root, const SpaceId& space)
    : chunk_id(hmac_for<ChunkIdKeyTag>(root, "chunk id", space)),
      chunker(crypto::derive<ChunkerKeyTag>(root, "chunker", space.view())),
      node(hmac_for<NodeKeyTag>(root, "node", space)) {}

EpochKeys::EpochKeys(const EpochSecret& secret, const SpaceId& space, std::uint32_t epoch_number)
    : epoch(epoch_number),
      pack(crypto::derive<crypto::PackKeyTag>(secret, "pack", encode(EpochWhere{space, epoch_number}))),
      index(crypto::derive<crypto::PackKeyTag>(secret, "index", encode(EpochWhere{space, epoch_number}))),
      commit(crypto::derive<CommitKeyTag>(secret, "commit", encode(EpochWhere{space, epoch_number}))),
      members(crypto::derive<MembersKeyTag>(secret, "members", encode(EpochWhere{space, epoch_number}))),
      history(crypto::derive<HistoryKeyTag>(secret, "history", encode(EpochWhere{space, epoch_number}))) {}

}  // namespace holdfast::space
