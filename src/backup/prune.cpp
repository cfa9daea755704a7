#include "backup/prune.h"

#include <algorithm>

#include "backup/prune_choice.h"
#include "backup/prune_repack.h"
#include "backup/snapshots.h"
#include "base/reached.h"
#include "session/publish.h"

namespace holdfast::backup {

namespace {

constexpr int starts_max = 5;
constexpr std::size_t batch_packs_max = 512;   // beside them a commit retires index objects (D21)
constexpr std::size_t batch_copies_max = 256;  // new packs of one commit: 4 GiB

// More than 30 % of it is dead (F1 P2).
bool is_sparse(const PackUse& use) { return use.bytes_needed * 10 < use.bytes * 7; }

class Prune {
 public:
  Prune(session::SpaceSession& space, const PruneOptions& options, PruneReport& report)
      : space_(space),
        options_(options),
        report_(report),
        pace_(space.session().doors.clock, options.progress != nullptr),
        prunes_expected_(space.prunes_seen()) {}

  Status go(bool again) {
    HF_OK(space_.follow_index());
    // A record that was damaged here would have the wrong pack retired.
    HF_TRY(const bool rebuilt, space_.recheck_index());
    if (rebuilt) reached("prune: a damaged copy of the index was fetched again");
    HF_TRY(trouble_, space_.look_for_trouble());
    marks_.emplace(space_, options_.give_up_lost);
    HF_OK(marks_->take_in([this] { tell(); }));
    HF_OK(plan(again));
    if (options_.dry_run) return {};
    HF_OK(choose_others());
    while (!dead_.empty() || !sparse_.empty() || !brought_back_.empty() || !superseded_.empty()) HF_OK(step());
    tell(true);
    return {};
  }

  void forget_upload() {
    if (upload_ && !upload_->forget()) reached("prune: list of a dead upload stays");
  }

 private:
  void tell(bool now = false) {
    if (!pace_.due(now)) return;
    counters_.files = marks_->nodes();
    options_.progress(counters_);
  }

  // Of the object, with its padding. What the server has lost is no bytes, and none has more than a pack may.
  [[nodiscard]] std::uint64_t object_bytes(const PackUse& use) const {
    const auto told = trouble_.sizes.find(use.info.object);
    return told == trouble_.sizes.end() ? 0 : std::min<std::uint64_t>(told->second, space::pack_bytes_max);
  }

  Status plan(bool again) {
    HF_TRY(auto uses, marks_->uses());
    HF_TRY(const auto snapshots, list_snapshots(space_));
    std::vector<SparsePack> sparse;
    PackSet sparse_ids;
    PruneReport found;
    for (PackUse& use : uses) {
      ++found.packs;
      found.bytes_stored += object_bytes(use);
      const bool lost = trouble_.lost.contains(use.info.object);
      if (use.chunks_needed == 0) {
        if (lost) ++found.packs_lost;
        dead_.push_back(std::move(use));
      } else if (use.own && !lost && is_sparse(use)) {
        sparse_ids.insert(use.info.object);
        const std::uint64_t bytes = object_bytes(use);
        sparse.push_back({std::move(use), bytes, {}});
      }
    }
    HF_TRY(auto needed, marks_->needed_in(sparse_ids));
    for (SparsePack& pack : sparse) pack.needed = std::move(needed[pack.use.info.object]);
    auto choice = choose_packs_to_copy(
        std::move(sparse),
        {.bytes_max = options_.repack_bytes_max - std::min(options_.repack_bytes_max, report_.bytes_copied),
         .dead = dead_.size(),
         .commit_packs_max = batch_packs_max,
         .commit_copies_max = batch_copies_max});
    for (SparsePack& pack : choice.packs) sparse_.push_back(std::move(pack.use));
    for (const auto* packs : {&dead_, &sparse_})
      for (const PackUse& use : *packs) leaving_.insert(use.info.object);
    report_.packs_left = choice.passed_over;
    report_.chunks_lost = marks_->chunks_lost();
    report_.versions_lost = marks_->versions_lost();
    if (options_.dry_run) {
      report_.packs_dead = dead_.size();
      report_.packs_repacked = sparse_.size();
      for (const auto* packs : {&dead_, &sparse_})
        for (const PackUse& use : *packs) report_.bytes_retired += object_bytes(use);
      report_.bytes_copied = choice.bytes_new;
    }
    if (again) return {};
    report_.snapshots = snapshots.size();
    report_.packs = found.packs;
    report_.bytes_stored = found.bytes_stored;
    report_.packs_lost = found.packs_lost;
    return {};
  }

