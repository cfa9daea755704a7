// A device's keys (DESIGN section 3, DECISIONS D14): one key, one purpose. All are made from seeds on the device.
#pragma once

#include "crypto/hpke.h"
#include "crypto/signature.h"

namespace holdfast::identity {

struct DevicePublic {
  DeviceId id;
  crypto::HybridPublic identity;     // signs chain links, membership changes, checkpoints, snapshots
  crypto::Ed25519Public commit;      // signs the many small commits (D9)
  crypto::Ed25519Public mls;         // signs MLS leaves (B8)
  crypto::Ed25519Public capability;  // opens tickets of the account's log: availability only
  crypto::XWingPublic kem;           // the circle is sealed to it
  HOLDFAST_WIRE(id, identity, commit, mls, capability, kem)
  friend bool operator==(const DevicePublic&, const DevicePublic&) = default;
};

struct DeviceSeeds {
  DeviceId id;
  crypto::HybridSeed identity;
  crypto::Ed25519Seed commit, mls, capability;
  crypto::XWingSeed kem;

  static DeviceSeeds make(Random& random);
  // id || the seeds in the order above, 16 + 64 + 4 * 32 bytes: what the key file seals.
  [[nodiscard]] crypto::SecretBytes pack() const;
  static Result<DeviceSeeds> unpack(ByteView bytes);  // Malformed
};

// The keys ready for use, with their public halves.
struct DeviceKeys {
  explicit DeviceKeys(const DeviceSeeds& seeds);
  DevicePublic public_keys;
  crypto::HybridKey identity;
  crypto::Ed25519Key commit, capability;
  crypto::XWingKey kem;
};

}  // namespace holdfast::identity
