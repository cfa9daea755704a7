// A space's keys (DECISIONS B5): what stays for ever comes from space_root, what an epoch change renews from F_e.
#pragma once

#include "crypto/box.h"
#include "crypto/signature.h"

namespace holdfast::space {

struct SpaceRootTag;
using SpaceRoot = crypto::Secret<SpaceRootTag>;
struct EpochSecretTag;
using EpochSecret = crypto::Secret<EpochSecretTag>;  // F_e
struct ChunkIdKeyTag;
using ChunkIdKey = crypto::Secret<ChunkIdKeyTag>;
struct ChunkerKeyTag;
using ChunkerKey = crypto::Secret<ChunkerKeyTag>;
struct NodeKeyTag;
struct CommitKeyTag;
using CommitKey = crypto::Secret<CommitKeyTag>;
struct MembersKeyTag;
using MembersKey = crypto::Secret<MembersKeyTag>;
struct HistoryKeyTag;
using HistoryKey = crypto::Secret<HistoryKeyTag>;

struct EpochWhere {
  SpaceId space;
  std::uint32_t epoch = 0;
  HOLDFAST_WIRE(space, epoch)
};

// derive(space_root, "chunk id" | "chunker" | "node", space_id)
struct RootKeys {
  RootKeys(const SpaceRoot& root, const SpaceId& space);
  crypto::Hmac chunk_id;  // safe from any thread
  ChunkerKey chunker;
  crypto::Hmac node;
};

// derive(F_e, "pack" | "index" | "commit" | "members" | "history", EpochWhere)
struct EpochKeys {
  EpochKeys(const EpochSecret& secret, const SpaceId& space, std::uint32_t epoch);
  std::uint32_t epoch;
  crypto::PackKey pack, index;  // index: packs of kind index
  CommitKey commit;
  MembersKey members;
  HistoryKey history;
};

}  // namespace holdfast::space
