#include "session/heal.h"

#include <algorithm>

#include "base/reached.h"
#include "session/log_reader.h"
#include "session/past.h"
#include "session/publish.h"
#include "session/rolled_back.h"

namespace holdfast::session {

namespace {

constexpr int commits_max = 64;              // of one healing: a server can't make it endless
constexpr std::size_t packs_at_once = 1000;  // that one commit may bring back (D21)

class Healing {
 public:
  Healing(SpaceSession& space, Healed& out) : space_(space), out_(out) {}

  Status go() {
    HF_TRY(unhealed_, space_.unhealed());
    if (unhealed_) HF_OK(Upload::drop_left_behind(space_));  // the server may have forgotten what it had acknowledged
    if (space_.may_write() && space_.may_maintain()) {
      if (unhealed_) HF_OK(read_what_was_retired());
      HF_OK(space_.follow_index());
      note_named();
      for (int commits = 0;; ++commits) {
        if (commits == commits_max)
          return fail(Code::TooLarge, "more is to be healed than one command does: repeat it", space_.named().name,
                      "what was healed so far");
        HF_TRY(const bool committed, step());
        if (!committed) break;
      }
    }
    HF_OK(space_.follow_index());
    HF_OK(space_.look_for_trouble());
    HF_OK(count_missing());
    if (!unhealed_) return {};
    return space_.note_lost({false, unhealed_->from, unhealed_->to}, true);
  }

 private:
  Result<bool> step() {
    Past::Returning returning;
    std::vector<ObjectId> unretired;
    const auto committed = space_.commit([&] { return draft(returning, unretired); });
    if (!committed && committed.error().code == Code::UploadGone && upload_) (void)upload_->forget();
    HF_TRY(const auto done, committed);
    if (!done) return false;
    out_.packs_returned += returning.segment.packs.size();
    if (!returning.segment.packs.empty()) reached("session: packs brought back for what newer ones have lost");
    if (upload_) HF_OK(upload_->published());
    upload_.reset();
    brought_back_.insert(unretired.begin(), unretired.end());
    return true;
  }

  // Made at the head; nullopt: there is nothing (more) to do.
  Result<std::optional<Draft>> draft(Past::Returning& returning, std::vector<ObjectId>& unretired) {
    HF_OK(space_.follow_index());
    HF_TRY(const auto trouble, space_.look_for_trouble());
    HF_OK(expect_what_was_given(trouble));
    HF_TRY(returning, packs_to_return());
    HF_TRY(const auto due, left_to_retire(returning));
    const bool mends = !space_.lost_index().bad.empty();
    if (!mends && returning.segment.packs.empty() && due.empty() && trouble.retired.empty()) return std::nullopt;

    const auto begin_upload = [&]() -> Status {
      HF_TRY(upload_, Upload::begin(space_, "heal"));
      return {};
    };
    if (mends && !upload_) HF_OK(begin_upload());
    Draft out;
    out.state = space_.state();
    HF_OK(carry(space_, {}, upload_, begin_upload, out, returning.segment));
    out_.index_sent = out_.index_sent || mends;
    out.unretire = returning.retired;
    for (const ObjectId& object : trouble.retired)
      if (out.unretire.size() < api::append_objects_max && std::ranges::find(out.retire, object) == out.retire.end())
        out.unretire.push_back(object);
    std::ranges::sort(out.unretire);
    const auto twice = std::ranges::unique(out.unretire);
    out.unretire.erase(twice.begin(), twice.end());
    unretired = out.unretire;
    for (const ObjectId& object : due)
      if (out.retire.size() < api::append_objects_max) out.retire.push_back(object);
    return out;
  }

  // A server that takes index objects and then says that it does not have them would be given them without end.
  Status expect_what_was_given(const SpaceSession::Trouble& trouble) const {
    const auto refuse = [&](const ObjectId& object) {
      reached("session: a server that loses what it is given at once");
      return fail(Code::Tampered, "the server takes what it had lost, and does not have it right afterwards",
                  space_.named().name + ", object " + object.short_hex(), what_this_device_has);
    };
    for (const ObjectId& object : space_.lost_index().bad)
      if (!named_before_.contains(object)) return refuse(object);
    for (const ObjectId& object : trouble.retired)
      if (brought_back_.contains(object)) return refuse(object);
    return {};
  }

  void note_named() {
    for (const OpenSegment& segment : space_.index().segments())
      for (const auto& object : segment.ref.objects) named_before_.insert(object.id);
  }

