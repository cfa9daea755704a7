#include "backup/forget.h"

#include <algorithm>

#include "session/publish.h"

namespace holdfast::backup {

namespace {

class Forget {
 public:
  Forget(session::SpaceSession& space, const ForgetOptions& options) : space_(space), options_(options) {}

  Result<std::vector<Judged>> go() {
    HF_TRY(now_, earlier_now(space_.session()));
    HF_OK(judge_all());
    if (options_.dry_run || forgotten().empty()) return std::move(judged_);
    const auto committed = space_.commit([&]() -> Result<std::optional<session::Draft>> {
      HF_OK(judge_all());
      if (forgotten().empty()) return std::nullopt;  // somebody else was faster
      return draft();
    });
    if (!committed) {
      if (committed.error().code == Code::UploadGone && upload_) (void)upload_->forget();
      return pass_on(committed.error());
    }
    if (upload_ && *committed) HF_OK(upload_->published());
    return std::move(judged_);
  }

 private:
  Status judge_all() {
    HF_TRY(auto snapshots, list_snapshots(space_));
    if (options_.ids.empty()) {
      judged_ = judge(options_.rules, dated(std::move(snapshots), now_), now_);
      return {};
    }
    if (named_.empty()) {  // once: "latest" is what it was when it was typed
      for (const std::string& id : options_.ids) {
        HF_TRY(const auto found, find_snapshot(snapshots, id));
        named_.push_back(found.id);
      }
    }
    judged_.clear();
    for (DatedSnapshot& listed : dated(std::move(snapshots), now_)) {
      const bool goes = std::ranges::find(named_, listed.snapshot.id) != named_.end();
      judged_.push_back({std::move(listed), goes ? std::vector<std::string>() : std::vector<std::string>{"not named"}});
    }
    return {};
  }

  [[nodiscard]] std::vector<std::string> forgotten() const {
    std::vector<std::string> keys;
    for (const Judged& judged : judged_)
      if (judged.reasons.empty()) keys.push_back(judged.listed.snapshot.key());
    return keys;
  }

  Result<session::Draft> draft() {
    session::Draft out;
    out.kind = space::CommitKind::snapshot;
    out.state = space_.state();
    session::SpaceReader reader(space_);
    std::vector<space::InlineChunk> nodes;
    const space::NodeSink sink = [&](const ChunkId& id, Bytes node) -> Status {
      if (!space_.inlined().contains(id)) nodes.push_back({space::ChunkKind::node, std::move(node)});
      return {};
    };
    HF_TRY(out.state.snapshots_root,
           space::without_snapshots(reader, space_.root_keys(), sink, space_.state().snapshots_root, forgotten()));
    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload_, session::Upload::begin(space_, "forget"));
      return {};
    };
    HF_OK(session::carry(space_, std::move(nodes), upload_, begin_upload, out));
    return out;
  }

  session::SpaceSession& space_;
  const ForgetOptions& options_;
  std::int64_t now_ = 0;
  std::vector<Judged> judged_;
  std::vector<space::SnapshotId> named_;
  std::unique_ptr<session::Upload> upload_;
};

}  // namespace

Result<std::vector<Judged>> run_forget(session::SpaceSession& space, const ForgetOptions& options) {
  return Forget(space, options).go();
}

}  // namespace holdfast::backup
