#include "identity/chain.h"

#include <algorithm>

namespace holdfast::identity {

namespace {

constexpr std::string_view signature_label = "Holdfast 1 link signature";

struct SignContext {
  AccountId account;
  std::uint64_t n = 0;
  HOLDFAST_WIRE(account, n)
};

struct NameCommitment {
  Label<"Holdfast 1 name"> label;
  std::string name;
  Nonce32 salt;
  HOLDFAST_WIRE(label, name, salt)
};

struct PrivateWhere {
  std::uint64_t n = 0;
  Nonce32 nonce;
  HOLDFAST_WIRE(n, nonce)
};

struct LinkPrivateKeyTag;

crypto::Context private_context(const LinkBody& body) {
  return {"Holdfast 1 link private", encode(PrivateWhere{body.n, body.nonce})};
}

auto private_key(const CircleSecret& secret, const CircleWhere& where) {
  return crypto::derive<LinkPrivateKeyTag>(secret, "link private", encode(where));
}

// What holds for every link, whatever it changes.
Status check_parts(const Link& link) {
  if (crypto::sha256(link.sealed) != link.body.sealed)
    return fail(Code::Tampered, "a link's sealed part is not the one it names");
  if (link.body.circle.has_value() == link.boxes.empty())
    return fail(Code::Malformed, "a link has boxes exactly when it makes a circle");
  if (link.body.circle && crypto::sha256(link.boxes) != link.body.circle->boxes)
    return fail(Code::Tampered, "a link's boxes are not those it names");
  if (link.body.floor > version_floor)
    return fail(Code::TooOld, "the account asks for a newer version of this program");
  return {};
}

}  // namespace

RecordRef no_record() { return {0, crypto::sha256({})}; }

Hash link_hash(const LinkBody& body) { return crypto::hash_of(body); }

AccountId account_id_of(const LinkBody& link_0) { return {link_hash(link_0).bytes}; }

const DevicePublic* ChainState::device(const DeviceId& id) const {
  const auto found = std::ranges::find(devices, id, &DevicePublic::id);
  return found == devices.end() ? nullptr : &*found;
}

bool name_matches(const Hash& commitment, std::string_view name, const Nonce32& salt) {
  return crypto::hash_of(NameCommitment{{}, std::string(name), salt}) == commitment;
}

Status check_user_name(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
  };
  if (name.empty() || name.size() > 64 || !std::ranges::all_of(name, allowed))
    return fail(Code::InvalidArgument, "a name has 1 to 64 of the characters a-z 0-9 . _ -", printable(name));
  return {};
}

Result<ChainState> begin_chain(const Link& link) {
  const LinkBody& body = link.body;
  HF_OK(check_parts(link));
  const auto* genesis = std::get_if<Genesis>(&body.change);
  if (genesis == nullptr || body.n != 0 || !body.account.is_zero() || !body.prev.is_zero() ||
      body.pending_until_ns != 0 || !body.circle || body.circle->e != 0 || body.last_anchor)
    return fail(Code::Malformed, "the account's first link is not one that begins a chain");
  if (body.floor < 1) return fail(Code::Malformed, "the account's first link has no protection floor");
  if (link.signatures.size() != 1 || link.signatures[0].signer != genesis->device.id)
    return fail(Code::NotAuthorized, "the account's first link must be signed by its own device");
  const Bytes context = encode(SignContext{body.account, body.n});
  if (!crypto::verify(genesis->device.identity, signature_label, context, link_hash(body),
                      link.signatures[0].signature))
    return fail(Code::NotAuthorized, "the signature of the account's first link is not valid");
  if (encode(AccountEntry{link}).size() % api::entry_blob_step != 0)
    return fail(Code::Malformed, "a link's padding is not what it must be");

  ChainState state;
  state.account = account_id_of(body);
  state.n = 0;
  state.head = link_hash(body);
  state.nonce = body.nonce;
  state.devices = {genesis->device};
  state.circle = *body.circle;
  state.policy = body.policy;
  state.floor = body.floor;
  state.name_commitment = genesis->name_commitment;
  return state;
}

Result<ChainState> begin_chain(const Link& link_0, const AccountId& expected) {
  if (account_id_of(link_0.body) != expected)
    return fail(Code::Tampered, "the server gave another account's first link", expected.short_hex());
  return begin_chain(link_0);
}

Result<NewAccount> make_account(const DeviceKeys& device, const NewAccountNames& names, const PolicyRef& policy,
                                std::int64_t now_ns, Random& random) {
  HF_OK(check_user_name(names.user_name));
  HF_TRY(auto circle, make_circle({}, 0, {&device.public_keys, 1}, {}, random));

  Link link;
  LinkPrivate secret_part{names.user_name, random.make<Nonce32>(), names.device_name, names.platform, {}};
  LinkBody& body = link.body;
  body.nonce = random.make<Nonce32>();
  body.policy = policy;
  body.record = no_record();
  body.time_ns = now_ns;
  body.change =
      Genesis{device.public_keys, crypto::hash_of(NameCommitment{{}, names.user_name, secret_part.name_salt})};
  body.circle = circle.epoch;
  link.boxes = encode(circle.boxes);
  link.signatures.emplace_back();  // all are of one size
  secret_part.padding.resize(
      padding_for(encode(secret_part).size() - 1, api::entry_blob_step, [&link](std::size_t plain) {
        link.sealed.resize(plain + crypto::box_overhead);
        return encode(AccountEntry{link}).size();
      }));
  link.sealed =
      crypto::seal_box(private_key(circle.secret, {{}, 0}), private_context(body), encode(secret_part), random);
  body.sealed = crypto::sha256(link.sealed);
  link.signatures.front() = {
      device.public_keys.id,
      device.identity.sign(signature_label, encode(SignContext{body.account, body.n}), link_hash(body), random)};

  NewAccount account{account_id_of(body), std::move(link), {}};
  account.circle.push_back(std::move(circle.secret));
  return account;
}

Result<LinkPrivate> open_link_private(const Link& link, const CircleSecret& secret, const CircleWhere& where) {
  HF_TRY(const Bytes plain, crypto::open_box(private_key(secret, where), private_context(link.body), link.sealed));
  HF_TRY(auto out, decode<LinkPrivate>(plain, "a link's private part"));
  if (!is_zero(out.padding)) return fail(Code::Malformed, "a link's padding is not what it must be");
  return out;
}

api::Entry first_entry(const NewAccount& account) {
  api::Entry entry;
  entry.group = group_of(account.account);
  entry.seq = api::first_seq;
  entry.blob = encode(AccountEntry{account.link_0});
  return entry;
}

}  // namespace holdfast::identity
