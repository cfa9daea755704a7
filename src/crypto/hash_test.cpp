#include "crypto/hash.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <set>
#include <stdexcept>
#include <thread>

#include "crypto/test_random.h"

namespace holdfast::crypto {
namespace {

using TestKey = Secret<struct HashTestKeyTag>;

TestKey some_key(std::uint64_t seed) {
  TestRandom random(seed);
  return TestKey::random(random);
}

TEST(Sha256, GivesTheStandardsExamples) {  // FIPS 180-4's example values
  EXPECT_EQ(sha256({}).hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(sha256(as_bytes("abc")).hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256, PiecesGiveTheHashOfTheWhole) {
  EXPECT_TRUE(rc::check([](const Bytes& bytes) {
    const std::size_t cut = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
    Sha256 hash;
    hash.update(ByteView(bytes).first(cut));
    hash.update(ByteView(bytes).subspan(cut));
    RC_ASSERT(hash.finish() == sha256(bytes));
  }));
}

TEST(Hmac, IsTheSameByEveryWay) {
  EXPECT_TRUE(rc::check([](const Bytes& message, std::uint64_t seed) {
    const TestKey key = some_key(seed);
    const Hmac mac(key);
    const std::size_t cut = *rc::gen::inRange<std::size_t>(0, message.size() + 1);
    const Hash whole = mac.of(message);
    RC_ASSERT(mac.of({ByteView(message).first(cut), ByteView(message).subspan(cut)}) == whole);
    RC_ASSERT(hmac_sha256(key.export_secret().view(), message) == whole);
  }));
}

TEST(Hmac, KeysLongerThanABlockAreHashed) {  // RFC 4231 test case 6
  EXPECT_EQ(hmac_sha256(Bytes(131, 0xaa), as_bytes("Test Using Larger Than Block-Size Key - Hash Key First")).hex(),
            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(Hmac, OneServesManyThreads) {
  const Hmac mac(some_key(1));
  const Bytes long_message(100'000, 5), short_message(32, 6);
  const Hash of_long = mac.of(long_message), of_short = mac.of(short_message);
  std::atomic<int> wrong = 0;
  std::vector<std::jthread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 500; ++i)
        wrong += (mac.of(long_message) == of_long && mac.of(short_message) == of_short) ? 0 : 1;
    });
  }
  threads.clear();
  EXPECT_EQ(wrong, 0);
}

TEST(Derive, SeparatesKeysPurposesPlacesAndTheirBorders) {
  const TestKey key = some_key(1), other = some_key(2);
  const Bytes where = {'b'};
  std::vector<SecretBytes> derived;
  derived.push_back(derive<struct A>(key, "purpose", where).export_secret());
  derived.push_back(derive<struct A>(other, "purpose", where).export_secret());
  derived.push_back(derive<struct A>(key, "purpos", where).export_secret());
  derived.push_back(derive<struct A>(key, "purpose").export_secret());
  derived.push_back(derive<struct A>(key, "purposeb").export_secret());  // the same letters, cut elsewhere
  std::set<Bytes> distinct;
  for (const SecretBytes& one : derived) distinct.insert(to_bytes(one.view()));
  EXPECT_EQ(distinct.size(), derived.size());
  EXPECT_EQ(derive<struct A>(key, "purpose", where), derive<struct A>(key, "purpose", where));
}

TEST(Derive, IsHkdfExpandOfTheDocumentedBytes) {  // DECISIONS D16
  const TestKey key = some_key(3);
  const Bytes where = {1, 2, 3};
  const Bytes info = encode(Context{"Holdfast 1 home root", where});
  const Bytes wanted = hkdf_expand(key.export_secret().view(), info, 64);
  EXPECT_EQ(to_bytes((derive<struct A, 64>(key, "home root", where)).export_secret().view()), wanted);
}

TEST(Expand, GivesPublicBytesUpToHkdfsBound) {
  const TestKey key = some_key(4);
  const Bytes gear = expand(key, "Holdfast 1 gear", 2048);
  EXPECT_EQ(gear, hkdf_expand(key.export_secret().view(), as_bytes("Holdfast 1 gear"), 2048));
  EXPECT_EQ(expand(key, "x", 8160).size(), 8160u);
  EXPECT_THROW((void)expand(key, "x", 8161), std::logic_error);
}

}  // namespace
}  // namespace holdfast::crypto