  // What is not about packs of the index: what a void entry retired though it is needed (D8), and segments that a plain
  // writer has merged away (D19).
  Status choose_others() {
    brought_back_.assign(trouble_.retired.begin(), trouble_.retired.end());
    std::vector<ObjectId> ids;
    for (const space::SegmentRef& ref : space_.state().superseded)
      for (const auto& object : ref.objects)
        if (ids.size() < batch_packs_max / 2) ids.push_back(object.id);
    if (ids.empty()) return {};
    HF_OK(space_.stat(ids, [&](std::size_t i, const api::ObjectStatus& object) {
      if (object.state == api::ObjectState::live) superseded_.push_back(ids[i]);
    }));
    superseded_done_ = std::move(ids);
    return {};
  }

  // One commit.
  Status step() {
    HF_TRY(upload_, session::Upload::begin(space_, "prune"));
    std::vector<PackUse> batch;
    std::uint64_t freed = 0;  // by copying
    // First all is brought back that is needed: the marks count it as there.
    const std::size_t packs_max = brought_back_.empty() ? batch_packs_max : 0;
    while (!dead_.empty() && batch.size() < packs_max) {
      batch.push_back(std::move(dead_.back()));
      dead_.pop_back();
    }
    const std::size_t whole = batch.size();
    Repack repack(space_, *upload_, *marks_, leaving_);
    while (!sparse_.empty() && batch.size() < packs_max && upload_->objects() < batch_copies_max) {
      PackUse use = std::move(sparse_.back());
      sparse_.pop_back();
      HF_TRY(const bool copied, repack.copy(use));
      if (!copied) {
        ++report_.packs_damaged;
        continue;
      }
      counters_.bytes += object_bytes(use);
      freed += object_bytes(use);
      tell();
      batch.push_back(std::move(use));
    }
    HF_OK(repack.finish());
    std::uint64_t copied = upload_->bytes_put();
    if (batch.size() > whole && copied >= freed) {
      // What is needed of them is harder to compress than the rest: they stay as they are.
      reached("prune: copies that would free nothing are dropped");
      batch.resize(whole);
      copied = 0;
      HF_OK(upload_->forget());
      HF_TRY(upload_, session::Upload::begin(space_, "prune"));
    }
    if (batch.empty() && brought_back_.empty() && superseded_.empty()) {  // nothing of it could be copied
      HF_OK(upload_->forget());
      upload_.reset();
      return {};
    }

    PackSet left;
    HF_OK(space_.commit([&] { return draft(batch, left); }));
    ++prunes_expected_;
    ++report_.commits;
    report_.bytes_copied += copied;
    const std::size_t back = std::min(brought_back_.size(), api::append_objects_max);
    report_.objects_brought_back += back;
    brought_back_.resize(brought_back_.size() - back);
    superseded_.clear();
    superseded_done_.clear();
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!left.contains(batch[i].info.object)) continue;
      ++(i < whole ? report_.packs_dead : report_.packs_repacked);
      report_.bytes_retired += object_bytes(batch[i]);
    }
    HF_OK(upload_->published());
    upload_.reset();
    return {};
  }

