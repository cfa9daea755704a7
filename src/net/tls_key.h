// A server's identity: an ECDSA P-256 key and the certificate that it signed itself. Clients know the key by its
// hash, which stands in the server's link (hf://host:port#server_key_hash.policy_hash); the certificate's name and
// dates mean nothing to them. P-256 because browsers and other ordinary tools refuse Ed25519 certificates.
#pragma once

#include <memory>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast::net {

// Immutable; copies share the key. Any thread.
class TlsKey {
 public:
  static Result<TlsKey> make();              // fresh, from the system's random numbers; Internal
  static Result<TlsKey> load(ByteView pem);  // what pem() gave, or any PEM key with its certificate; Malformed

  // Private key (PKCS #8) and certificate as PEM. A secret: belongs into a file of mode 0600.
  [[nodiscard]] Result<Bytes> pem() const;

  // SHA-256 of the certificate's SubjectPublicKeyInfo: what clients pin.
  [[nodiscard]] const Hash& server_key_hash() const;

  struct State;
  [[nodiscard]] const State& state() const { return *state_; }  // for this room

 private:
  explicit TlsKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace holdfast::net
