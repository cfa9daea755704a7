#include "session/live.h"

#include "base/reached.h"
#include "session/publish.h"
#include "space/packer.h"

namespace holdfast::session {

namespace {

constexpr std::uint64_t fold_bytes = 4 * 1024 * 1024;
constexpr std::uint64_t fold_commits = 1000;
constexpr int compression_level = 1;

struct NewChunks {
  std::vector<space::InlineChunk> chunks;
  std::unordered_set<ChunkId, FixedBytesHash> ids;
  std::size_t bytes = 0;
};

// What has been made but not committed is readable too: with_entry reads nodes that an earlier step made.
space::NodeSink sink_into(NewChunks& made, const SpaceSession& space, space::ChunkKind kind) {
  return [&made, &space, kind](const ChunkId& id, Bytes bytes) -> Status {
    if (space.inlined().contains(id) || !made.ids.insert(id).second) return {};
    made.bytes += bytes.size();
    made.chunks.push_back({kind, std::move(bytes)});
    return {};
  };
}

// Everything inline, old and new, as packs of one upload.
Status pack_chunks(SpaceSession& space, Upload& upload, const std::vector<space::InlineChunk>& chunks) {
  for (const auto kind : {space::ChunkKind::data, space::ChunkKind::node}) {
    space::Packer packer(kind == space::ChunkKind::data ? space::PackKind::data : space::PackKind::nodes, "live");
    std::vector<space::ReadyPack> ready;
    for (const space::InlineChunk& chunk : chunks) {
      const ChunkId id = space::chunk_id(space.root_keys().chunk_id, chunk.kind, chunk.bytes);
      if (chunk.kind != kind || upload.has(id)) continue;
      auto block = space::compress_block(chunk.bytes, {{id, 0, {0}, {static_cast<std::uint32_t>(chunk.bytes.size())}}}, compression_level);
      if (auto full = packer.add(std::move(block))) ready.push_back(std::move(*full));
    }
    for (auto& last : packer.finish()) ready.push_back(std::move(last));
    for (auto& pack : ready) {
      HF_TRY(auto sealed, std::move(pack.builder)
                              .finish(space.epoch_keys().pack, space.id(), space.epoch_keys().epoch, pack.size, space.session().doors.random));
      HF_OK(upload.put(std::move(sealed)));
    }
  }
  return upload.settle();
}

// The chunks that stand inline in the space now. Their kind is found by their id.
Result<std::vector<space::InlineChunk>> inlined_now(const SpaceSession& space) {
  std::vector<space::InlineChunk> out;
  for (const auto& [id, bytes] : space.inlined()) {
    const bool node = space::chunk_id(space.root_keys().chunk_id, space::ChunkKind::node, bytes) == id;
    out.push_back({node ? space::ChunkKind::node : space::ChunkKind::data, bytes});
  }
  return out;
}

}  // namespace

Status change_live(SpaceSession& space, const LiveChange& change) {
  std::unique_ptr<Upload> upload;
  bool unchanged = false;
  const auto make = [&]() -> Result<Draft> {
    HF_OK(space.follow_index());
    SpaceReader reader(space);
    NewChunks made;
    Draft draft;
    draft.state = space.state();
    HF_TRY(draft.state.live_root,
           change(reader, sink_into(made, space, space::ChunkKind::node), sink_into(made, space, space::ChunkKind::data)));
    unchanged = draft.state.live_root == space.state().live_root;
    if (unchanged) return fail(Code::Cancelled, "nothing to change");

    const bool fold = space.inlined_bytes() + made.bytes > fold_bytes || space.inlined_commits() + 1 > fold_commits;
    if (!fold && made.bytes <= space::inline_bytes_max) {
      draft.inlined = std::move(made.chunks);
      return draft;
    }
    std::vector<space::InlineChunk> chunks = std::move(made.chunks);
    if (fold) {
      reached("session: inline changes folded into packs");
      HF_TRY(const auto old, inlined_now(space));
      chunks.insert(chunks.end(), old.begin(), old.end());
      draft.state.inline_floor = space.head().seq + 1;
    }
    if (!upload) {
      HF_TRY(upload, Upload::begin(space, "live"));
    }
    HF_OK(pack_chunks(space, *upload, chunks));
    HF_TRY(auto index, make_index(space, *upload));
    draft.state.index = std::move(index.index);
    draft.state.superseded = std::move(index.superseded);
    draft.retire = std::move(index.retire);
    draft.publish = {upload->id()};
    return draft;
  };
  const auto committed = space.commit(make);
  if (!committed) return unchanged ? Status() : pass_on(committed.error());
  return upload ? upload->published() : Status();
}

}  // namespace holdfast::session
