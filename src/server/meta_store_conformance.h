// What every MetaStore promises, as tests. An engine's own test file gives a type
//   struct Engine { Engine();  MetaStore& store();  void reopen(); }
// whose constructor makes an empty store and whose reopen() closes it and opens it again over what was committed, and
//   INSTANTIATE_TYPED_TEST_SUITE_P(Name, MetaStoreConformance, Engine);
// Includes of this file are test files only.
#pragma once

#include <atomic>
#include <chrono>
#include <map>
#include <set>
#include <thread>

#include "crypto/hash.h"
#include "gtest/gtest.h"
#include "rapidcheck.h"
#include "server/meta_store.h"

namespace holdfast::server {

namespace conformance {

inline Bytes value_of(std::string_view text) { return to_bytes(as_bytes(text)); }
inline Condition is_absent(Key key) { return {std::move(key), std::nullopt}; }
inline Condition is_value(Key key, ByteView value) { return {std::move(key), crypto::sha256(value)}; }

inline bool applied(MetaStore& store, const Batch& batch) {
  const auto outcome = store.commit(batch);
  EXPECT_TRUE(outcome) << outcome.error().sentence;
  return outcome && outcome->applied();
}

inline std::optional<Refused> refusal(MetaStore& store, const Batch& batch) {
  const auto outcome = store.commit(batch);
  EXPECT_TRUE(outcome) << outcome.error().sentence;
  return outcome ? outcome->refused : std::nullopt;
}

inline std::optional<Code> error_of(MetaStore& store, const Batch& batch) {
  const auto outcome = store.commit(batch);
  return outcome ? std::nullopt : std::optional(outcome.error().code);
}

inline std::optional<Bytes> value_at(MetaStore& store, const Key& key) {
  const auto value = store.get_one(key);
  EXPECT_TRUE(value) << value.error().sentence;
  return value ? *value : std::nullopt;
}

inline std::int64_t count_at(MetaStore& store, const Key& key) { return read_counter(value_at(store, key)).value(); }

using Model = std::map<Key, Bytes>;

inline Model everything_in(MetaStore& store, const Limit& limit = {}, const Key& from = {}, const Key& to = {}) {
  Model all;
  Key next = from;
  do {
    auto page = store.scan(next, to, limit);
    EXPECT_TRUE(page) << page.error().sentence;
    if (!page) return all;
    EXPECT_LE(page->rows.size(), limit.rows);
    for (Write& row : page->rows) {
      EXPECT_TRUE(all.empty() || all.rbegin()->first < row.key) << "not ascending";
      all.emplace(std::move(row.key), std::move(row.value));
    }
    next = page->next;
  } while (!next.empty());
  return all;
}

// The batch's meaning in the plainest way; kept apart from the engines' own code.
inline std::optional<Refused> apply_to_model(Model& model, const Batch& batch) {
  Model after = model;
  for (std::size_t i = 0; i < batch.when.size(); ++i) {
    const auto at = model.find(batch.when[i].key);
    const bool is_there = at != model.end();
    if (is_there != batch.when[i].is.has_value() || (is_there && crypto::sha256(at->second) != *batch.when[i].is))
      return Refused{Refused::By::condition, i};
  }
  for (std::size_t i = 0; i < batch.add.size(); ++i) {
    const Add& add = batch.add[i];
    const auto at = model.find(add.key);
    const std::int64_t before = at == model.end() ? 0 : read_counter(at->second).value();
    using limits = std::numeric_limits<std::int64_t>;
    if (add.delta > 0 ? before > limits::max() - add.delta : before < limits::min() - add.delta)
      return Refused{Refused::By::add, i};
    const std::int64_t sum = before + add.delta;
    if (sum < add.at_least || sum > add.at_most) return Refused{Refused::By::add, i};
    after[add.key] = counter_value(sum);
  }
  for (const Write& write : batch.put) after[write.key] = write.value;
  for (const Key& key : batch.erase) after.erase(key);
  model = std::move(after);
  return std::nullopt;
}

// Each key is put, erased or added at most once; conditions hold about as often as not.
inline Batch random_batch(const Model& model) {
  Batch batch;
  const auto one_of = [](int count) { return *rc::gen::inRange(0, count); };
  for (int conditions = one_of(3); conditions > 0; --conditions) {
    const Key key = std::string(1, static_cast<char>('a' + one_of(6)));
    const auto at = model.find(key);
    if (one_of(4) == 0) {
      batch.when.push_back(one_of(2) == 0 ? is_absent(key) : is_value(key, value_of("never")));
    } else {
      batch.when.push_back(at == model.end() ? is_absent(key) : is_value(key, at->second));
    }
  }
  for (char name = 'a'; name < 'd'; ++name) {
    const Key key(1, name);
    const int what = one_of(4);
    if (what == 0) batch.put.push_back({key, *rc::gen::arbitrary<Bytes>()});
    if (what == 1) batch.erase.push_back(key);
  }
  for (char name = 'd'; name < 'g'; ++name) {
    const Key key(1, name);
    const int what = one_of(4);
    if (what == 0) batch.add.push_back({key, one_of(200) - 100, -50, 150});
    if (what == 1) batch.add.push_back({.key = key, .delta = *rc::gen::arbitrary<std::int64_t>()});
    if (what == 2) batch.erase.push_back(key);
  }
  return batch;
}

template <class Function>
void in_threads(int count, Function function) {
  std::vector<std::thread> threads;
  threads.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) threads.emplace_back(function, i);
  for (std::thread& thread : threads) thread.join();
}

}  // namespace conformance

