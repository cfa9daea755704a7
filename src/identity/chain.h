// The account chain: signed links that say which devices an account has. account_id = SHA-256 of link_0's body
// (DESIGN section 3; DECISIONS B2, B6, B10, B11, B13, D11, D14, S9). The chain's place is the account's log.
//
// A change of another kind (adding and revoking devices, recovery, names, policy, floor, move, cancel) is another
// alternative of Change in this same link; every other field it needs is here.
#pragma once

#include <optional>
#include <variant>

#include "api/entry.h"
#include "identity/circle.h"

namespace holdfast::identity {

inline constexpr std::uint32_t version_floor = 1;  // of this program (M9)

// What the author had last verified of the record; (0, SHA-256("")) while there is none (D14).
struct RecordRef {
  std::uint64_t size = 0;
  Hash root;
  HOLDFAST_WIRE(size, root)
  friend bool operator==(const RecordRef&, const RecordRef&) = default;
};
[[nodiscard]] RecordRef no_record();

// Which trust policy an account is bound to: the server's text, by its hash, and the log's name (A8).
struct PolicyRef {
  std::string origin;  // key name of the policy's log line
  Hash policy;
  HOLDFAST_WIRE(origin, policy)
  friend bool operator==(const PolicyRef&, const PolicyRef&) = default;
};

struct AnchorRef {  // the last anchor of the circle epoch that this link ends (B1)
  std::uint64_t k = 0;
  Hash anchor;
  HOLDFAST_WIRE(k, anchor)
};

struct Genesis {
  DevicePublic device;
  Hash name_commitment;  // SHA-256({"Holdfast 1 name"<V>, name<V>, salt[32]}) (B10)
  HOLDFAST_WIRE(device, name_commitment)
};
using Change = std::variant<Genesis>;

struct LinkBody {
  Label<"Holdfast 1 link"> label;
  AccountId account;  // zero in link 0
  std::uint64_t n = 0;
  Hash prev;      // SHA-256 of the body of link n-1; zero in link 0
  Nonce32 nonce;  // names the label of link n+1 in the record (B11)
  PolicyRef policy;
  std::uint32_t floor = version_floor;
  RecordRef record;
  std::int64_t time_ns = 0;
  std::int64_t pending_until_ns = 0;  // 0: at once
  Change change;
  std::optional<CircleEpoch> circle;  // a membership link makes one
  std::optional<AnchorRef> last_anchor;
  Hash sealed;  // SHA-256 of Link::sealed
  HOLDFAST_WIRE(label, account, n, prev, nonce, policy, floor, record, time_ns, pending_until_ns, change, circle,
                last_anchor, sealed)
};

// Under the circle: box, key derive(C_e, "link private", CircleWhere), label "Holdfast 1 link private", where = {n,
// nonce}.
struct LinkPrivate {
  std::string user_name;  // link 0 and claims
  Nonce32 name_salt;
  std::string device_name, platform;
  Bytes padding;  // zeros, so that the entry's blob is a multiple of 1 KiB (M2)
  HOLDFAST_WIRE(user_name, name_salt, device_name, platform, padding)
};

struct LinkSignature {
  DeviceId signer;
  crypto::HybridSignature signature;  // label "Holdfast 1 link signature", context {account, n}
  HOLDFAST_WIRE(signer, signature)
};

struct Link {
  LinkBody body;
  Bytes sealed;
  Bytes boxes;  // encoding of CircleBoxes; empty when the link makes no circle
  std::vector<LinkSignature> signatures;
  HOLDFAST_WIRE(body, sealed, boxes, signatures)
};

// What the blob of an entry in an account's log holds. Anchors (B1) will be the next alternative.
struct AccountEntry {
  std::variant<Link> content;
  HOLDFAST_WIRE(content)
};

[[nodiscard]] Hash link_hash(const LinkBody& body);
[[nodiscard]] AccountId account_id_of(const LinkBody& link_0);

// What a verified chain says.
struct ChainState {
  AccountId account;
  std::uint64_t n = 0;
  Hash head;  // H(link_n)
  Nonce32 nonce;
  std::vector<DevicePublic> devices;  // valid at n
  CircleEpoch circle;
  PolicyRef policy;
  std::uint32_t floor = 0;
  Hash name_commitment;

  [[nodiscard]] const DevicePublic* device(const DeviceId& id) const;
};

// Verifies link 0 as it stands (signature of its own device, hashes of sealed part and boxes, pending, floor).
// Errors: Malformed, Tampered, NotAuthorized, TooOld.
[[nodiscard]] Result<ChainState> begin_chain(const Link& link_0);
// The same for the chain of an expected account: Tampered when link_0 is another's.
[[nodiscard]] Result<ChainState> begin_chain(const Link& link_0, const AccountId& expected);

struct NewAccount {
  AccountId account;
  Link link_0;
  std::vector<CircleSecret> circle;  // C_0
};
struct NewAccountNames {
  std::string user_name, device_name, platform;
};
[[nodiscard]] Result<NewAccount> make_account(const DeviceKeys& device, const NewAccountNames& names,
                                              const PolicyRef& policy, std::int64_t now_ns, Random& random);
[[nodiscard]] Result<LinkPrivate> open_link_private(const Link& link, const CircleSecret& secret,
                                                    const CircleWhere& where);
[[nodiscard]] bool name_matches(const Hash& commitment, std::string_view name, const Nonce32& salt);

// Lower-case ASCII letters, digits and . _ -, 1 to 64 characters (B10): InvalidArgument.
[[nodiscard]] Status check_user_name(std::string_view name);

// Link 0 as the first entry of its log.
[[nodiscard]] api::Entry first_entry(const NewAccount& account);

}  // namespace holdfast::identity
