#include "backup/local_tree.h"

#include "backup/run.h"

namespace holdfast::backup {

Result<Bytes> LocalTree::chunk(space::ChunkKind, const ChunkId& id) {
  if (nodes_->has(id)) return nodes_->get(id);
  return fail(Code::Missing, "a chunk of a folder on disk was asked for", id.short_hex());
}

Result<std::unique_ptr<LocalTree>> Run::read_only() {
  HF_OK(prepare());
  HF_OK(walk_all());
  HF_TRY(const bool same, compare_->finish());
  HF_TRY(const auto made, finish_tree(same));
  auto out = std::make_unique<LocalTree>(std::move(kept_));
  out->problems = std::move(report_);
  HF_TRY(const auto top, space::find_entry(*out, made, roots_.front().second));
  if (!top || top->directory() == nullptr)
    return fail(Code::InvalidArgument, "folders are compared, and this is none", printable(roots_.front().first));
  out->root = top->directory()->root;
  return out;
}

Result<std::unique_ptr<LocalTree>> read_local_tree(session::SpaceSession& space, const Path& path,
                                                   const std::function<void(const Counters&)>& progress,
                                                   Ignores ignores) {
  BackupOptions options;
  options.paths = {path};
  options.never = {space.session().shared.home};
  options.only_read = true;
  options.ignore_files = ignores == Ignores::as_backup;
  options.progress = progress;
  return Run(space, options).read_only();
}

}  // namespace holdfast::backup