template <class Engine>
class MetaStoreConformance : public testing::Test {
 protected:
  MetaStore& store() { return engine_.store(); }
  Engine engine_;
};

TYPED_TEST_SUITE_P(MetaStoreConformance);

TYPED_TEST_P(MetaStoreConformance, WhatWasPutIsRead) {
  using namespace conformance;
  MetaStore& store = this->store();
  const Key longest(key_size_max, '\xff'), zeros("\0\0", 2);
  const Bytes large(value_size_max, 0x5a);
  ASSERT_TRUE(applied(store, {.put = {{"a", value_of("1")}, {zeros, {}}, {longest, large}}}));
  const std::vector<Key> keys = {longest, "absent", zeros, "a", "a"};
  const auto found = store.get(keys);
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, (std::vector<std::optional<Bytes>>{large, std::nullopt, Bytes{}, value_of("1"), value_of("1")}));
  ASSERT_TRUE(applied(store, {.put = {{"a", value_of("2")}}, .erase = {longest, "absent"}}));
  EXPECT_EQ(everything_in(store), (Model{{zeros, {}}, {"a", value_of("2")}}));
  EXPECT_TRUE(store.get({})->empty());
}

TYPED_TEST_P(MetaStoreConformance, ARefusedBatchNamesItsFirstFailureAndChangesNothing) {
  using namespace conformance;
  MetaStore& store = this->store();
  ASSERT_TRUE(applied(store, {.put = {{"head", value_of("7")}}, .add = {{.key = "used", .delta = 90}}}));
  const Model before = everything_in(store);
  const auto attempt = [&](std::vector<Condition> when, std::vector<Add> add) {
    return refusal(store, {.when = std::move(when),
                           .put = {{"head", value_of("8")}, {"entry", value_of("e")}},
                           .erase = {"other"},
                           .add = std::move(add),
                           .touch = {"log"}});
  };
  const Condition holds = is_value("head", value_of("7")), other = is_value("head", value_of("6"));
  const Add fits{"used", 10, 0, 100}, above{"used", 11, 0, 100}, below{"used2", -1, 0, 100};
  using enum Refused::By;
  EXPECT_EQ(attempt({other}, {}), (Refused{condition, 0}));
  EXPECT_EQ(attempt({holds, is_absent("head")}, {above}), (Refused{condition, 1}));
  EXPECT_EQ(attempt({is_absent("entry"), holds, is_value("entry", value_of("e")), other}, {}), (Refused{condition, 2}));
  EXPECT_EQ(attempt({holds}, {above}), (Refused{add, 0}));
  EXPECT_EQ(attempt({holds}, {fits, below}), (Refused{add, 1}));
  EXPECT_EQ(everything_in(store), before);
  EXPECT_EQ(attempt({holds, is_absent("entry"), holds}, {fits}), std::nullopt);
  EXPECT_EQ(count_at(store, "used"), 100);
  EXPECT_EQ(value_at(store, "head"), value_of("8"));
}

