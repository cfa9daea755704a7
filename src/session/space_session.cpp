#include "session/space_session.h"

#include <algorithm>

#include "session/space_records.h"

namespace holdfast::session {

namespace {

std::unique_ptr<crypto::Ed25519Key> key_from(const std::optional<crypto::Ed25519Seed>& seed) {
  return seed ? std::make_unique<crypto::Ed25519Key>(*seed) : nullptr;
}

}  // namespace

std::string SpaceSession::key(std::string_view kind) const { return "space/" + id().hex() + "/" + std::string(kind); }

const space::EpochKeys* SpaceSession::epoch_keys(std::uint32_t epoch) const {
  return epoch < epochs_.size() ? epochs_[epoch].get() : nullptr;
}

Status SpaceSession::use_secrets(space::SpaceSecrets secrets) {
  if (!secrets.capabilities.read)
    return fail(Code::Tampered, "the space's key boxes hold no read key", id().short_hex());
  root_keys_ = std::make_unique<space::RootKeys>(secrets.root, secrets.space);
  epochs_.clear();
  for (std::uint32_t e = 0; e < secrets.epochs.size(); ++e)
    epochs_.push_back(std::make_unique<space::EpochKeys>(secrets.epochs[e], secrets.space, e));
  read_ = key_from(secrets.capabilities.read);
  write_ = key_from(secrets.capabilities.write);
  maintain_ = key_from(secrets.capabilities.maintain);
  admin_ = key_from(secrets.capabilities.admin);
  secrets_ = std::make_unique<space::SpaceSecrets>(std::move(secrets));
  return {};
}

Result<std::unique_ptr<SpaceSession>> SpaceSession::open(Session& session, ListedSpace listed) {
  std::unique_ptr<SpaceSession> space(new SpaceSession(session, std::move(listed)));
  HF_TRY(const bool seen, space->load());
  if (!seen) HF_OK(space->open_first());
  HF_OK(space->refresh());
  HF_OK(space->drop_intents());
  return space;
}

Result<bool> SpaceSession::load() {
  for (;;) {
    HF_TRY(const bool seen, load_view());
    if (!seen) return false;
    HF_TRY(const bool above, has_entries_above_head());
    if (!above) return true;
    HF_TRY(const auto now, session_.state().get(key("view")));
    if (now == view_)
      return fail(Code::RolledBack, "this device's view of the space is older than what it has read", named().name);
  }
}

// Entries and view are written together: what stands above the view's head was read, and then forgotten.
Result<bool> SpaceSession::has_entries_above_head() {
  bool above = false;
  for (const std::string_view kind : {"entry/", "void/"}) {
    const std::string prefix = key(kind), head = prefix + seq_key(head_.seq);
    HF_OK(session_.state().scan(prefix, [&](std::string_view name, ByteView) { above = above || name > head; }));
  }
  return above;
}

Result<bool> SpaceSession::load_view() {
  HF_TRY(const auto bytes, session_.state().get(key("view")));
  if (!bytes) return false;
  HF_TRY(auto view, decode<View>(*bytes, "this device's view of a space"));
  if (!secrets_ || boxes_ != view.boxes || secrets_->epoch != view.epoch) {
    HF_TRY(const auto boxes, session_.state().get(key("boxes/" + view.boxes.hex())));
    if (!boxes) return fail(Code::Missing, "this device has lost the key boxes of a space", id().short_hex());
    const space::SlotReader reader = session_.account().slot_reader(listed_.slot_key);
    HF_TRY(auto secrets, space::open_epoch(id(), *boxes, reader, nullptr));
    if (secrets.epoch != view.epoch)
      return fail(Code::Malformed, "this device's view of a space does not fit its keys", id().short_hex());
    HF_OK(use_secrets(std::move(secrets)));
  }
  view_ = bytes;
  head_ = view.head;
  empty_ = false;
  boxes_ = view.boxes;
  state_ = std::move(view.state);
  checkpoint_time_ns_ = view.checkpoint_time_ns;
  alarms_ = std::move(view.alarms);
  HF_OK(load_inlined());
  return true;
}

Status SpaceSession::load_inlined() {
  inlined_.clear();
  inlined_commits_ = inlined_bytes_ = 0;
  std::vector<std::pair<std::string, Bytes>> boxes;
  HF_OK(session_.state().scan(key("inlined/"), [&](std::string_view name, ByteView box) {
    boxes.emplace_back(std::string(name), to_bytes(box));
  }));
  for (const auto& [name, box] : boxes) {
    HF_TRY(const Bytes plain, session_.open_local(name, box));
    HF_TRY(auto inlined, decode<InlinedChunks>(plain, "chunks that this device keeps"));
    ++inlined_commits_;
    for (auto& chunk : inlined.chunks) {
      inlined_bytes_ += chunk.bytes.size();
      const ChunkId id = space::chunk_id(root_keys_->chunk_id, chunk.kind, chunk.bytes);
      inlined_.insert_or_assign(id, std::move(chunk.bytes));
    }
  }
  return {};
}

// Everything from the genesis on; the space's id vouches for it.
Status SpaceSession::open_first() {
  // The read capability is in the boxes, and the boxes are on the server: only who made the space, or was given its
  // listing with the boxes, has been here before.
  HF_TRY(const auto boxes, session_.state().get(key("boxes/first")));
  if (!boxes) return fail(Code::NotFound, "this device has no keys of the space", id().short_hex());
  const space::SlotReader reader = session_.account().slot_reader(listed_.slot_key);
  HF_TRY(auto secrets, space::open_epoch(id(), *boxes, reader, nullptr));
  HF_OK(use_secrets(std::move(secrets)));
  return {};
}

Result<std::pair<ObjectId, Bytes>> SpaceSession::boxes() const {
  HF_TRY(auto bytes, session_.state().get(key("boxes/" + boxes_.hex())));
  if (!bytes) return fail(Code::Missing, "this device has lost the key boxes of a space", id().short_hex());
  return std::pair(boxes_, *std::move(bytes));
}

space::IndexKeys SpaceSession::index_keys() const {
  return [this](std::uint32_t epoch) -> const crypto::PackKey* {
    const space::EpochKeys* keys = epoch_keys(epoch);
    return keys == nullptr ? nullptr : &keys->index;
  };
}

Status SpaceSession::follow_index() { return index_.follow(session_, id(), state_, *read_, index_keys()); }

Status SpaceSession::open_past_index(const std::vector<space::SegmentRef>& refs, IndexCache& past) {
  space::SpaceState both;  // what it does not name would be removed from this device
  both.index = refs;
  for (const space::SegmentRef& ref : state_.index)
    if (std::ranges::none_of(refs, [&](const auto& other) { return other.objects == ref.objects; }))
      both.index.push_back(ref);
  return past.follow(session_, id(), both, *read_, index_keys());
}

Result<bool> SpaceSession::recheck_index() {
  if (std::exchange(index_rechecked_, true)) return false;
  return index_.recheck(session_, id(), state_, *read_, index_keys());
}

}  // namespace holdfast::session
