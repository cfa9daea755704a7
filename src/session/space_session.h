// One space, opened by one verb: its keys, its verified head, its index, and the way to add a commit.
#pragma once

#include "session/index_cache.h"
#include "space/commit.h"

namespace holdfast::session {

struct SpaceName {
  SpaceId space;
  std::string name;
};
// How an account finds and opens a space.
struct ListedSpace {
  SpaceName named;
  space::SlotKey slot_key;
  space::Role role = space::Role::reader;
};

// What a commit is to change. Made anew from the head after every lost race.
struct Draft {
  space::CommitKind kind = space::CommitKind::content;
  space::SpaceState state;
  std::vector<space::InlineChunk> inlined;
  std::vector<UploadId> publish;
  std::vector<ObjectId> retire, unretire;
};
struct Committed {
  std::uint64_t seq = 0;
  Hash hash;
};

class SpaceSession {
 public:
  // Reads what is new since this device last looked, and verifies it. RolledBack, Forked, Tampered, NotAuthorized. What
  // other verbs of this process have read meanwhile counts as seen.
  static Result<std::unique_ptr<SpaceSession>> open(Session& session, ListedSpace listed);

  Status refresh();

  // `make` is called with this at its head, and again whenever somebody else was faster; a commit whose answer was lost
  // is found in the log and never made twice. nullopt: `make` saw nothing to commit. UploadGone: begin a new upload.
  Result<std::optional<Committed>> commit(const std::function<Result<std::optional<Draft>>()>& make);

  [[nodiscard]] const SpaceId& id() const { return listed_.named.space; }
  [[nodiscard]] const SpaceName& named() const { return listed_.named; }
  [[nodiscard]] const space::SpaceState& state() const { return state_; }
  [[nodiscard]] const api::Position& head() const { return head_; }
  [[nodiscard]] std::uint64_t prunes_seen() const { return prunes_seen_; }  // since open()
  [[nodiscard]] const std::vector<Alarm>& alarms() const { return alarms_; }
  [[nodiscard]] const space::RootKeys& root_keys() const { return *root_keys_; }
  [[nodiscard]] const space::EpochKeys& epoch_keys() const { return *epochs_.back(); }  // the newest: for sealing
  [[nodiscard]] const space::EpochKeys* epoch_keys(std::uint32_t epoch) const;          // nullptr: no such epoch
  [[nodiscard]] const crypto::Ed25519Key& read_key() const { return *read_; }
  [[nodiscard]] const crypto::Ed25519Key& write_key() const { return *write_; }  // REQUIRES: may_write()
  [[nodiscard]] bool may_write() const { return write_ != nullptr; }
  [[nodiscard]] bool may_maintain() const { return maintain_ != nullptr; }
  [[nodiscard]] const space::SpaceSecrets& secrets() const { return *secrets_; }
  // The newest key boxes: the object's id, and the bytes that this device keeps.
  [[nodiscard]] Result<std::pair<ObjectId, Bytes>> boxes() const;
  [[nodiscard]] IndexCache& index() { return index_; }  // follow_index() first
  Status follow_index();
  // The same of segments that an earlier commit named, beside the index of the head: the server must still have them.
  Status open_past_index(const std::vector<space::SegmentRef>& refs, IndexCache& past);
  // How many packs of this account's own the server says it has no more, or note_damaged() was given; what they held is
  // not known any more, and is sent again by whoever has it. Of a very large space the server is asked for a part,
  // another one each time.
  Result<std::size_t> look_for_packs();
  Status note_damaged(std::vector<ObjectId> packs);  // all that a check of all bytes found
  Result<PackSet> damaged() const;                   // the last such note
  // The same of every pack and every index object that the index names, whoever's: what a prune must not rely on.
  struct Trouble {
    PackSet lost;                   // packs: not there, with other bytes, or noted as damaged
    PackSet gone;                   // packs and index objects: not there
    std::vector<ObjectId> retired;  // still there, and named by a valid index: to be brought back
  };
  Result<Trouble> look_for_trouble();
  // Asks for any number, in calls of 1,024, and visits what the server says of each, in the order of the ids.
  Status stat(std::span<const ObjectId> ids,
              const std::function<void(std::size_t i, const api::ObjectStatus& object)>& visit);
  // When something that the index leads to is not there or not what it must be: whether the index on this device was
  // damaged, and is whole again. Looks once; what index() gave before is gone when it was.
  Result<bool> recheck_index();
  [[nodiscard]] const std::unordered_map<ChunkId, Bytes, FixedBytesHash>& inlined() const { return inlined_; }
  [[nodiscard]] std::uint64_t inlined_commits() const { return inlined_commits_; }
  [[nodiscard]] std::uint64_t inlined_bytes() const { return inlined_bytes_; }
  [[nodiscard]] Session& session() const { return session_; }

 private:
  SpaceSession(Session& session, ListedSpace listed) : session_(session), listed_(std::move(listed)) {}
  Result<bool> load();  // false: this device has never opened it
  Result<bool> load_view();
  Result<bool> has_entries_above_head();
  Status load_inlined();
  Status open_first();
  Status use_secrets(space::SpaceSecrets secrets);
  [[nodiscard]] std::string key(std::string_view kind) const;
  [[nodiscard]] space::IndexKeys index_keys() const;

  // space_log.cpp
  Status read_on();
  Status take(const api::Entry& entry);
  Status check_position(const api::Entry& entry) const;
  Status store(const api::Entry& entry, const space::CommitPlain* valid, const Alarm* alarm);
  Status catch_up(const api::Position& own);
  Status check_kept(const api::Position& own);
  Status count_prunes(std::uint64_t from, std::uint64_t to);

  // space_commit.cpp
  Result<api::Append::Reply> append(const api::Entry& entry, const Draft& draft);
  Status drop_intents();

  Session& session_;
  ListedSpace listed_;
  std::unique_ptr<space::SpaceSecrets> secrets_;
  std::unique_ptr<space::RootKeys> root_keys_;
  std::vector<std::unique_ptr<space::EpochKeys>> epochs_;
  std::unique_ptr<crypto::Ed25519Key> read_, write_, maintain_, admin_;
  ObjectId boxes_;

  std::optional<Bytes> view_;  // as it stands in the local state: another verb of this process may move it on
  api::Position head_;         // the last entry that was read
  bool empty_ = true;          // nothing was read yet
  space::SpaceState state_;    // of the last valid commit
  std::int64_t checkpoint_time_ns_ = 0;
  std::vector<Alarm> alarms_;
  IndexCache index_;
  bool index_rechecked_ = false;
  std::unordered_map<ChunkId, Bytes, FixedBytesHash> inlined_;
  std::uint64_t inlined_commits_ = 0, inlined_bytes_ = 0;
  std::uint64_t prunes_seen_ = 0;
  std::size_t voids_seen_ = 0;
};

// Makes a space that this account owns, on server and device. The name is not yet in the home space: spaces.h does
// that.
Result<ListedSpace> make_and_store_space(Session& session, const space::SpaceSeed& seed, std::string name);

}  // namespace holdfast::session
