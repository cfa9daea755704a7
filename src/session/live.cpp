#include "session/live.h"

#include "session/publish.h"

namespace holdfast::session {

Result<std::optional<Committed>> change_live(SpaceSession& space, const LiveChange& change) {
  std::unique_ptr<Upload> upload;
  bool unchanged = false;
  const auto make = [&]() -> Result<Draft> {
    HF_OK(space.follow_index());
    SpaceReader reader(space);
    NewChunks chunks(space, reader);
    Draft draft;
    draft.state = space.state();
    HF_TRY(draft.state.live_root, change(chunks));
    unchanged = draft.state.live_root == space.state().live_root;
    if (unchanged) return fail(Code::Cancelled, "nothing to change");

    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload, Upload::begin(space, "live"));
      return {};
    };
    HF_TRY(auto needed, chunks.needed_by({draft.state.live_root}));
    HF_OK(carry(space, std::move(needed), upload, begin_upload, draft));
    return draft;
  };
  const auto committed = space.commit(make);
  if (!committed) {
    if (unchanged) return std::nullopt;
    return pass_on(committed.error());
  }
  if (upload) HF_OK(upload->published());
  return *committed;
}

}  // namespace holdfast::session
