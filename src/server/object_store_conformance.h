// What every ObjectStore promises, as tests. An engine's own test file gives a type
//   struct Engine { Engine();  ObjectStore& store();  void reopen(); }
// whose constructor makes an empty store and whose reopen() closes it and opens it again, and
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, ObjectStoreConformance, Engine);
// Includes of this file are test files only.
#pragma once

#include <atomic>
#include <map>
#include <thread>

#include "crypto/hash.h"
#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/object_store.h"

namespace holdfast::server {

namespace conformance {

// A name whose two ids are these bytes all over.
inline ObjectName name_of(std::uint8_t group, std::uint8_t object) {
  ObjectName name;
  name.group.bytes.fill(group);
  name.object.bytes.fill(object);
  return name;
}

inline Bytes some_bytes(std::size_t size, std::uint32_t seed) {
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) {
    seed = seed * 1'664'525 + 1'013'904'223;
    byte = static_cast<std::uint8_t>(seed >> 24);
  }
  return bytes;
}

inline Status put(ObjectStore& store, const ObjectName& name, ByteView bytes) {
  return store.put(name, bytes.size(), crypto::sha256(bytes), {&bytes, 1});
}

template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

using Objects = std::map<ObjectName, Bytes>;

inline Objects objects_in(ObjectStore& store, std::size_t page = 1000) {
  Objects all;
  std::optional<ObjectName> after;
  for (;;) {
    const auto listed = store.list(after, page);
    EXPECT_TRUE(listed) << listed.error().sentence;
    if (!listed) return all;
    for (const ObjectInfo& info : *listed) {
      EXPECT_TRUE(all.empty() || all.rbegin()->first < info.name) << "not ascending";
      auto bytes = store.get(info.name, {0, info.size});
      EXPECT_TRUE(bytes) << bytes.error().sentence;
      all.emplace(info.name, bytes ? *bytes : Bytes{});
    }
    if (listed->size() < page) return all;
    after = listed->back().name;
  }
}

}  // namespace conformance

template <class Engine>
class ObjectStoreConformance : public testing::Test {
 protected:
  ObjectStore& store() { return engine_.store(); }
  Engine engine_;
};

TYPED_TEST_SUITE_P(ObjectStoreConformance);

TYPED_TEST_P(ObjectStoreConformance, AnyRangeOfWhatWasPutIsRead) {
  using namespace conformance;
  ObjectStore& store = this->store();
  const Bytes bytes = some_bytes(3'000'000, 1);
  const std::vector<ByteView> parts = {
      ByteView(bytes).first(1), {}, ByteView(bytes).subspan(1, 2'000'000), ByteView(bytes).subspan(2'000'001)};
  const ObjectName name = name_of(1, 2);
  ASSERT_TRUE(store.put(name, bytes.size(), crypto::sha256(bytes), parts));
  EXPECT_EQ(store.size_of(name), bytes.size());
  for (const Range range :
       {Range{0, 3'000'000}, Range{0, 1}, Range{1'999'999, 3}, Range{2'999'999, 1}, Range{3'000'000, 0}}) {
    const auto read = store.get(name, range);
    ASSERT_TRUE(read);
    EXPECT_TRUE(std::ranges::equal(*read, ByteView(bytes).subspan(range.offset, range.size)));
  }
  ASSERT_TRUE(put(store, name_of(1, 3), {}));
  EXPECT_EQ(store.get(name_of(1, 3), {0, 0}), Bytes{});
}

TYPED_TEST_P(ObjectStoreConformance, AnAbsentObjectIsMissing) {
  using namespace conformance;
  ObjectStore& store = this->store();
  ASSERT_TRUE(put(store, name_of(1, 1), some_bytes(10, 1)));
  for (const ObjectName& name : {name_of(1, 2), name_of(2, 1)}) {
    EXPECT_EQ(code_of(store.get(name, {0, 0})), Code::Missing);
    EXPECT_EQ(code_of(store.get(name, {0, 1})), Code::Missing);
    EXPECT_EQ(code_of(store.size_of(name)), Code::Missing);
    EXPECT_TRUE(store.remove(name));
  }
  ASSERT_TRUE(store.remove(name_of(1, 1)));
  EXPECT_EQ(code_of(store.get(name_of(1, 1), {0, 1})), Code::Missing);
  EXPECT_TRUE(objects_in(store).empty());
  ASSERT_TRUE(put(store, name_of(1, 1), some_bytes(20, 2)));
  EXPECT_EQ(store.size_of(name_of(1, 1)), 20u);
}

