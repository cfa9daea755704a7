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

  // What a server that was put back from an older copy of itself has lost of the log, as far as this device knows (F6).
  struct Lost {
    bool space = false;              // all of it: it did not know the space
    std::uint64_t from = 0, to = 0;  // these entries; 0: none
  };
  // As open(), of a server that may have lost the end of the log: what this device keeps of it is appended again as it
  // is. Forked: the server's log is no beginning of the one that this device has seen. RolledBack: more is lost than
  // this device keeps. What the entries have published and retired is heal.h's.
  static Result<std::unique_ptr<SpaceSession>> open_and_append_lost(Session& session, ListedSpace listed, Lost& lost);
  // A healing that was begun and has not ended: an event of which entries.
  Result<std::optional<Event>> unhealed() const;
  Status note_lost(const Lost& lost, bool done);

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
  // All packs and index objects that a check of all bytes found.
  Status note_damaged(std::vector<ObjectId> objects);
  Result<PackSet> damaged() const;  // the last such note
  // Objects of this account's own segments that the last look, here or in look_for_trouble(), did not find whole: the
  // next index replaces those segments. Of `unknown` the server knows nothing, so that it can't retire them.
  struct LostIndex {
    PackSet bad, unknown;
  };
  [[nodiscard]] const LostIndex& lost_index() const { return lost_index_; }
  // The same of every pack and every index object that the index names, whoever's: what a prune must not rely on.
  struct Trouble {
    PackSet lost;  // packs: not there, with other bytes, or noted as damaged
    PackSet gone;  // packs and index objects: not there
    std::unordered_map<ObjectId, std::uint32_t, FixedBytesHash> sizes;  // of packs that are there, as the server says
    std::vector<ObjectId> retired;  // still there, and named by a valid index: to be brought back
  };
  Result<Trouble> look_for_trouble();
  // An entry that counts, as it was read; nullopt: it is not kept (any more).
  Result<std::optional<api::Entry>> kept_entry(std::uint64_t seq) const;
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

  Status check_counter(const space::Author& author);

  // space_packs.cpp
  void note_index_object(const ObjectId& id, const Hash& sha256, const api::ObjectStatus& object, const PackSet& bad);

  // space_heal.cpp
  Result<std::optional<Hash>> kept_hash(std::uint64_t seq) const;
  std::unexpected<Error> ends_too_early(std::uint64_t server_head);
  Status append_lost(Lost& lost);
  Status append_as_it_is(const api::Entry& entry);
  Result<api::Head::Reply> server_head(Lost& lost);

  // space_commit.cpp
  Result<api::Append::Reply> append(const api::Entry& entry, const api::Position& expect, const Draft& draft);
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
  LostIndex lost_index_;
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
