// Commits: the signed, sealed links of a space's log (DESIGN section 4; DECISIONS A2, A4, B3, D9, D22, M2).
//
// What the server stores as an entry's blob is SealedCommit: the epoch's number and where its boxes are, in clear, and
// a box.
#pragma once

#include "space/members.h"
#include "space/state.h"

namespace holdfast::space {

struct Author {
  AccountId account;
  DeviceId device;
  std::uint64_t n = 0;  // newest link of its own chain that the author knew
  Hash link;
  std::uint64_t counter = 0;  // of this device, over all its commits; never twice (D22)
  HOLDFAST_WIRE(account, device, n, link, counter)
};
struct Observed {  // a member's chain that advanced (A4)
  AccountId account;
  std::uint64_t n = 0;
  Hash link;
  Opaque<4096> proof;
  HOLDFAST_WIRE(account, n, link, proof)
};

enum class CommitKind : std::uint8_t { genesis = 1, content = 2, snapshot = 3, membership = 4, rekey = 5, prune = 6 };
constexpr bool wire_valid(CommitKind kind) { return kind >= CommitKind::genesis && kind <= CommitKind::prune; }

struct InlineChunk {
  ChunkKind kind = ChunkKind::data;
  Bytes bytes;  // its id is recomputed
  HOLDFAST_WIRE(kind, bytes)
};
inline constexpr std::size_t inline_bytes_max = 64 * 1024;  // in one commit

struct CommitBody {
  Label<"Holdfast 1 commit"> label;
  SpaceId space;
  std::uint64_t seq = 0;
  Hash prev;
  std::uint32_t epoch = 0;  // current at seq: the one that this is sealed under
  CommitKind kind = CommitKind::content;
  bool checkpoint = false;
  std::int64_t time_ns = 0;
  Author author;
  identity::RecordRef record;
  std::vector<Observed> observed;
  SpaceState state;
  std::vector<InlineChunk> inlined;
  std::optional<Creation> creation;  // genesis
  std::optional<EpochChange>
      new_epoch;                  // genesis, membership, rekey: current from the next seq on (genesis: from itself)
  std::optional<api::Caps> caps;  // what the append sets (D11)
  std::vector<ObjectId> retire, unretire;  // what the append asks for
  HOLDFAST_WIRE(label, space, seq, prev, epoch, kind, checkpoint, time_ns, author, record, observed, state, inlined,
                creation, new_epoch, caps, retire, unretire)
  [[nodiscard]] bool needs_hybrid() const { return checkpoint || kind != CommitKind::content; }  // D9
};

struct CommitSignContext {  // context of both signatures, label "Holdfast 1 commit signature"
  SpaceId space;
  std::uint64_t seq = 0;
  AccountId account;
  DeviceId device;
  HOLDFAST_WIRE(space, seq, account, device)
};
using CommitSignature = std::variant<crypto::Ed25519Signature, crypto::HybridSignature>;

struct SealedCommit {
  std::uint32_t epoch = 0;
  ObjectId boxes;  // of that epoch
  Bytes sealed;    // box under CommitKey, label "Holdfast 1 commit box", where = CommitWhere: CommitPlain
  HOLDFAST_WIRE(epoch, boxes, sealed)
};
struct CommitWhere {
  SpaceId space;
  std::uint64_t seq = 0;
  Hash prev;
  std::uint32_t epoch = 0;
  ObjectId boxes;
  HOLDFAST_WIRE(space, seq, prev, epoch, boxes)
};
struct CommitPlain {
  CommitBody body;
  CommitSignature signature;
  Bytes padding;  // zeros, so that the blob's size is a multiple of 1 KiB
  HOLDFAST_WIRE(body, signature, padding)
};

// Signs (as needs_hybrid says), pads and seals. TooLarge: above 192 KiB.
[[nodiscard]] Result<api::Entry> seal_commit(const CommitBody& body, const EpochKeys& keys, const ObjectId& boxes,
                                             const identity::DeviceKeys& device, Random& random);

// Opens and checks everything that the entry and keys alone can say: group, seq, prev, epoch, padding, inline floor.
// Tampered: does not open.
[[nodiscard]] Result<CommitPlain> open_commit(const api::Entry& entry, const SealedCommit& sealed,
                                              const EpochKeys& keys);

// The rule of A4: the author's role in the table, its device in the chain at author.n, n not below what was observed,
// the kind of signature that the commit needs, and the signature itself. NotAuthorized, Revoked, Tampered.
struct Authority {
  const MemberTable& members;         // at seq - 1
  const identity::ChainState& chain;  // of the author's account, at author.n
  std::uint64_t observed_n = 0;       // the most that earlier commits observed of that account
};
[[nodiscard]] Status verify_commit(const CommitPlain& commit, const Authority& authority);

// --- the first commit ---
struct NewSpace {
  SpaceSecrets secrets;
  api::Entry genesis;
  ObjectId boxes_id;
  Bytes boxes_object;
};
struct SpaceSeed {  // random for an ordinary space; derived from C_0 for the home space (D17)
  Nonce32 nonce;
  SpaceRoot root;
  SlotKey slot_key;
};
[[nodiscard]] SpaceSeed random_space_seed(Random& random);
[[nodiscard]] SpaceSeed home_space_seed(const identity::CircleSecret& c_0, const AccountId& account);
[[nodiscard]] SpaceId space_id_of(const SpaceSeed& seed, const AccountId& owner);
struct Owner {
  const identity::ChainState& chain;
  const identity::DeviceKeys& device;
};
[[nodiscard]] Result<NewSpace> make_space(const SpaceSeed& seed, const Owner& owner, std::uint64_t counter,
                                          std::int64_t now_ns, Random& random);
// Genesis against the space's id: creation body, owner, its own epoch 0, and the root that the boxes gave. Forked,
// Tampered.
[[nodiscard]] Status verify_genesis(const CommitPlain& commit, const SpaceId& space, const SpaceRoot& root);

}  // namespace holdfast::space