TYPED_TEST_P(MetaStoreConformance, ACounterIsExactAndNeverLeavesItsBounds) {
  using namespace conformance;
  MetaStore& store = this->store();
  const auto add = [&](const Add& what) { return applied(store, {.add = {what}}); };
  EXPECT_EQ(count_at(store, "c"), 0);
  EXPECT_TRUE(add({"c", -3, -3, 0}));
  EXPECT_EQ(value_at(store, "c"), (Bytes{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfd}));
  EXPECT_FALSE(add({"c", -1, -3, 0}));
  EXPECT_TRUE(add({"c", 3, 0, 0}));
  EXPECT_EQ(value_at(store, "c"), Bytes(8));
  EXPECT_TRUE(add({.key = "c", .delta = std::numeric_limits<std::int64_t>::max()}));
  EXPECT_FALSE(add({.key = "c", .delta = 1}));
  EXPECT_FALSE(add({.key = "c", .delta = std::numeric_limits<std::int64_t>::max()}));
  EXPECT_EQ(count_at(store, "c"), std::numeric_limits<std::int64_t>::max());
  ASSERT_TRUE(applied(store, {.erase = {"c"}}));
  EXPECT_FALSE(add({"c", 0, 1, 5}));
  EXPECT_EQ(value_at(store, "c"), std::nullopt);
}

TYPED_TEST_P(MetaStoreConformance, AValueThatIsNoCounterIsMalformedAndSpoilsNoNeighbour) {
  using namespace conformance;
  MetaStore& store = this->store();
  ASSERT_TRUE(applied(store, {.put = {{"text", value_of("123456789")}}}));
  in_threads(4, [&](int thread) {
    for (int i = 0; i < 10; ++i) {
      const Key mine = "k" + std::to_string(thread) + "." + std::to_string(i);
      if (thread == 0) {
        EXPECT_EQ(error_of(store, {.put = {{mine, {}}}, .add = {{.key = "text", .delta = 1}}}), Code::Malformed);
      } else {
        EXPECT_TRUE(applied(store, {.put = {{mine, {}}}, .add = {{.key = "count", .delta = 1}}}));
      }
    }
  });
  EXPECT_EQ(count_at(store, "count"), 30);
  EXPECT_EQ(everything_in(store).size(), 32u);
}

TYPED_TEST_P(MetaStoreConformance, PagesAreInOrderAndMissNothing) {
  using namespace conformance;
  MetaStore& store = this->store();
  const std::vector<Key> keys = {std::string("\0", 1),     "a", std::string("a\0", 2), "a\x7f", "a\x80", "a\xff", "b",
                                 Key(key_size_max, '\xff')};
  Model all;
  Batch batch;
  for (const Key& key : keys) {
    batch.put.push_back({key, Bytes(1000, 1)});
    all.emplace(key, Bytes(1000, 1));
  }
  ASSERT_TRUE(applied(store, batch));
  EXPECT_EQ(everything_in(store), all);
  for (const std::size_t rows : {1, 2, 3, 8, 9}) EXPECT_EQ(everything_in(store, {.rows = rows}), all) << rows;
  for (const std::size_t bytes : {0, 1, 1001, 2002, 2003, 9000}) EXPECT_EQ(everything_in(store, {.bytes = bytes}), all);
  EXPECT_EQ(store.scan({}, {}, {.bytes = 2002})->rows.size(), 2u);
  EXPECT_EQ(everything_in(store, {.rows = 2}, "a", "b"), Model(all.find("a"), all.find("b")));
  EXPECT_EQ(everything_in(store, {}, "a", end_of_prefix("a")), Model(all.find("a"), all.find("b")));
  EXPECT_EQ(everything_in(store, {}, "b", end_of_prefix("\xff")), Model(all.find("b"), all.end()));
  EXPECT_TRUE(everything_in(store, {}, "b", "a").empty());
  EXPECT_TRUE(everything_in(store, {}, "b", "b").empty());
  const auto last = store.scan("b", {}, {.rows = 2});
  EXPECT_EQ(last->rows.size(), 2u);
  EXPECT_TRUE(last->next.empty());
}

