// The end of a run that goes into the live tree: what it made is laid over what stands there, in one commit.
#include "backup/run.h"
#include "base/reached.h"
#include "session/new_chunks.h"

namespace holdfast::backup {

namespace {

// The nodes of this run, before their commit stands, over those of the space.
class OwnNodes final : public space::ChunkSource {
 public:
  OwnNodes(KeptNodes& kept, space::ChunkSource& below) : kept_(kept), below_(below) {}
  Result<Bytes> chunk(space::ChunkKind kind, const ChunkId& id) override {
    return kept_.has(id) ? kept_.get(id) : below_.chunk(kind, id);
  }
  void prefetch(std::span<const ChunkId> ids) override { below_.prefetch(ids); }

 private:
  KeptNodes& kept_;
  space::ChunkSource& below_;
};

}  // namespace

// What the commit would refuse is refused before anything is read and sent.
Status Run::check_live_place() {
  session::SpaceReader reader(space_);
  space::Root folder = space_.state().live_root;
  if (!options_.into_live->empty()) {
    const auto entry = space::find_path(reader, folder, *options_.into_live);
    if (!entry) return entry.error().code == Code::NotFound ? Status() : pass_on(entry.error());
    if (entry->directory() == nullptr)
      return fail(Code::AlreadyExists, "this is not a folder", printable(*options_.into_live));
    folder = entry->directory()->root;
  }
  for (const auto& [path, name] : roots_) {
    HF_TRY(const auto there, space::find_entry(reader, folder, name));
    const auto stat = doors_.files.stat(path);
    if (!there || !stat || (there->directory() != nullptr) == (stat->type == FileType::directory)) continue;
    return fail(Code::AlreadyExists,
                there->directory() != nullptr ? "a folder stands where something else is to be put"
                                              : "something else stands where a folder is to be put",
                printable(join_path(*options_.into_live, name)));
  }
  return {};
}

Result<std::optional<session::Draft>> Run::live_draft(space::Snapshot& made) {
  HF_OK(check_prunes());
  HF_OK(space_.follow_index());
  session::SpaceReader reader(space_);
  OwnNodes own(*kept_, reader);
  session::NewChunks chunks(space_, own);
  for (const Intake::Held& held : intake_->held()) HF_OK(chunks.sink(held.kind)(held.id, held.bytes));
  const auto nodes = chunks.sink(space::ChunkKind::node);

  session::Draft draft;
  draft.state = space_.state();
  HF_TRY(draft.state.live_root,
         space::with_tree(chunks, space_.root_keys(), nodes, space_.state().live_root, *options_.into_live, made.root));
  const bool makes_good = upload_ && (report_.packs_lost > 0 || !space_.lost_index().bad.empty());
  if (draft.state.live_root == space_.state().live_root && partials_.empty() && !makes_good) return std::nullopt;
  if (!partials_.empty()) {
    draft.kind = space::CommitKind::snapshot;
    HF_TRY(draft.state.snapshots_root,
           space::without_snapshots(chunks, space_.root_keys(), nodes, space_.state().snapshots_root, partials_));
  }
  made.seq = space_.head().seq + 1;
  HF_TRY(auto needed, chunks.needed_by({draft.state.live_root, draft.state.snapshots_root}));
  HF_OK(session::carry(space_, std::move(needed), upload_, [this] { return ensure_upload(); }, draft));
  return draft;
}

Status Run::commit_live(space::Snapshot& made) {
  if (upload_) HF_OK(upload_->settle());
  HF_TRY(const auto committed, space_.commit([&] { return live_draft(made); }));
  if (committed) return published();
  reached("put: all of it stands there already");
  made.seq = 0;
  if (!upload_) return {};
  HF_OK(upload_->forget());
  upload_.reset();
  return {};
}

}  // namespace holdfast::backup
