#include "identity/device.h"

namespace holdfast::identity {

namespace {

constexpr std::size_t packed_size =
    DeviceId::size + crypto::HybridSeed::size + 3 * crypto::Ed25519Seed::size + crypto::XWingSeed::size;

DevicePublic public_keys_of(const DeviceKeys& keys, const DeviceId& id, const crypto::Ed25519Public& mls) {
  return {id,  keys.identity.public_key(),   keys.commit.public_key(),
          mls, keys.capability.public_key(), keys.kem.public_key()};
}

}  // namespace

DeviceSeeds DeviceSeeds::make(Random& random) {
  return {random.make<DeviceId>(),
          crypto::HybridSeed::random(random),
          crypto::Ed25519Seed::random(random),
          crypto::Ed25519Seed::random(random),
          crypto::Ed25519Seed::random(random),
          crypto::XWingSeed::random(random)};
}

crypto::SecretBytes DeviceSeeds::pack() const {
  Bytes out;
  out.reserve(packed_size);
  append(out, id.view());
  append(out, identity.export_secret().view());
  append(out, commit.export_secret().view());
  append(out, mls.export_secret().view());
  append(out, capability.export_secret().view());
  append(out, kem.export_secret().view());
  return crypto::SecretBytes(std::move(out));
}

Result<DeviceSeeds> DeviceSeeds::unpack(ByteView bytes) {
  if (bytes.size() != packed_size) return fail(Code::Malformed, "the device's keys have the wrong size");
  const auto take = [&](std::size_t size) {
    const ByteView part = bytes.first(size);
    bytes = bytes.subspan(size);
    return part;
  };
  const DeviceId id = DeviceId::from(take(DeviceId::size));
  auto identity = crypto::HybridSeed::copy_of(take(crypto::HybridSeed::size));
  auto commit = crypto::Ed25519Seed::copy_of(take(crypto::Ed25519Seed::size));
  auto mls = crypto::Ed25519Seed::copy_of(take(crypto::Ed25519Seed::size));
  auto capability = crypto::Ed25519Seed::copy_of(take(crypto::Ed25519Seed::size));
  auto kem = crypto::XWingSeed::copy_of(take(crypto::XWingSeed::size));
  return DeviceSeeds{id, std::move(identity), std::move(commit), std::move(mls), std::move(capability), std::move(kem)};
}

DeviceKeys::DeviceKeys(const DeviceSeeds& seeds)
    : identity(seeds.identity), commit(seeds.commit), capability(seeds.capability), kem(seeds.kem) {
  public_keys = public_keys_of(*this, seeds.id, crypto::Ed25519Key(seeds.mls).public_key());
}

}  // namespace holdfast::identity