  Result<session::Draft> draft(const std::vector<PackUse>& batch, PackSet& left) {
    if (space_.prunes_seen() != prunes_expected_)
      return fail(Code::Behind, "the space was pruned by somebody else meanwhile");  // the caller starts over
    HF_OK(marks_->take_in([this] { tell(); }));
    HF_TRY(left, can_leave(batch));
    session::Draft out;
    out.kind = space::CommitKind::prune;
    out.state = space_.state();
    HF_TRY(auto index, session::make_index(space_, *upload_, left));
    out.state.index = std::move(index.index);
    out.state.superseded = std::move(index.superseded);
    out.retire = std::move(index.retire);
    out.retire.insert(out.retire.end(), left.begin(), left.end());
    std::erase_if(out.retire, [&](const ObjectId& object) { return trouble_.gone.contains(object); });
    out.retire.insert(out.retire.end(), superseded_.begin(), superseded_.end());
    std::erase_if(out.state.superseded, [&](const space::SegmentRef& ref) {
      return std::ranges::all_of(ref.objects, [&](const auto& object) {
        return std::ranges::find(superseded_done_, object.id) != superseded_done_.end();
      });
    });
    std::ranges::sort(out.retire);
    out.unretire.assign(
        brought_back_.end() - static_cast<std::ptrdiff_t>(std::min(brought_back_.size(), api::append_objects_max)),
        brought_back_.end());
    std::erase_if(out.unretire, [&](const ObjectId& object) { return std::ranges::binary_search(out.retire, object); });
    out.publish = {upload_->id()};
    return out;
  }

  // Those of the batch that are in the index as it is now, and of which no needed chunk would be without a good place:
  // whatever was planned, and whoever committed what meanwhile.
  Result<PackSet> can_leave(const std::vector<PackUse>& batch) const {
    PackSet all, found, needed;
    for (const PackUse& use : batch) all.insert(use.info.object);
    for (const session::OpenSegment& segment : space_.index().segments()) {
      std::vector<std::optional<ObjectId>> leaves(segment.view.packs());
      for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
        if (space::is_retired(segment.ref.retired_packs, i)) continue;
        HF_TRY(const auto pack, segment.view.pack(i));
        if (!all.contains(pack.object)) continue;
        leaves[i] = pack.object;
        found.insert(pack.object);
      }
      if (std::ranges::none_of(leaves, [](const auto& pack) { return pack.has_value(); })) continue;
      for (std::uint64_t r = 0; r < segment.view.records(); ++r) {
        const space::Record record = segment.view.record(r);
        if (record.pack >= leaves.size()) return fail(Code::Malformed, "a local index segment is damaged");
        const auto& pack = leaves[record.pack];
        if (!pack || needed.contains(*pack) || !marks_->needs(record.id)) continue;
        ChunkId id;
        std::ranges::copy(record.id, id.bytes.begin());
        if (segment.own && upload_->has(id)) continue;
        HF_TRY(const bool elsewhere, marks_->stands_elsewhere(record.id, segment, all));
        if (elsewhere) continue;
        needed.insert(*pack);
        reached("prune: a pack that was to go is needed after all");
      }
    }
    std::erase_if(found, [&](const ObjectId& pack) { return needed.contains(pack); });
    return found;
  }

  session::SpaceSession& space_;
  const PruneOptions& options_;
  PruneReport& report_;
  Pace pace_;
  Counters counters_;
  std::uint64_t prunes_expected_;
  session::SpaceSession::Trouble trouble_;
  std::optional<Marks> marks_;
  std::vector<PackUse> dead_, sparse_;
  PackSet leaving_;
  std::vector<ObjectId> brought_back_, superseded_, superseded_done_;
  std::unique_ptr<session::Upload> upload_;
};

}  // namespace

Result<PruneReport> run_prune(session::SpaceSession& space, const PruneOptions& options) {
  if (!space.may_maintain() && !options.dry_run)
    return fail(Code::NotAuthorized, "this account may not retire anything in the space", space.named().name);
  PruneReport report;
  for (int tries = 1;; ++tries) {
    Prune prune(space, options, report);
    const Status done = prune.go(tries > 1);
    if (done) return report;
    const Code code = done.error().code;
    bool again = code == Code::UploadGone || code == Code::Behind;
    if (code == Code::Missing || code == Code::NotFound) {  // of a head that somebody else has pruned since
      const std::uint64_t head = space.head().seq;
      HF_OK(space.refresh());
      again = space.head().seq != head;
    }
    if (!again || tries == starts_max) return pass_on(done.error());
    reached("prune: started over");
    if (done.error().code == Code::UploadGone) prune.forget_upload();
  }
}

}  // namespace holdfast::backup
