#include "identity/circle.h"

#include <algorithm>

namespace holdfast::identity {

namespace {

constexpr std::size_t devices_max = 64;
constexpr std::size_t history_epochs_max = 4096;

struct CircleBoxTag;
struct CircleCommitmentTag;

Hash commitment_of(const CircleSecret& secret, const CircleWhere& where) {
  const crypto::Context context{"Holdfast 1 circle commitment", encode(where)};
  return crypto::Hmac(crypto::derive<CircleCommitmentTag>(secret, "circle commitment key")).of(encode(context));
}

crypto::Context history_context(const CircleWhere& where) { return {"Holdfast 1 circle history", encode(where)}; }

Bytes slot_info(const CircleWhere& where, const DeviceId& device, const crypto::XWingPublic& recipient) {
  return encode(CircleSlotInfo{{}, where.account, where.e, device, crypto::sha256(recipient.view())});
}

Result<std::vector<CircleSecret>> open_history(const CircleSecret& newest, const CircleWhere& where, ByteView box) {
  const auto key = crypto::derive<CircleBoxTag>(newest, "circle history", encode(where));
  HF_TRY(const auto history, crypto::open_box_secret(key, history_context(where), box));
  if (history.view().size() != std::size_t{where.e} * CircleSecret::size)
    return fail(Code::Tampered, "the circle's history box holds the wrong number of epochs");
  std::vector<CircleSecret> out;
  out.reserve(where.e);
  for (std::size_t e = 0; e < where.e; ++e)
    out.push_back(CircleSecret::copy_of(history.view().subspan(e * CircleSecret::size, CircleSecret::size)));
  return out;
}

}  // namespace

crypto::XWingKey circle_kem(const CircleSecret& secret, const CircleWhere& where) {
  return crypto::XWingKey(crypto::derive<crypto::XWingSeedTag>(secret, "circle kem", encode(where)));
}

Result<NewCircle> make_circle(const AccountId& account, std::uint32_t e, std::span<const DevicePublic> devices,
                              std::span<const CircleSecret> earlier, Random& random) {
  const CircleWhere where{account, e};
  auto secret = CircleSecret::random(random);
  CircleBoxes boxes;
  boxes.e = e;
  for (const DevicePublic& device : devices) {
    HF_TRY(Bytes sealed, crypto::hpke_seal(device.kem, slot_info(where, device.id, device.kem),
                                           secret.export_secret().view(), random));
    boxes.slots.push_back({device.id, std::move(sealed)});
  }
  std::ranges::sort(boxes.slots, {}, &CircleSlot::device);

  Bytes history;
  history.reserve(earlier.size() * CircleSecret::size);
  for (const CircleSecret& old : earlier) append(history, old.export_secret().view());
  const crypto::SecretBytes wiped(std::move(history));
  boxes.history = crypto::seal_box(crypto::derive<CircleBoxTag>(secret, "circle history", encode(where)),
                                   history_context(where), wiped.view(), random);

  const CircleEpoch epoch{e, crypto::hash_of(boxes), circle_kem(secret, where).public_key(),
                          commitment_of(secret, where)};
  return NewCircle{std::move(secret), epoch, std::move(boxes)};
}

Result<std::vector<CircleSecret>> open_circle(const AccountId& account, const CircleEpoch& epoch,
                                              const CircleBoxes& boxes, const DeviceKeys& device) {
  const CircleWhere where{account, epoch.e};
  if (boxes.e != epoch.e || crypto::hash_of(boxes) != epoch.boxes)
    return fail(Code::Tampered, "the circle's boxes are not those that the chain names");
  if (boxes.slots.size() > devices_max || epoch.e > history_epochs_max)
    return fail(Code::Malformed, "the circle has too many boxes");
  const auto slot = std::ranges::find(boxes.slots, device.public_keys.id, &CircleSlot::device);
  if (slot == boxes.slots.end()) return fail(Code::NotAuthorized, "the circle is not sealed to this device");

  HF_TRY(const auto opened,
         crypto::hpke_open(device.kem, slot_info(where, device.public_keys.id, device.public_keys.kem), slot->sealed));
  if (opened.view().size() != CircleSecret::size)
    return fail(Code::Tampered, "the circle's box holds no circle secret");
  auto secret = CircleSecret::copy_of(opened.view());
  if (commitment_of(secret, where) != epoch.commitment || circle_kem(secret, where).public_key() != epoch.public_key)
    return fail(Code::Tampered, "the circle secret is not the one that the chain commits to");

  HF_TRY(auto secrets, open_history(secret, where, boxes.history));
  secrets.push_back(std::move(secret));
  return secrets;
}

}  // namespace holdfast::identity
