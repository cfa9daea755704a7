// What makes a server this server, made at its first start in its data directory (DECISIONS D14), files of mode 0600:
//
//   tls.pem   TLS key and certificate: its hash is the pin in the server's link
//   log.key   the Ed25519 key of the record's log, as a signed-note private key
//   invite.key  what invitations are made and checked with, in hex; a new one makes older invitations void
//   policy    the trust policy, C2SP tlog-policy: its hash stands in the link and in each account's first link
//
// The policy is written last. Where it is, a missing key is an error and never replaced in silence, but for
// invite.key, of which a start makes a new one.
#pragma once

#include <string>
#include <string_view>

#include "base/files.h"
#include "base/random.h"
#include "crypto/signature.h"
#include "net/tls_key.h"
#include "server/invitation.h"

namespace holdfast::server {

struct ServerKeys {
  net::TlsKey tls;
  crypto::Ed25519Seed log;
  std::string log_vkey;  // C2SP signed-note, type 0x01
  std::string policy;
  Hash policy_hash;
  InvitationKey invitations;
};

// Missing: a key's file is gone. Malformed: a file is damaged, or the policy does not name our log. IoError and the
// like.
Result<ServerKeys> load_or_make_keys(Files& files, Random& random, const Path& directory);

// What `holdfastd invite` needs, while the server runs or not. Missing: none has run on this directory yet, or not
// since invite.key was removed.
struct InvitationKeys {
  Hash server_key;
  InvitationKey key;
};
Result<InvitationKeys> load_invitation_keys(Files& files, Random& random, const Path& directory);

// <name>+<hex key id>+<base64(0x01 || key)> (C2SP signed-note, "Verifier keys").
std::string verifier_key(std::string_view name, const crypto::Ed25519Public& key);
// The name of a log that has no domain of its own: "holdfast/<16 hex digits of SHA-256(key)>".
std::string log_name(const crypto::Ed25519Public& key);

// PRIVATE+KEY+<name>+<hex key id>+<base64(0x01 || seed)>, as Go's golang.org/x/mod/sumdb/note writes it.
crypto::SecretBytes signer_key(std::string_view name, const crypto::Ed25519Seed& seed);
Result<crypto::Ed25519Seed> read_signer_key(ByteView text);  // Malformed

// Whether a policy has a line `log <vkey>` (with or without a URL) and a quorum.
bool policy_names(std::string_view policy, std::string_view vkey);

}  // namespace holdfast::server