TYPED_TEST_P(MetaStoreConformance, WhatIsOverALimitIsRefusedAndWritesNothing) {
  using namespace conformance;
  MetaStore& store = this->store();
  const Key too_long(key_size_max + 1, 'k');
  const Write good{"good", value_of("1")};
  const auto error = [&](Batch batch) {
    batch.put.push_back(good);
    return error_of(store, batch);
  };
  for (const auto& [key, code] : {std::pair{too_long, Code::TooLarge}, std::pair{Key{}, Code::InvalidArgument}}) {
    EXPECT_EQ(error({.when = {is_absent(key)}}), code);
    EXPECT_EQ(error({.put = {{key, {}}}}), code);
    EXPECT_EQ(error({.erase = {key}}), code);
    EXPECT_EQ(error({.add = {{.key = key}}}), code);
    EXPECT_EQ(error({.touch = {key}}), code);
    EXPECT_EQ(store.get_one(key).error().code, code);
  }
  EXPECT_EQ(error({.put = {{"v", Bytes(value_size_max + 1)}}}), Code::TooLarge);
  EXPECT_EQ(error({.put = {{"v", {}}}, .erase = {"v"}}), Code::InvalidArgument);
  EXPECT_EQ(error({.put = {{"v", {}}}, .add = {{.key = "v"}}}), Code::InvalidArgument);
  EXPECT_EQ(error({.erase = {"v", "v"}}), Code::InvalidArgument);
  EXPECT_EQ(error({.put = {{"good", {}}}}), Code::InvalidArgument);
  EXPECT_EQ(store.scan({}, {}, {.rows = 0}).error().code, Code::InvalidArgument);
  EXPECT_EQ(store.get(std::vector<Key>(get_count_max + 1, "a")).error().code, Code::TooLarge);
  // Exactly at the limit, and one byte above it.
  Batch full;
  for (const char* key : {"1", "2", "3", "4"}) full.put.push_back({key, Bytes(value_size_max - 1)});
  EXPECT_EQ(error(full), Code::TooLarge);
  EXPECT_TRUE(everything_in(store).empty());
  EXPECT_TRUE(applied(store, full));
  full.put[0].value.push_back(0);
  EXPECT_EQ(error_of(store, full), Code::TooLarge);
}

// Promise: any sequence of batches ends as in the simplest model, over restarts too.
TYPED_TEST_P(MetaStoreConformance, RandomBatchesDoWhatTheModelDoes) {
  using namespace conformance;
  EXPECT_TRUE(rc::check("a store is a map with conditional batches", [] {
    TypeParam engine;
    Model model;
    for (int left = *rc::gen::inRange(1, 12); left > 0; --left) {
      const Batch batch = random_batch(model);
      const std::optional<Refused> expected = apply_to_model(model, batch);
      const auto outcome = engine.store().commit(batch);
      RC_ASSERT(outcome.has_value());
      RC_ASSERT(outcome->refused == expected);
      if (*rc::gen::inRange(0, 8) == 0) engine.reopen();
      RC_ASSERT(everything_in(engine.store()) == model);
    }
  }));
}

TYPED_TEST_P(MetaStoreConformance, ConditionalIncrementsOfManyThreadsAddUp) {
  using namespace conformance;
  MetaStore& store = this->store();
  constexpr int threads = 8, each = 20;
  std::atomic<int> lost = 0;
  in_threads(threads, [&](int) {
    for (int done = 0; done < each;) {
      const std::optional<Bytes> now = value_at(store, "n");
      const std::int64_t count = now ? std::stoll(std::string(as_text(*now))) : 0;
      const bool won = applied(store, {.when = {now ? is_value("n", *now) : is_absent("n")},
                                       .put = {{"n", value_of(std::to_string(count + 1))}},
                                       .add = {{.key = "adds", .delta = 1}}});
      won ? ++done : ++lost;
    }
  });
  EXPECT_EQ(value_at(store, "n"), value_of(std::to_string(threads * each)));
  EXPECT_EQ(count_at(store, "adds"), threads * each);
}

