// The account circle: one random secret per membership epoch, sealed to every current device; whoever opens the newest
// has all earlier ones through the history box (DECISIONS B2, S3, D14). Others seal to the circle's KEM key, never to
// devices.
#pragma once

#include <map>
#include <vector>

#include "crypto/box.h"
#include "identity/device.h"

namespace holdfast::identity {

struct CircleSecretTag;
using CircleSecret = crypto::Secret<CircleSecretTag>;

// What the signed link says of the epoch that it makes.
struct CircleEpoch {
  std::uint32_t e = 0;
  Hash boxes;                      // SHA-256 of the encoding of CircleBoxes
  crypto::XWingPublic public_key;  // of this epoch, for others
  Hash commitment;  // HMAC(derive(C_e, "circle commitment key"), {"Holdfast 1 circle commitment"<V>, CircleWhere<V>})
  HOLDFAST_WIRE(e, boxes, public_key, commitment)
};

struct CircleSlot {
  DeviceId device;
  Bytes sealed;  // HPKE of C_e; info = encoding of CircleSlotInfo
  HOLDFAST_WIRE(device, sealed)
};
struct CircleSlotInfo {
  Label<"Holdfast 1 circle slot"> label;
  AccountId account;
  std::uint32_t e = 0;
  DeviceId device;
  Hash recipient;  // SHA-256 of the device's KEM key
  HOLDFAST_WIRE(label, account, e, device, recipient)
};
struct CircleBoxes {
  std::uint32_t e = 0;
  std::vector<CircleSlot> slots;  // sorted by device
  Bytes history;                  // box under derive(C_e, "circle history", CircleWhere): C_0 || ... || C_{e-1}
  HOLDFAST_WIRE(e, slots, history)
};

// Where the circle's derivations and boxes belong: {account, e}. The account is zero for e = 0, because link_0, whose
// hash the account is, holds the epoch.
struct CircleWhere {
  AccountId account;
  std::uint32_t e = 0;
  HOLDFAST_WIRE(account, e)
};

struct NewCircle {
  CircleSecret secret;
  CircleEpoch epoch;
  CircleBoxes boxes;
};
// A fresh circle for `devices`. `earlier` holds C_0 .. C_{e-1}. REQUIRES: account is zero iff e == 0
[[nodiscard]] Result<NewCircle> make_circle(const AccountId& account, std::uint32_t e,
                                            std::span<const DevicePublic> devices,
                                            std::span<const CircleSecret> earlier, Random& random);

// The secrets C_0 .. C_e in order. Checks hash of the boxes, commitment and the KEM key against `epoch`: Tampered.
// NotAuthorized: no slot for this device. `account` as in CircleWhere.
[[nodiscard]] Result<std::vector<CircleSecret>> open_circle(const AccountId& account, const CircleEpoch& epoch,
                                                            const CircleBoxes& boxes, const DeviceKeys& device);

// The KEM key of epoch e: seed = derive(C_e, "circle kem", CircleWhere).
[[nodiscard]] crypto::XWingKey circle_kem(const CircleSecret& secret, const CircleWhere& where);

}  // namespace holdfast::identity