TYPED_TEST_P(ObjectStoreConformance, BytesThatAreNotAsSaidAreNotStored) {
  using namespace conformance;
  ObjectStore& store = this->store();
  const ObjectName name = name_of(1, 1);
  const Bytes bytes = some_bytes(100'000, 1);
  const ByteView part = bytes;
  Hash other = crypto::sha256(bytes);
  other.bytes[31] ^= 1;
  EXPECT_EQ(code_of(store.put(name, bytes.size(), other, {&part, 1})), Code::Tampered);
  EXPECT_EQ(code_of(store.put(name, bytes.size() - 1, crypto::sha256(bytes), {&part, 1})), Code::InvalidArgument);
  EXPECT_EQ(code_of(store.put(name, bytes.size() + 1, crypto::sha256(bytes), {&part, 1})), Code::InvalidArgument);
  EXPECT_EQ(code_of(store.get(name, {0, 1})), Code::Missing);
  EXPECT_TRUE(objects_in(store).empty());
  // Nor are they taken for the object that is there.
  ASSERT_TRUE(put(store, name, bytes));
  EXPECT_EQ(code_of(store.put(name, bytes.size(), other, {&part, 1})), Code::Tampered);
  Bytes flipped = bytes;
  flipped[0] ^= 1;
  const ByteView flipped_part = flipped;
  EXPECT_EQ(code_of(store.put(name, bytes.size(), crypto::sha256(bytes), {&flipped_part, 1})), Code::Tampered);
  EXPECT_EQ(objects_in(store), (Objects{{name, bytes}}));
}

TYPED_TEST_P(ObjectStoreConformance, TheSameAgainIsFineAndOtherBytesAreRefused) {
  using namespace conformance;
  ObjectStore& store = this->store();
  const ObjectName name = name_of(7, 7);
  const Bytes bytes = some_bytes(5'000, 1);
  ASSERT_TRUE(put(store, name, bytes));
  EXPECT_TRUE(put(store, name, bytes));
  EXPECT_EQ(code_of(put(store, name, some_bytes(5'000, 2))), Code::AlreadyExists);
  EXPECT_EQ(code_of(put(store, name, some_bytes(4'999, 1))), Code::AlreadyExists);
  EXPECT_EQ(code_of(put(store, name, {})), Code::AlreadyExists);
  this->engine_.reopen();
  EXPECT_TRUE(put(this->store(), name, bytes));
  EXPECT_EQ(objects_in(this->store()), (Objects{{name, bytes}}));
}

TYPED_TEST_P(ObjectStoreConformance, ARangeBeyondTheBytesIsTyped) {
  using namespace conformance;
  ObjectStore& store = this->store();
  const ObjectName name = name_of(1, 1);
  ASSERT_TRUE(put(store, name, some_bytes(100, 1)));
  constexpr std::uint64_t huge = ~std::uint64_t{0};
  for (const Range range : {Range{0, 101}, Range{100, 1}, Range{101, 0}, Range{huge, 1}, Range{huge, 0}})
    EXPECT_EQ(code_of(store.get(name, range)), Code::Tampered);
  EXPECT_EQ(code_of(store.get(name, {0, object_read_size_max + 1})), Code::TooLarge);
  EXPECT_EQ(code_of(store.get(name, {50, huge})), Code::TooLarge);
}

TYPED_TEST_P(ObjectStoreConformance, AListIsInOrderAndGoesOnAfterAnyName) {
  using namespace conformance;
  ObjectStore& store = this->store();
  Objects all;
  for (const std::uint8_t group : Bytes{0x00, 0x0f, 0x10, 0xab, 0xff}) {
    for (const std::uint8_t object : Bytes{0x00, 0x01, 0x9a, 0xff}) {
      ObjectName name = name_of(group, object);
      for (const std::uint8_t last : Bytes{0, 1, 255}) {
        name.object.bytes[15] = last;
        if (last == 1) name.group.bytes[31] = 1;
        const Bytes bytes = some_bytes(all.size() + 1, static_cast<std::uint32_t>(all.size()));
        ASSERT_TRUE(put(store, name, bytes));
        all.emplace(name, bytes);
      }
    }
  }
  for (const std::size_t page : {1, 2, 7, 60, 1000}) EXPECT_EQ(objects_in(store, page), all) << page;
  EXPECT_TRUE(store.list(std::nullopt, 0)->empty());
  EXPECT_EQ(store.list(name_of(0x20, 0x20), 1)->front().name, all.upper_bound(name_of(0x20, 0x20))->first);
  EXPECT_EQ(store.list(name_of(0xab, 0x20), 1)->front().name, all.upper_bound(name_of(0xab, 0x20))->first);
  EXPECT_TRUE(store.list(name_of(0xff, 0xff), 5)->size() < 5);
  this->engine_.reopen();
  EXPECT_EQ(objects_in(this->store()), all);
}

// Promise: any sequence of calls ends as in a map, over restarts too.
TYPED_TEST_P(ObjectStoreConformance, RandomCallsDoWhatTheModelDoes) {
  using namespace conformance;
  EXPECT_TRUE(rc::check("a store is a map that is written once", [] {
    TypeParam engine;
    Objects model;
    const auto below = [](int count) { return *rc::gen::inRange(0, count); };
    for (int left = 1 + below(15); left > 0; --left) {
      const ObjectName name = name_of(static_cast<std::uint8_t>(below(3)), static_cast<std::uint8_t>(below(4)));
      const Bytes bytes = some_bytes(static_cast<std::size_t>(below(3) * 1000), static_cast<std::uint32_t>(below(2)));
      const int what = below(8);
      if (what < 5) {
        const auto at = model.find(name);
        const bool is_other = at != model.end() && at->second != bytes;
        RC_ASSERT(code_of(put(engine.store(), name, bytes)) ==
                  (is_other ? std::optional(Code::AlreadyExists) : std::nullopt));
        model.try_emplace(name, bytes);
      } else if (what < 7) {
        RC_ASSERT(engine.store().remove(name).has_value());
        model.erase(name);
      } else {
        engine.reopen();
      }
      RC_ASSERT(objects_in(engine.store(), 3) == model);
    }
  }));
}

// Promise: of different bytes under one name one wins, and everybody who was told yes reads their own. Folders that
// empty and fill meanwhile take nothing along.
TYPED_TEST_P(ObjectStoreConformance, ConcurrentCallsDoNotSpoilEachOther) {
  using namespace conformance;
  ObjectStore& store = this->store();
  constexpr int threads = 6, rounds = 25;
  std::atomic<int> winners = 0;
  std::vector<std::thread> all;
  for (int thread = 0; thread < threads; ++thread) {
    all.emplace_back([&, thread] {
      const auto mine = static_cast<std::uint8_t>(thread);
      for (int i = 0; i < rounds; ++i) {
        const Bytes bytes = some_bytes(2'000, mine);
        if (put(store, name_of(9, static_cast<std::uint8_t>(i)), bytes)) ++winners;
        // Same folder as the others', made and removed all the time.
        ObjectName own = name_of(8, 8);
        own.object.bytes[15] = mine;
        EXPECT_TRUE(put(store, own, bytes));
        EXPECT_EQ(store.get(own, {0, bytes.size()}), bytes);
        EXPECT_TRUE(store.remove(own));
      }
    });
  }
  for (std::thread& thread : all) thread.join();
  EXPECT_EQ(winners, rounds);
  EXPECT_EQ(objects_in(store).size(), static_cast<std::size_t>(rounds));
}

REGISTER_TYPED_TEST_SUITE_P(ObjectStoreConformance, AnyRangeOfWhatWasPutIsRead, AnAbsentObjectIsMissing,
                            BytesThatAreNotAsSaidAreNotStored, TheSameAgainIsFineAndOtherBytesAreRefused,
                            ARangeBeyondTheBytesIsTyped, AListIsInOrderAndGoesOnAfterAnyName,
                            RandomCallsDoWhatTheModelDoes, ConcurrentCallsDoNotSpoilEachOther);

}  // namespace holdfast::server