TYPED_TEST_P(MetaStoreConformance, ARefusedBatchNeverSpoilsItsNeighbours) {
  using namespace conformance;
  MetaStore& store = this->store();
  constexpr int threads = 8, each = 20, quota = 50;
  std::atomic<int> won = 0;
  in_threads(threads, [&](int thread) {
    for (int i = 0; i < each; ++i) {
      const Key mine = std::to_string(thread) + "/" + std::to_string(i);
      if (thread % 2 == 0) {
        EXPECT_TRUE(applied(store, {.when = {is_absent(mine)}, .put = {{mine, value_of("even")}}}));
      } else if (applied(store, {.put = {{mine, value_of("odd")}}, .add = {{"quota", 1, 0, quota}}})) {
        ++won;
      }
    }
  });
  EXPECT_EQ(won, quota);
  EXPECT_EQ(count_at(store, "quota"), quota);
  EXPECT_EQ(everything_in(store).size(), static_cast<std::size_t>(threads / 2 * each + quota + 1));
}

// Promise: get and scan see whole batches only. Method: each batch sets several keys to one value.
TYPED_TEST_P(MetaStoreConformance, ReadersSeeABatchWholeOrNotAtAll) {
  using namespace conformance;
  MetaStore& store = this->store();
  const std::vector<Key> keys = {"a", "b", "z"};
  std::atomic<bool> ended = false;
  std::thread reader([&] {
    while (!ended) {
      const auto values = store.get(keys);
      const auto page = store.scan({}, {}, {});
      ASSERT_TRUE(values && page);
      for (const auto& value : *values) EXPECT_EQ(value, values->front());
      for (const Write& row : page->rows) EXPECT_EQ(row.value, page->rows.front().value);
      EXPECT_TRUE(page->rows.empty() || page->rows.size() == keys.size());
    }
  });
  for (int i = 0; i < 60; ++i) {
    const Bytes value = value_of(std::to_string(i));
    EXPECT_TRUE(applied(store, {.put = {{"a", value}, {"b", value}, {"z", value}}}));
    EXPECT_EQ(value_at(store, "z"), value) << "a commit that returned is not seen";
  }
  ended = true;
  reader.join();
}

TYPED_TEST_P(MetaStoreConformance, WhatWasCommittedIsThereAfterReopening) {
  using namespace conformance;
  for (int i = 0; i < 50; ++i) {
    ASSERT_TRUE(
        applied(this->store(), {.put = {{"k" + std::to_string(i % 30), Bytes(static_cast<std::size_t>(i) * 997, 7)}},
                                .add = {{.key = "count", .delta = i}}}));
  }
  const Model before = everything_in(this->store());
  this->engine_.reopen();
  EXPECT_EQ(everything_in(this->store()), before);
  EXPECT_EQ(count_at(this->store(), "count"), 1225);
  EXPECT_TRUE(applied(this->store(), {.add = {{.key = "count", .delta = 1}}}));
}

TYPED_TEST_P(MetaStoreConformance, TouchesAreToldFromTheCursorOn) {
  using namespace conformance;
  MetaStore& store = this->store();
  ASSERT_TRUE(applied(store, {.touch = {"before"}}));
  const Cursor start = store.now().value();
  EXPECT_TRUE(store.changed(start, 0)->keys.empty());
  ASSERT_TRUE(applied(store, {.put = {{"written", {}}}, .touch = {"log/b", "log/a", "log/b"}}));
  EXPECT_TRUE(refusal(store, {.when = {is_absent("written")}, .touch = {"log/refused"}}));
  const auto changed = store.changed(start, 0);
  ASSERT_TRUE(changed);
  EXPECT_FALSE(changed->everything);
  EXPECT_EQ((std::set<Key>(changed->keys.begin(), changed->keys.end())), (std::set<Key>{"log/a", "log/b"}));
  EXPECT_EQ(changed->keys.size(), 2u);
  EXPECT_TRUE(store.changed(changed->next, 0)->keys.empty());
  EXPECT_TRUE(store.changed(changed->next, 1'000'000)->keys.empty());
  EXPECT_EQ(store.changed(start, 0)->keys.size(), 2u) << "the same cursor again tells the same";
}

