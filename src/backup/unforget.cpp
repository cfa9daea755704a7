#include "backup/unforget.h"

#include <algorithm>
#include <map>

#include "base/reached.h"
#include "session/new_chunks.h"
#include "session/past.h"
#include "session/publish.h"
#include "space/tree_mark.h"

namespace holdfast::backup {

namespace {

constexpr int starts_max = 5;
constexpr std::size_t batch_packs_max = 1000;  // of one commit, which may bring back 1,024 objects (D21)

bool is_freed(Code code) { return code == Code::Missing || code == Code::NotFound; }

using List = std::map<space::SnapshotId, space::Snapshot>;

// nullopt: a part of it is freed.
Result<std::optional<List>> read_list(session::Past& past, const space::Root& root) {
  List out;
  const auto read = space::for_each_entry<space::Snapshot>(past, root, [&](space::Snapshot&& one) -> Result<bool> {
    out.emplace(one.id, std::move(one));
    return true;
  });
  if (read) return out;
  if (!is_freed(read.error().code)) return pass_on(read.error());
  return std::nullopt;
}

Result<std::vector<ForgottenSnapshot>> list(session::Past& past) {
  std::map<space::SnapshotId, ForgottenSnapshot> forgotten;
  List before;
  for (const auto& [seq, time_ns, root] : past.snapshots_roots()) {
    HF_TRY(const auto read, read_list(past, root));
    if (!read) {
      reached("unforget: a list of snapshots that the server has freed");
      continue;
    }
    const bool added = std::ranges::any_of(*read, [&](const auto& one) { return !before.contains(one.first); });
    for (const auto& [id, snapshot] : *read) forgotten.erase(id);
    for (auto& [id, snapshot] : before) {
      if (read->contains(id) || (snapshot.partial && added)) continue;
      ForgottenSnapshot one{std::move(snapshot), time_ns, std::nullopt};
      const auto prune = std::ranges::find_if(past.prunes(), [&](const auto& other) { return other.seq > seq; });
      if (prune != past.prunes().end()) one.pruned_ns = prune->time_ns;
      forgotten.insert_or_assign(id, std::move(one));
    }
    before = *read;
  }
  std::vector<ForgottenSnapshot> out;
  out.reserve(forgotten.size());
  for (auto& [id, one] : forgotten) out.push_back(std::move(one));
  std::ranges::sort(out, {}, [](const auto& one) { return std::tuple(one.snapshot.seq, one.snapshot.id); });
  return out;
}

class Unforget {
 public:
  Unforget(session::SpaceSession& space, const UnforgetOptions& options, UnforgetReport& report)
      : space_(space),
        options_(options),
        report_(report),
        pace_(space.session().doors.clock, options.progress != nullptr) {}

  Status go() {
    HF_OK(plan());
    if (options_.dry_run) {
      HF_TRY(const auto all, past_->returning(packs_));
      tell_of(all);
      return {};
    }
    while (!wanted_.empty()) HF_OK(step());
    return {};
  }

  void forget_upload() {
    if (upload_ && !upload_->forget()) reached("unforget: list of a dead upload stays");
  }

 private:
  // What has to be done, from the space's head.
  Status plan() {
    planned_ = space_.head();
    HF_TRY(past_, session::Past::read(space_));
    HF_OK(choose());
    packs_.clear();
    space::ChunkSet nodes;
    for (const space::Snapshot& snapshot : wanted_) {
      const auto marked = space::mark_tree(*past_, snapshot.root, nodes, [&](space::ChunkKind kind, const ChunkId& id) {
        tell(kind);
        return need(id);
      });
      if (marked) continue;
      if (!is_freed(marked.error().code)) return pass_on(marked.error());
      return fail(
          Code::NotFound,
          "the snapshot can't be brought back: the server's grace is over, and a part of what only it needed is "
          "freed",
          snapshot.id.short_hex(), "all snapshots that the space lists");
    }
    return {};
  }

