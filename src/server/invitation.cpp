#include "server/invitation.h"

#include "crypto/secret.h"

namespace holdfast::server {

namespace {

constexpr std::string_view prefix = "hfi1";

struct Invitation {
  InvitationId id;
  std::int64_t until_ns = 0;
  Hash mac;
  HOLDFAST_WIRE(id, until_ns, mac)
};

Hash mac_of(const InvitationKey& key, const Hash& server_key, const InvitationId& id, std::int64_t until_ns) {
  return crypto::Hmac(key).of(encode(InvitationBody{{}, server_key, id, until_ns}));
}

}  // namespace

std::string make_invitation(const InvitationKey& key, const Hash& server_key, std::int64_t until_ns, Random& random) {
  const auto id = random.make<InvitationId>();
  return std::string(prefix) + to_hex(encode(Invitation{id, until_ns, mac_of(key, server_key, id, until_ns)}));
}

Result<InvitationId> check_invitation(const InvitationKey& key, const Hash& server_key, ByteView text,
                                      std::int64_t now_ns) {
  if (text.empty())
    return fail(Code::PermissionDenied, "sign-up is by invitation here: ask who runs the server for one");
  const auto none = [] { return fail(Code::PermissionDenied, "this is no invitation to this server"); };
  const std::string_view written = as_text(text);
  if (!written.starts_with(prefix)) return none();
  const auto bytes = from_hex(written.substr(prefix.size()));
  if (!bytes) return none();
  const auto sent = decode<Invitation>(*bytes, "the invitation");
  if (!sent) return none();
  const Hash wanted = mac_of(key, server_key, sent->id, sent->until_ns);
  if (!crypto::equal_constant_time(wanted.view(), sent->mac.view())) return none();
  if (now_ns > sent->until_ns) return fail(Code::PermissionDenied, "this invitation is too old: ask for another one");
  return sent->id;
}

}  // namespace holdfast::server