  // From the server's log, which has the entries again: this device does not keep all of them for ever.
  Status read_what_was_retired() {
    HF_TRY(auto log, CommitReader::near(space_, unhealed_->from));
    return log.read_on([&](const space::CommitBody& commit) -> Status {
      if (commit.seq >= unhealed_->from && commit.seq <= unhealed_->to)
        was_retired_.insert(commit.retire.begin(), commit.retire.end());
      return {};
    });
  }

  // Each record of this account's own whose chunk has no place that is good.
  Status for_each_missing(const std::function<void(const ChunkId& id, const space::PackInfo& pack)>& visit) {
    for (const OpenSegment& segment : space_.index().segments()) {
      if (!segment.own || segment.lost_packs.empty()) continue;
      for (std::uint64_t at = 0; at < segment.view.records(); ++at) {
        const space::Record record = segment.view.record(at);
        if (!space::is_retired(segment.lost_packs, record.pack) ||
            space::is_retired(segment.ref.retired_packs, record.pack))
          continue;
        ChunkId id;
        std::ranges::copy(record.id, id.bytes.begin());
        const bool stands =
            space_.inlined().contains(id) || std::ranges::any_of(space_.index().find(id), [](const FoundChunk& place) {
              return !space::is_retired(place.segment->lost_packs, place.record.pack);
            });
        if (stands) continue;
        HF_TRY(const auto pack, segment.view.pack(record.pack));
        visit(id, pack);
      }
    }
    return {};
  }

  // A prune that the server has lost had copied what stood in old packs into new ones: those are gone, and the old ones
  // are there again.
  Result<Past::Returning> packs_to_return() {
    std::vector<ChunkId> missing;
    HF_OK(for_each_missing([&](const ChunkId& id, const space::PackInfo&) { missing.push_back(id); }));
    if (missing.empty()) return Past::Returning{};
    HF_TRY(const auto past, Past::read(space_));
    PackSet packs;
    for (const ChunkId& id : missing)
      if (const auto pack = past->kept_pack(id); pack && packs.size() < packs_at_once) packs.insert(*pack);
    return packs.empty() ? Past::Returning{} : past->returning(packs);
  }

  Status count_missing() {
    PackSet packs;
    return for_each_missing([&](const ChunkId&, const space::PackInfo& pack) {
      if (!packs.insert(pack.object).second) return;
      ++out_.packs_missing;
      out_.bytes_missing += pack.block_offset(pack.blocks.size());
    });
  }

  // What the lost entries had retired, and nothing names now.
  Result<std::vector<ObjectId>> left_to_retire(const Past::Returning& returning) {
    std::vector<ObjectId> asked, out;
    if (was_retired_.empty()) return out;
    PackSet named;
    for (const space::PackInfo& pack : returning.segment.packs) named.insert(pack.object);
    for (const OpenSegment& segment : space_.index().segments()) {
      for (const auto& object : segment.ref.objects) named.insert(object.id);
      for (std::uint32_t i = 0; i < segment.view.packs(); ++i) {
        if (space::is_retired(segment.ref.retired_packs, i)) continue;
        HF_TRY(const auto pack, segment.view.pack(i));
        named.insert(pack.object);
      }
    }
    for (const ObjectId& object : was_retired_)
      if (named.insert(object).second) asked.push_back(object);
    std::ranges::sort(asked);
    HF_OK(space_.stat(asked, [&](std::size_t i, const api::ObjectStatus& object) {
      if (object.state == api::ObjectState::live) out.push_back(asked[i]);
    }));
    return out;
  }

  SpaceSession& space_;
  Healed& out_;
  std::optional<Event> unhealed_;
  PackSet named_before_;  // index objects, before this healing
  PackSet was_retired_;   // by the entries that were lost
  PackSet brought_back_;  // by this healing
  std::unique_ptr<Upload> upload_;
};

Result<std::unique_ptr<SpaceSession>> heal(Session& session, ListedSpace listed, Healed& out) {
  out.space = listed.named.name;
  HF_TRY(auto space, SpaceSession::open_and_append_lost(session, std::move(listed), out.lost));
  HF_OK(Healing(*space, out).go());
  return space;
}

}  // namespace

// The home space first: it leads to all others.
Result<std::vector<Healed>> heal_spaces(Session& session) {
  std::vector<Healed> out(1);
  HF_OK(finish_home(session));
  auto home = heal(session, listed_home(session.account()), out.front());
  if (!home) return pass_on(home.error());
  HF_TRY(auto listed, read_listings(**home));
  for (ListedSpace& one : listed) {
    Healed& healed = out.emplace_back();
    if (const auto space = heal(session, std::move(one), healed); !space) healed.error = space.error();
  }
  return out;
}

}  // namespace holdfast::session
