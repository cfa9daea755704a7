#include "space/commit.h"

#include <algorithm>

namespace holdfast::space {

namespace {

constexpr std::string_view signature_label = "Holdfast 1 commit signature";

struct SeedTag;

Bytes sign_context(const CommitBody& body) {
  return encode(CommitSignContext{body.space, body.seq, body.author.account, body.author.device});
}

crypto::Context box_context(const SpaceId& space, std::uint64_t seq, const Hash& prev, std::uint32_t epoch,
                            const ObjectId& boxes) {
  return {"Holdfast 1 commit box", encode(CommitWhere{space, seq, prev, epoch, boxes})};
}

std::size_t blob_size(std::size_t plain) {
  Writer length;
  length.length(plain + crypto::box_overhead);
  return 4 + ObjectId::size + length.size() + plain + crypto::box_overhead;
}

bool may_write(Role role, CommitKind kind) {
  switch (kind) {
    case CommitKind::content:
    case CommitKind::snapshot:
    case CommitKind::rekey:
      return role != Role::reader;
    case CommitKind::genesis:
      return role == Role::owner;
    case CommitKind::membership:
    case CommitKind::prune:
      return role == Role::owner || role == Role::admin;
  }
  return false;
}

}  // namespace

Result<api::Entry> seal_commit(const CommitBody& body, const EpochKeys& keys, const ObjectId& boxes,
                               const identity::DeviceKeys& device, Random& random) {
  CommitPlain plain;
  plain.body = body;
  const Hash hash = crypto::hash_of(body);
  const Bytes context = sign_context(body);
  if (body.needs_hybrid()) {
    plain.signature = device.identity.sign(signature_label, context, hash, random);
  } else {
    plain.signature = device.commit.sign(signature_label, context, hash);
  }
  plain.padding.resize(padding_for(encode(plain).size() - 1, api::entry_blob_step, blob_size));

  SealedCommit sealed{body.epoch, boxes, {}};
  sealed.sealed = crypto::seal_box(keys.commit, box_context(body.space, body.seq, body.prev, body.epoch, boxes),
                                   encode(plain), random);
  api::Entry entry;
  entry.group = group_of(body.space);
  entry.seq = body.seq;
  entry.prev = body.prev;
  entry.blob = encode(sealed);
  if (entry.blob.size() > api::entry_blob_bytes_max)
    return fail(Code::TooLarge, "a commit is larger than a log entry may be");
  return entry;
}

Result<CommitPlain> open_commit(const api::Entry& entry, const SealedCommit& sealed, const EpochKeys& keys) {
  if (sealed.epoch != keys.epoch)
    return fail(Code::Tampered, "a commit is sealed under an epoch that is not current at its place");
  const SpaceId space{entry.group.bytes};
  HF_TRY(const Bytes opened,
         crypto::open_box(keys.commit, box_context(space, entry.seq, entry.prev, sealed.epoch, sealed.boxes),
                          sealed.sealed));
  HF_TRY(CommitPlain plain, decode<CommitPlain>(opened, "a commit"));
  const CommitBody& body = plain.body;
  if (body.space != space || body.seq != entry.seq || body.prev != entry.prev || body.epoch != sealed.epoch)
    return fail(Code::Tampered, "a commit stands in a place that it was not made for");
  if (entry.blob.size() % api::entry_blob_step != 0 || !is_zero(plain.padding))
    return fail(Code::Malformed, "a commit's padding is not what it must be");
  std::size_t inline_bytes = 0;
  for (const InlineChunk& chunk : body.inlined) inline_bytes += chunk.bytes.size();
  if (inline_bytes > inline_bytes_max) return fail(Code::Malformed, "a commit carries more than 64 KiB of chunks");
  if (body.state.inline_floor > body.seq)
    return fail(Code::Malformed, "a commit leaves out chunks of commits that do not exist yet");
  return plain;
}

Status verify_commit(const CommitPlain& commit, const Authority& authority) {
  const CommitBody& body = commit.body;
  const auto member = std::ranges::find(authority.members.members, body.author.account, &Member::account);
  if (member == authority.members.members.end() || !may_write(member->role, body.kind))
    return fail(Code::NotAuthorized, "a commit is by an account that may not make it", body.author.account.short_hex());
  if (authority.chain.account != body.author.account || authority.chain.n != body.author.n ||
      authority.chain.head != body.author.link)
    return fail(Code::Tampered, "a commit names a chain link that is not its author's",
                body.author.account.short_hex());
  if (body.author.n < authority.observed_n)
    return fail(Code::Revoked, "a commit's author knows less of its own account than earlier commits",
                body.author.account.short_hex());
  const identity::DevicePublic* device = authority.chain.device(body.author.device);
  if (device == nullptr)
    return fail(Code::Revoked, "a commit is by a device that is not valid", body.author.device.short_hex());

  const Hash hash = crypto::hash_of(body);
  const Bytes context = sign_context(body);
  const bool valid = std::visit(
      [&](const auto& signature) {
        if constexpr (std::is_same_v<std::decay_t<decltype(signature)>, crypto::HybridSignature>) {
          return body.needs_hybrid() && crypto::verify(device->identity, signature_label, context, hash, signature);
        } else {
          return !body.needs_hybrid() && crypto::verify(device->commit, signature_label, context, hash, signature);
        }
      },
      commit.signature);
  if (!valid) return fail(Code::NotAuthorized, "a commit's signature is not valid", body.author.device.short_hex());
  return {};
}

SpaceSeed random_space_seed(Random& random) {
  return {random.make<Nonce32>(), SpaceRoot::random(random), SlotKey::random(random)};
}

SpaceSeed home_space_seed(const identity::CircleSecret& c_0, const AccountId& account) {
  const auto nonce = crypto::derive<SeedTag>(c_0, "home nonce", account.view()).export_secret();
  return {Nonce32::from(nonce.view()), crypto::derive<SpaceRootTag>(c_0, "home root", account.view()),
          crypto::derive<SlotKeyTag>(c_0, "home slot key", account.view())};
}

namespace {

Creation creation_of(const SpaceSeed& seed, const AccountId& owner) {
  return {{}, owner, seed.nonce, root_commitment(seed.root, seed.nonce)};
}

}  // namespace

SpaceId space_id_of(const SpaceSeed& seed, const AccountId& owner) { return space_id_of(creation_of(seed, owner)); }

Result<NewSpace> make_space(const SpaceSeed& seed, const Owner& owner, std::uint64_t counter, std::int64_t now_ns,
                            Random& random) {
  const identity::ChainState& chain = owner.chain;
  const Creation creation = creation_of(seed, chain.account);
  const SpaceId space = space_id_of(creation);
  const Member self{chain.account,
                    Role::owner,
                    Nonce32::from(seed.slot_key.export_secret().view()),
                    chain.n,
                    chain.head,
                    chain.circle.e,
                    chain.circle.public_key};

  SpaceSecrets secrets{space, 0, seed.root.clone(), {}, {}, Role::owner, {{self}}};
  secrets.epochs.push_back(EpochSecret::random(random));
  secrets.capabilities = {crypto::Ed25519Seed::random(random), crypto::Ed25519Seed::random(random),
                          crypto::Ed25519Seed::random(random), crypto::Ed25519Seed::random(random)};
  HF_TRY(
      auto epoch,
      make_epoch({space, 0, secrets.root, secrets.epochs[0], {}, secrets.capabilities, secrets.members, {}}, random));

  CommitBody body;
  body.space = space;
  body.seq = api::first_seq;
  body.kind = CommitKind::genesis;
  body.time_ns = now_ns;
  body.author = {chain.account, owner.device.public_keys.id, chain.n, chain.head, counter};
  body.record = identity::no_record();
  body.creation = creation;
  body.new_epoch = epoch.change;
  body.caps = secrets.capabilities.caps();
  HF_TRY(api::Entry genesis,
         seal_commit(body, EpochKeys(secrets.epochs[0], space, 0), epoch.change.boxes_object, owner.device, random));
  return NewSpace{std::move(secrets), std::move(genesis), epoch.change.boxes_object, std::move(epoch.boxes_object)};
}

Status verify_genesis(const CommitPlain& commit, const SpaceId& space, const SpaceRoot& root) {
  const CommitBody& body = commit.body;
  const bool whole = body.kind == CommitKind::genesis && body.seq == api::first_seq && body.prev.is_zero() &&
                     body.epoch == 0 && body.creation && body.new_epoch && body.new_epoch->epoch == 0 &&
                     space_id_of(*body.creation) == space && body.creation->owner == body.author.account;
  if (!whole) return fail(Code::Forked, "the space's first commit is not the one that its id names", space.short_hex());
  if (root_commitment(root, body.creation->nonce) != body.creation->root_commitment)
    return fail(Code::Tampered, "the space's root key is not the one that its id commits to", space.short_hex());
  return {};
}

}  // namespace holdfast::space
