#include "session/live.h"

#include "base/reached.h"
#include "session/publish.h"

namespace holdfast::session {

namespace {

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
    HF_TRY(draft.state.live_root, change(reader, sink_into(made, space, space::ChunkKind::node),
                                         sink_into(made, space, space::ChunkKind::data)));
    unchanged = draft.state.live_root == space.state().live_root;
    if (unchanged) return fail(Code::Cancelled, "nothing to change");

    const bool fold = fold_is_due(space, made.bytes);
    if (!fold && made.bytes <= space::inline_bytes_max) {
      draft.inlined = std::move(made.chunks);
      return draft;
    }
    std::vector<space::InlineChunk> chunks = std::move(made.chunks);
    if (fold) {
      reached("session: inline changes folded into packs");
      const auto old = inlined_chunks(space);
      chunks.insert(chunks.end(), old.begin(), old.end());
      draft.state.inline_floor = space.head().seq + 1;
    }
    if (!upload) {
      HF_TRY(upload, Upload::begin(space, "live"));
    }
    HF_OK(put_chunks(space, *upload, chunks));
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
