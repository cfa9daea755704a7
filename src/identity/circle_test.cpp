#include <gtest/gtest.h>

#include "identity/test_account.h"

namespace holdfast::identity {

namespace {

using testing::for_each_flipped_byte;
using testing::TestDevice;

AccountId some_account(std::uint8_t byte) {
  AccountId id;
  id.bytes.fill(byte);
  return id;
}

// Epochs 0 .. e of one circle, all sealed to the same devices.
std::vector<NewCircle> epochs_of(const AccountId& account, std::uint32_t last, std::span<const DevicePublic> devices,
                                 Random& random) {
  std::vector<NewCircle> out;
  std::vector<CircleSecret> earlier;
  for (std::uint32_t e = 0; e <= last; ++e) {
    out.push_back(make_circle(e == 0 ? AccountId{} : account, e, devices, earlier, random).value());
    earlier.push_back(out.back().secret.clone());
  }
  return out;
}

TEST(Circle, EachOfItsDevicesOpensTheNewestEpochAndAllBeforeIt) {
  const TestDevice laptop(1), phone(2), tablet(3);
  const std::vector devices{laptop.keys.public_keys, phone.keys.public_keys, tablet.keys.public_keys};
  const AccountId account = some_account(7);
  crypto::TestRandom random(4);
  const auto epochs = epochs_of(account, 3, devices, random);
  for (const TestDevice* device : {&laptop, &phone, &tablet}) {
    for (std::uint32_t e = 0; e <= 3; ++e) {
      const auto opened = open_circle(e == 0 ? AccountId{} : account, epochs[e].epoch, epochs[e].boxes, device->keys);
      ASSERT_TRUE(opened) << opened.error().sentence;
      ASSERT_EQ(opened->size(), e + 1);
      for (std::uint32_t earlier = 0; earlier <= e; ++earlier)
        EXPECT_TRUE((*opened)[earlier] == epochs[earlier].secret);
    }
  }
}

TEST(Circle, ADeviceThatIsNotInItCannotOpenIt) {
  const TestDevice laptop(1), stranger(2);
  crypto::TestRandom random(3);
  const auto circle = make_circle({}, 0, {&laptop.keys.public_keys, 1}, {}, random).value();
  EXPECT_EQ(open_circle({}, circle.epoch, circle.boxes, stranger.keys).error().code, Code::NotAuthorized);

  // The id alone opens nothing: the slot is sealed to the other's key.
  DeviceSeeds impostor = DeviceSeeds::make(random);
  impostor.id = laptop.seeds.id;
  EXPECT_EQ(open_circle({}, circle.epoch, circle.boxes, DeviceKeys(impostor)).error().code, Code::Tampered);
}

TEST(Circle, ADeviceOfAnEarlierEpochCannotOpenTheNext) {
  const TestDevice laptop(1), stolen(2);
  const AccountId account = some_account(1);
  crypto::TestRandom random(3);
  const std::vector both{laptop.keys.public_keys, stolen.keys.public_keys};
  auto first = epochs_of(account, 0, both, random);
  const std::vector<CircleSecret> earlier = [&] {
    std::vector<CircleSecret> out;
    out.push_back(first[0].secret.clone());
    return out;
  }();
  const auto next = make_circle(account, 1, {&laptop.keys.public_keys, 1}, earlier, random).value();
  EXPECT_TRUE(open_circle({}, first[0].epoch, first[0].boxes, stolen.keys));
  EXPECT_EQ(open_circle(account, next.epoch, next.boxes, stolen.keys).error().code, Code::NotAuthorized);
  EXPECT_EQ(open_circle(account, next.epoch, next.boxes, laptop.keys).value().size(), 2u);
}

TEST(Circle, EveryFlippedByteOfTheBoxesIsRefused) {
  const TestDevice laptop(1);
  crypto::TestRandom random(2);
  const AccountId account = some_account(3);
  const auto epochs = epochs_of(account, 1, {&laptop.keys.public_keys, 1}, random);
  for_each_flipped_byte(encode(epochs[1].boxes), [&](std::size_t at, const Bytes& flipped) {
    const auto boxes = decode<CircleBoxes>(flipped, "boxes");
    if (!boxes) return;
    const auto opened = open_circle(account, epochs[1].epoch, *boxes, laptop.keys);
    ASSERT_FALSE(opened) << "byte " << at;
    EXPECT_EQ(opened.error().code, Code::Tampered) << "byte " << at;
  });
}

// A faulty device or the server may make boxes that hash right; what the link commits to must still be what comes out.
TEST(Circle, TheSecretMustBeTheOneThatTheLinkCommitsTo) {
  const TestDevice laptop(1);
  crypto::TestRandom random(2);
  const auto honest = make_circle({}, 0, {&laptop.keys.public_keys, 1}, {}, random).value();
  const auto forged = make_circle({}, 0, {&laptop.keys.public_keys, 1}, {}, random).value();
  CircleEpoch epoch = honest.epoch;
  epoch.boxes = forged.epoch.boxes;
  EXPECT_EQ(open_circle({}, epoch, forged.boxes, laptop.keys).error().code, Code::Tampered);
  epoch.commitment = forged.epoch.commitment;
  EXPECT_EQ(open_circle({}, epoch, forged.boxes, laptop.keys).error().code, Code::Tampered)
      << "the KEM key is another's";
  epoch.public_key = forged.epoch.public_key;
  EXPECT_TRUE(open_circle({}, epoch, forged.boxes, laptop.keys));
}

TEST(Circle, BoxesOpenOnlyForTheirAccountAndEpoch) {
  const TestDevice laptop(1);
  crypto::TestRandom random(2);
  const AccountId account = some_account(1), other = some_account(2);
  const auto epochs = epochs_of(account, 1, {&laptop.keys.public_keys, 1}, random);
  EXPECT_EQ(open_circle(other, epochs[1].epoch, epochs[1].boxes, laptop.keys).error().code, Code::Tampered);
  CircleEpoch epoch = epochs[1].epoch;
  epoch.e = 2;
  EXPECT_EQ(open_circle(account, epoch, epochs[1].boxes, laptop.keys).error().code, Code::Tampered);
}

TEST(Circle, AHistoryOfTheWrongLengthIsRefused) {
  const TestDevice laptop(1);
  crypto::TestRandom random(2);
  const AccountId account = some_account(1);
  // Epoch 2 made by a faulty device that left out C_0.
  std::vector<CircleSecret> earlier;
  earlier.push_back(CircleSecret::random(random));
  const auto made = make_circle(account, 2, {&laptop.keys.public_keys, 1}, earlier, random).value();
  EXPECT_EQ(open_circle(account, made.epoch, made.boxes, laptop.keys).error().code, Code::Tampered);
}

TEST(Circle, OthersSealToItsKemKey) {
  const TestDevice laptop(1);
  crypto::TestRandom random(2);
  const auto circle = make_circle({}, 0, {&laptop.keys.public_keys, 1}, {}, random).value();
  const Bytes sealed =
      crypto::hpke_seal(circle.epoch.public_key, as_bytes("for alice"), as_bytes("hello"), random).value();
  const auto opened = crypto::hpke_open(circle_kem(circle.secret, {}), as_bytes("for alice"), sealed);
  ASSERT_TRUE(opened);
  EXPECT_EQ(as_text(opened->view()), "hello");
}

}  // namespace

}  // namespace holdfast::identity
