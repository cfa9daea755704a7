// Invitations: what lets one person make one account on a server that asks for them. Whoever can read the data
// directory makes them, without the server; it keeps a list of used ones only (rows.h).
//
// text = "hfi1" || hex(id[16] || until_ns[8] || mac[32]);
// mac  = HMAC-SHA-256(key, encode(InvitationBody)).
#pragma once

#include "base/random.h"
#include "crypto/hash.h"

namespace holdfast::server {

using InvitationId = FixedBytes<struct InvitationIdTag, 16>;
using InvitationKey = crypto::Secret<struct InvitationKeyTag>;

struct InvitationBody {
  Label<"Holdfast 1 invitation"> label;
  Hash server_key;  // of the TLS key: good for no other server
  InvitationId id;
  std::int64_t until_ns = 0;
  HOLDFAST_WIRE(label, server_key, id, until_ns)
};

[[nodiscard]] std::string make_invitation(const InvitationKey& key, const Hash& server_key, std::int64_t until_ns,
                                          Random& random);
// Its id. PermissionDenied: it is none, another server's, or too old.
[[nodiscard]] Result<InvitationId> check_invitation(const InvitationKey& key, const Hash& server_key, ByteView text,
                                                    std::int64_t now_ns);

}  // namespace holdfast::server
