#include "session/live.h"

#include "base/reached.h"
#include "session/publish.h"

namespace holdfast::session {

namespace {

Result<std::optional<Committed>> try_change(SpaceSession& space, const LiveChange& change,
                                            std::unique_ptr<Upload>& upload) {
  const auto make = [&]() -> Result<std::optional<Draft>> {
    HF_OK(space.follow_index());
    SpaceReader reader(space);
    NewChunks chunks(space, reader);
    Draft draft;
    draft.state = space.state();
    HF_TRY(draft.state.live_root, change(chunks));
    if (draft.state.live_root == space.state().live_root) return std::nullopt;

    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload, Upload::begin(space, "live"));
      return {};
    };
    HF_TRY(auto needed, chunks.needed_by({draft.state.live_root}));
    HF_OK(carry(space, std::move(needed), upload, begin_upload, draft));
    return draft;
  };
  HF_TRY(const auto committed, space.commit(make));
  if (upload) HF_OK(committed ? upload->published() : upload->forget());
  return committed;
}

}  // namespace

Result<std::optional<Committed>> change_live(SpaceSession& space, const LiveChange& change) {
  for (bool again = false;; again = true) {
    std::unique_ptr<Upload> upload;
    auto done = try_change(space, change, upload);
    // One that an interrupted change left behind, longer ago than the server keeps it.
    if (done || done.error().code != Code::UploadGone || again || !upload) return done;
    reached("session: live change started over");
    HF_OK(upload->forget());
  }
}

}  // namespace holdfast::session
