#include "tests/formats/world.h"

namespace holdfast::formats {

namespace {

using namespace space;  // NOLINT: the room whose formats these are

Bytes shown(const auto& secret) { return to_bytes(secret.export_secret().view()); }

TEST(Formats, Space) {
  const ExampleSpace world;
  const SpaceSecrets& secrets = world.made_space.secrets;
  const Creation creation{{}, world.chain.account, world.seed.nonce, root_commitment(secrets.root, world.seed.nonce)};
  Example("space.md", "creation").fields(creation, {"label", "owner", "nonce", "root_commitment"});
  Example("space.md", "space_id").value(secrets.space, "space_id = SHA-256(creation)");
  Example("space.md", "space_keys")
      .bytes(shown(secrets.root), "space_root")
      .bytes(shown(secrets.epochs[0]), "F_0")
      .value(EpochWhere{secrets.space, 0}, "EpochWhere: space, epoch")
      .bytes(shown(world.keys.pack), "derive(F_0, \"pack\", EpochWhere)")
      .bytes(shown(world.keys.index), "derive(F_0, \"index\", EpochWhere)")
      .bytes(shown(world.keys.commit), "derive(F_0, \"commit\", EpochWhere)")
      .bytes(shown(world.keys.members), "derive(F_0, \"members\", EpochWhere)")
      .bytes(shown(world.keys.history), "derive(F_0, \"history\", EpochWhere)")
      .bytes(shown(world.root_keys.chunker), "derive(space_root, \"chunker\", space_id)");
  Example("space.md", "member")
      .fields(secrets.members.members[0],
              {"account", "role: 1 owner", "slot_key", "n", "link", "circle_epoch", "circle_key"});
  const auto boxes = decode<SpaceBoxes>(world.made_space.boxes_object, "boxes").value();
  Example("space.md", "space_boxes")
      .fields(boxes, {"label", "epoch", "slots: one Slot", "role_slots: one Slot", "members: a box",
                      "history: a box of nothing"});
  Example("space.md", "slot").fields(boxes.slots[0], {"slot", "sealed"});
  Example("space.md", "slot_info")
      .fields(SlotInfo{{},
                       false,
                       secrets.space,
                       0,
                       world.chain.account,
                       0,
                       world.chain.head,
                       crypto::sha256(world.chain.circle.public_key.view())},
              {"label", "role_box", "space", "epoch", "account", "n", "link", "recipient: SHA-256 of circle_key"});
  const crypto::XWingKey circle_kem = identity::circle_kem(world.made.circle[0], {});
  const SlotReader alice{world.chain.account, world.seed.slot_key, {{0, world.chain.head, circle_kem}}};
  ASSERT_TRUE(open_epoch(secrets.space, world.made_space.boxes_object, alice, nullptr));
  const auto plain = [&](bool role_box, const Slot& slot) {
    const Bytes info = encode(SlotInfo{{},
                                       role_box,
                                       secrets.space,
                                       0,
                                       world.chain.account,
                                       0,
                                       world.chain.head,
                                       crypto::sha256(world.chain.circle.public_key.view())});
    return to_bytes(crypto::hpke_open(circle_kem, info, slot.sealed).value().view());
  };
  Example("space.md", "epoch_box")
      .fields(decode<EpochBox>(plain(false, boxes.slots[0]), "").value(),
              {"epoch_secret: F_0", "space_root", "read", "write: present"});
  Example("space.md", "role_box")
      .fields(decode<RoleBox>(plain(true, boxes.role_slots[0]), "").value(), {"maintain", "admin"});
}

TEST(Formats, Commit) {
  const ExampleSpace world;
  const api::Entry& genesis = world.made_space.genesis;
  Example("commit.md", "genesis_entry")
      .fields(genesis,
              {"group: space_id", "kind: 1 link", "seq: 1", "prev: zero", "fence", "note_id", "blob: SealedCommit"});
  const auto sealed = decode<SealedCommit>(genesis.blob, "").value();
  Example("commit.md", "sealed_commit").fields(sealed, {"epoch", "boxes", "sealed: a box"});
  const CommitPlain plain = open_commit(genesis, sealed, world.keys).value();
  Example("commit.md", "commit_plain").fields(plain, {"body", "signature: 2 HybridSignature", "padding"});
  Example("commit.md", "commit_body")
      .fields(plain.body, {"label", "space", "seq", "prev", "epoch", "kind: 1 genesis", "checkpoint", "time_ns",
                           "author: account, device, n, link, counter", "record: size, root", "observed: none",
                           "state: SpaceState, empty", "inlined: none", "creation: present", "new_epoch: present",
                           "caps: present", "retire: none", "unretire: none"});
  Example("commit.md", "author").fields(plain.body.author, {"account", "device", "n", "link", "counter"});
  Example("commit.md", "epoch_change")
      .fields(*plain.body.new_epoch,
              {"epoch", "boxes_object", "boxes", "commitment", "members", "roles: this object's own"});
  Example("commit.md", "commit_where")
      .fields(CommitWhere{world.made_space.secrets.space, genesis.seq, genesis.prev, 0, sealed.boxes},
              {"space", "seq", "prev", "epoch", "boxes"});
  Example("commit.md", "commit_sign_context")
      .fields(CommitSignContext{plain.body.space, plain.body.seq, plain.body.author.account, plain.body.author.device},
              {"space", "seq", "account", "device"});
  Example("commit.md", "entry_hash")
      .value(api::entry_hash(genesis), "entry_hash = SHA-256(genesis_entry): prev of the next");
}

TEST(Formats, State) {
  SpaceState state;
  state.live_root = filled<ChunkId>(0x11);
  state.snapshots_root = filled<ChunkId>(0x22);
  SegmentRef ref;
  ref.account = filled<AccountId>(0x33);
  ref.circle_epoch = 0;
  ref.mac = filled<Hash>(0x44);
  ref.records = 1000;
  ref.objects = {{filled<ObjectId>(0x55), filled<Hash>(0x66)}};
  state.index = {ref};
  state.inline_floor = 2;
  state.membership = {1, filled<Hash>(0x77)};
  state.checkpoint_seq = 1;
  Example("state.md", "space_state")
      .fields(state, {"live_root", "snapshots_root", "index: one SegmentRef", "superseded: none", "inline_floor",
                      "membership: seq, hash", "checkpoint_seq"});
}

}  // namespace

}  // namespace holdfast::formats