  Status choose() {
    HF_TRY(const auto now, list_snapshots(space_));
    HF_TRY(const auto forgotten, list(*past_));
    std::vector<space::Snapshot> all;
    all.reserve(forgotten.size() + now.size());
    for (const ForgottenSnapshot& one : forgotten) all.push_back(one.snapshot);
    all.insert(all.end(), now.begin(), now.end());
    wanted_.clear();
    report_.there.clear();
    for (const std::string& id : options_.ids) {
      if (id == latest_snapshot)
        return fail(Code::InvalidArgument, "a forgotten snapshot is named by at least 4 characters of its id", id);
      auto found = find_snapshot(all, id);
      if (!found && found.error().code == Code::NotFound)
        return fail(Code::NotFound,
                    "no snapshot of this id was forgotten, or the server's grace is over and has freed it",
                    printable(id));
      if (!found) return pass_on(found.error());
      const bool there = std::ranges::any_of(now, [&](const space::Snapshot& one) { return one.id == found->id; });
      auto& into = there ? report_.there : wanted_;
      if (std::ranges::find(into, found->id, &space::Snapshot::id) == into.end()) into.push_back(*std::move(found));
    }
    return {};
  }

  Status need(const ChunkId& id) {
    if (past_->stands_now(id)) return {};
    const auto pack = past_->kept_pack(id);
    if (!pack) return fail(Code::Missing, "the server has freed a chunk that is needed", "chunk " + id.short_hex());
    packs_.insert(*pack);
    return {};
  }

  // One commit: the packs of a batch, and with the last of them the snapshots.
  Status step() {
    session::Past::Returning batch;
    bool last = false;
    HF_TRY(const auto committed, space_.commit([&]() -> Result<std::optional<session::Draft>> {
      if (space_.head() != planned_) {
        reached("unforget: planned anew at another head");
        HF_OK(plan());
      }
      if (wanted_.empty()) return std::nullopt;  // somebody else was faster
      return draft(batch, last);
    }));
    if (!committed) return {};
    tell_of(batch);
    if (upload_) HF_OK(upload_->published());
    upload_.reset();
    if (last) {
      report_.snapshots = std::move(wanted_);
      wanted_.clear();
    }
    return {};
  }

  Result<session::Draft> draft(session::Past::Returning& batch, bool& last) {
    session::PackSet packs;
    for (const ObjectId& pack : packs_)
      if (packs.size() < batch_packs_max) packs.insert(pack);
    last = packs.size() == packs_.size();
    HF_TRY(batch, past_->returning(packs));
    session::Draft out;
    out.kind = space::CommitKind::snapshot;
    out.state = space_.state();
    std::vector<space::InlineChunk> nodes;
    if (last) {
      session::NewChunks chunks(space_, *past_);
      for (const space::Snapshot& snapshot : wanted_) {
        HF_TRY(out.state.snapshots_root,
               space::with_snapshot(chunks, space_.root_keys(), chunks.sink(space::ChunkKind::node),
                                    out.state.snapshots_root, snapshot, {}));
      }
      HF_TRY(nodes, chunks.needed_by({out.state.snapshots_root}));
    }
    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload_, session::Upload::begin(space_, "unforget"));
      return {};
    };
    HF_OK(session::carry(space_, std::move(nodes), upload_, begin_upload, out, batch.segment));
    out.unretire = batch.retired;
    std::ranges::sort(out.unretire);
    return out;
  }

  void tell_of(const session::Past::Returning& packs) {
    report_.packs_brought_back += packs.retired.size();
    report_.bytes_stored += packs.bytes;
    if (options_.dry_run) report_.snapshots = wanted_;
  }
  void tell(space::ChunkKind kind) {
    if (kind != space::ChunkKind::node) return;
    ++counters_.files;
    if (pace_.due()) options_.progress(counters_);
  }

  session::SpaceSession& space_;
  const UnforgetOptions& options_;
  UnforgetReport& report_;
  Pace pace_;
  Counters counters_;
  api::Position planned_;
  std::unique_ptr<session::Past> past_;
  std::vector<space::Snapshot> wanted_;
  session::PackSet packs_;
  std::unique_ptr<session::Upload> upload_;
};

}  // namespace

Result<std::vector<ForgottenSnapshot>> list_forgotten(session::SpaceSession& space) {
  HF_TRY(const auto past, session::Past::read(space));
  return list(*past);
}

Result<UnforgetReport> run_unforget(session::SpaceSession& space, const UnforgetOptions& options) {
  UnforgetReport report;
  for (int tries = 1;; ++tries) {
    Unforget unforget(space, options, report);
    const Status done = unforget.go();
    if (done) return report;
    if (done.error().code != Code::UploadGone || tries == starts_max) return pass_on(done.error());
    reached("unforget: started over");
    unforget.forget_upload();
  }
}

}  // namespace holdfast::backup