TYPED_TEST_P(MetaStoreConformance, AWaitEndsWithTheTouch) {
  using namespace conformance;
  MetaStore& store = this->store();
  const Cursor start = store.now().value();
  std::thread other([&] { EXPECT_TRUE(applied(store, {.touch = {"log"}})); });
  const auto changed = store.changed(start, 60'000'000'000);
  other.join();
  EXPECT_EQ(changed->keys, std::vector<Key>{"log"});
}

// Promise: nobody who takes a cursor, reads the state and then waits can miss a change. Method: writers number
// their touches; one pump must see the last number of each without ever looking twice.
TYPED_TEST_P(MetaStoreConformance, AWatcherMissesNoTouch) {
  using namespace conformance;
  MetaStore& store = this->store();
  constexpr int threads = 4, each = 40;
  Cursor cursor = store.now().value();
  std::set<Key> seen;
  std::thread pump([&] {
    while (seen.size() < threads * each) {
      const auto changed = store.changed(cursor, 60'000'000'000);
      ASSERT_TRUE(changed);
      ASSERT_FALSE(changed->everything || changed->keys.empty());
      for (const Key& key : changed->keys) {
        seen.insert(key);
        EXPECT_TRUE(value_at(store, key)) << "told before it could be read";
      }
      cursor = changed->next;
    }
  });
  in_threads(threads, [&](int thread) {
    for (int i = 0; i < each; ++i) {
      const Key key = std::to_string(thread) + "/" + std::to_string(i);
      EXPECT_TRUE(applied(store, {.put = {{key, {}}}, .touch = {key}}));
    }
  });
  pump.join();
  EXPECT_EQ(seen.size(), static_cast<std::size_t>(threads * each));
}

TYPED_TEST_P(MetaStoreConformance, ACursorThatIsTooOldOrForeignSaysSo) {
  using namespace conformance;
  const Cursor old = this->store().now().value();
  Batch batch;
  for (int i = 0; i < 20'000; ++i) batch.touch.push_back("log/" + std::to_string(i));
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(applied(this->store(), batch));
  // Either all of it or "everything", never a part.
  const auto all_since = [&](Cursor cursor) {
    std::set<Key> keys;
    for (;;) {
      const auto changed = this->store().changed(cursor, 0);
      if (changed->everything) return true;
      if (changed->keys.empty()) return keys.size() == batch.touch.size();
      keys.insert(changed->keys.begin(), changed->keys.end());
      cursor = changed->next;
    }
  };
  EXPECT_TRUE(all_since(old));
  const Cursor before_closing = this->store().now().value();
  ASSERT_TRUE(applied(this->store(), batch));
  this->engine_.reopen();
  EXPECT_TRUE(all_since(before_closing));
}

REGISTER_TYPED_TEST_SUITE_P(MetaStoreConformance, WhatWasPutIsRead, ARefusedBatchNamesItsFirstFailureAndChangesNothing,
                            ACounterIsExactAndNeverLeavesItsBounds,
                            AValueThatIsNoCounterIsMalformedAndSpoilsNoNeighbour, PagesAreInOrderAndMissNothing,
                            WhatIsOverALimitIsRefusedAndWritesNothing, RandomBatchesDoWhatTheModelDoes,
                            ConditionalIncrementsOfManyThreadsAddUp, ARefusedBatchNeverSpoilsItsNeighbours,
                            ReadersSeeABatchWholeOrNotAtAll, WhatWasCommittedIsThereAfterReopening,
                            TouchesAreToldFromTheCursorOn, AWaitEndsWithTheTouch, AWatcherMissesNoTouch,
                            ACursorThatIsTooOldOrForeignSaysSo);

}  // namespace holdfast::server
