#include "session/live.h"

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

    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload, Upload::begin(space, "live"));
      return {};
    };
    HF_OK(carry(space, std::move(made.chunks), upload, begin_upload, draft));
    return draft;
  };
  const auto committed = space.commit(make);
  if (!committed) return unchanged ? Status() : pass_on(committed.error());
  return upload ? upload->published() : Status();
}

}  // namespace holdfast::session
