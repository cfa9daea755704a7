#include "crypto/secret.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "crypto/key_room.h"
#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

using TestKey = Secret<struct TestKeyTag>;

static_assert(!std::is_copy_constructible_v<TestKey> && !std::is_copy_assignable_v<TestKey>);
static_assert(!std::is_default_constructible_v<TestKey>);
static_assert(!std::is_convertible_v<TestKey, Secret<struct OtherKeyTag>>, "a tag keeps keys apart");
static_assert(!std::is_default_constructible_v<RawKeyAccess>, "only this room makes one");
static_assert(!std::is_copy_constructible_v<SecretBytes>);

bool all_zero(const std::uint8_t* at, std::size_t size) {
  return std::all_of(at, at + size, [](std::uint8_t byte) { return byte == 0; });
}

// Promise: nothing of a secret is left where it lay. Method: the arena keeps its pages mapped, so that the place can be
// looked at afterwards; of a freed slot the first word is the arena's own link.
TEST(Secret, IsWipedWhenItGoes) {
  TestRandom random(1);
  const std::uint8_t* place = nullptr;
  {
    const TestKey key = TestKey::random(random);
    place = KeyRoom::bytes(key).data();
    ASSERT_FALSE(all_zero(place + sizeof(void*), TestKey::size - sizeof(void*)));
  }
  EXPECT_TRUE(all_zero(place + sizeof(void*), TestKey::size - sizeof(void*)));
}

TEST(Secret, AnAssignedOneIsWipedToo) {
  TestRandom random(2);
  TestKey key = TestKey::random(random);
  const std::uint8_t* place = KeyRoom::bytes(key).data();
  const TestKey second = TestKey::random(random);
  {
    TestKey moved = second.clone();
    key = std::move(moved);
  }
  EXPECT_EQ(key, second);
  EXPECT_TRUE(all_zero(place + sizeof(void*), TestKey::size - sizeof(void*)));
}

TEST(Secret, AReusedPlaceShowsNothingOfTheLastOne) {
  TestRandom random(3);
  const std::uint8_t* place = nullptr;
  {
    place = KeyRoom::bytes(TestKey::random(random)).data();
  }
  std::uint8_t* again = secret_allocate(TestKey::size);
  EXPECT_EQ(again, place);
  EXPECT_TRUE(all_zero(again, TestKey::size));
  secret_free(again, TestKey::size);
}

TEST(Secret, ClonesAreEqualAndApart) {
  TestRandom random(4);
  const TestKey key = TestKey::random(random);
  const TestKey clone = key.clone();
  EXPECT_EQ(key, clone);
  EXPECT_NE(KeyRoom::bytes(key).data(), KeyRoom::bytes(clone).data());
  EXPECT_FALSE(key == TestKey::random(random));
  EXPECT_EQ(to_bytes(key.export_secret().view()), to_bytes(KeyRoom::bytes(key)));
}

TEST(Secret, ThereIsRoomForMoreThanTheArenaBeganWith) {
  std::vector<TestKey> keys;
  TestRandom random(5);
  for (int i = 0; i < 5000; ++i) keys.push_back(TestKey::random(random));
  std::set<const std::uint8_t*> places;
  for (const TestKey& key : keys) places.insert(KeyRoom::bytes(key).data());
  EXPECT_EQ(places.size(), keys.size());
  TestRandom same(5);
  for (const TestKey& key : keys) ASSERT_EQ(key, TestKey::random(same));
}

TEST(Secret, SizesOfAllKindsAreServed) {
  for (const std::size_t size : {1ul, 31ul, 32ul, 33ul, 64ul, 2048ul, 2049ul, 4096ul, 100'000ul}) {
    std::uint8_t* at = secret_allocate(size);
    EXPECT_TRUE(all_zero(at, size));
    std::fill_n(at, size, std::uint8_t{0xaa});
    secret_free(at, size);
  }
}

TEST(Secret, ThreadsDoNotDisturbEachOther) {
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (std::uint64_t seed = 0; seed < 4; ++seed) {
    threads.emplace_back([&, seed] {
      TestRandom random(seed);
      std::vector<TestKey> kept;
      for (int i = 0; i < 2000; ++i) {
        kept.push_back(TestKey::random(random));
        if (i % 3 == 0) kept.erase(kept.begin());
      }
      const TestKey last = kept.back().clone();
      kept.clear();
      TestRandom same(seed);
      for (int i = 0; i < 1999; ++i) (void)TestKey::random(same);
      if (!(TestKey::random(same) == last)) ++wrong;
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(EqualConstantTime, ComparesSizeAndEveryByte) {
  const Bytes a(40, 3);
  EXPECT_TRUE(equal_constant_time(a, Bytes(40, 3)));
  EXPECT_TRUE(equal_constant_time({}, {}));
  EXPECT_FALSE(equal_constant_time(a, Bytes(39, 3)));
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Bytes b = a;
      b[i] ^= static_cast<std::uint8_t>(1u << bit);
      ASSERT_FALSE(equal_constant_time(a, b));
    }
  }
}

TEST(SecretBytes, MovesWithoutACopy) {
  SecretBytes first(Bytes(100, 1));
  const std::uint8_t* place = first.view().data();
  SecretBytes second = std::move(first);
  EXPECT_EQ(second.view().data(), place);
  EXPECT_TRUE(first.view().empty());  // NOLINT: what a moved-from one promises
  second = SecretBytes(Bytes(3, 2));
  EXPECT_EQ(to_bytes(second.view()), Bytes(3, 2));
}

}  // namespace
}  // namespace holdfast::crypto
