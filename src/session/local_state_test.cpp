#include "session/local_state.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

#include "base/codec.h"
#include "base/system.h"
#include "base/system_test_directory.h"

namespace holdfast::session {

namespace {

Bytes value(std::string_view text) { return to_bytes(as_bytes(text)); }

class LocalStateFile : public ::testing::Test {
 protected:
  Result<std::unique_ptr<LocalState>> open() { return open_local_state(*files, *clock, *random, path); }
  static std::map<std::string, Bytes> all(LocalState& state, std::string_view prefix = "") {
    std::map<std::string, Bytes> out;
    std::vector<std::string> order;
    EXPECT_TRUE(state.scan(prefix, [&](std::string_view key, ByteView bytes) {
      order.emplace_back(key);
      out.emplace(key, to_bytes(bytes));
    }));
    EXPECT_TRUE(std::ranges::is_sorted(order));
    return out;
  }

  TestDirectory directory;
  std::unique_ptr<Files> files = system_files(1);
  std::unique_ptr<Clock> clock = system_clock();
  std::unique_ptr<Random> random = system_random();
  Path path = directory / "state";
};

TEST_F(LocalStateFile, KeepsWhatWasAppliedWhenItIsOpenedAgain) {
  {
    auto state = open().value();
    EXPECT_EQ(state->get("a").value(), std::nullopt);
    ASSERT_TRUE(state->apply({{{"a", value("1")}, {"b", {}}, {std::string("c\0d", 3), value("3")}}, {}}));
    ASSERT_TRUE(state->apply({{{"a", value("2")}}, {"b", "not there"}}));
  }
  auto state = open().value();
  EXPECT_EQ(state->get("a").value(), value("2"));
  EXPECT_EQ(state->get("b").value(), std::nullopt);
  EXPECT_EQ(state->get(std::string("c\0d", 3)).value(), value("3"));
  EXPECT_EQ(state->get("c").value(), std::nullopt);
}

TEST_F(LocalStateFile, AConditionalChangeIsWrittenOnlyOverTheValueThatWasSeen) {
  auto state = open().value();
  EXPECT_TRUE(state->apply_if("view", std::nullopt, {{{"view", value("1")}}, {}}).value());
  EXPECT_FALSE(state->apply_if("view", std::nullopt, {{{"view", value("2")}, {"other", value("x")}}, {}}).value());
  EXPECT_FALSE(state->apply_if("view", value("0"), {{}, {"view"}}).value());
  EXPECT_EQ(all(*state), (std::map<std::string, Bytes>{{"view", value("1")}}));
  EXPECT_TRUE(state->apply_if("view", value("1"), {{{"other", value("x")}}, {"view"}}).value());
  EXPECT_EQ(all(*state), (std::map<std::string, Bytes>{{"other", value("x")}}));
}

TEST_F(LocalStateFile, AnEmptyValueIsAValue) {
  auto state = open().value();
  ASSERT_TRUE(state->apply({{{"empty", {}}}, {}}));
  EXPECT_EQ(state->get("empty").value(), Bytes{});
}

TEST_F(LocalStateFile, ScansInKeyOrderWhatBeginsWithAPrefix) {
  auto state = open().value();
  ASSERT_TRUE(state->apply(
      {{{"s/b", value("2")}, {"s/a", value("1")}, {"s", value("0")}, {"t/a", value("4")}, {"s/\xff", value("3")}},
       {}}));
  const std::map<std::string, Bytes> expected{{"s/a", value("1")}, {"s/b", value("2")}, {"s/\xff", value("3")}};
  EXPECT_EQ(all(*state, "s/"), expected);
  EXPECT_EQ(all(*state, "u").size(), 0u);
  EXPECT_EQ(all(*state).size(), 5u);
}

TEST_F(LocalStateFile, GivesEachNumberOnce) {
  {
    auto state = open().value();
    EXPECT_EQ(state->next_number("n").value(), 1u);
    EXPECT_EQ(state->next_number("n").value(), 2u);
    EXPECT_EQ(state->next_number("m").value(), 1u);
  }
  EXPECT_EQ(open().value()->next_number("n").value(), 3u);
}

TEST_F(LocalStateFile, DoesNotTakeBytesThatAreNoNumberForOne) {
  auto state = open().value();
  ASSERT_TRUE(state->apply({{{"n", value("123")}}, {}}));
  EXPECT_EQ(state->next_number("n").error().code, Code::Malformed);
  EXPECT_EQ(state->get("n").value(), value("123"));
}

TEST_F(LocalStateFile, IsAMapWhateverIsDoneToIt) {
  EXPECT_TRUE(rc::check("against std::map, opened again now and then", [this] {
    (void)files->remove(path);
    (void)files->remove(path + "-wal");
    auto state = open().value();
    std::map<std::string, Bytes> model;
    const auto steps = *rc::gen::inRange(0, 12);
    for (int step = 0; step < steps; ++step) {
      Change change;
      change.put = *rc::gen::resize(4, rc::gen::arbitrary<std::vector<std::pair<std::string, Bytes>>>());
      change.erase = *rc::gen::resize(3, rc::gen::arbitrary<std::vector<std::string>>());
      if (!model.empty() && step % 3 == 0) change.erase.push_back(model.begin()->first);
      RC_ASSERT(state->apply(change).has_value());
      for (const auto& [key, bytes] : change.put) model.insert_or_assign(key, bytes);
      for (const std::string& key : change.erase) model.erase(key);
      if (step % 4 == 3) {
        state.reset();
        state = open().value();
      }
      RC_ASSERT(all(*state) == model);
    }
  }));
}

TEST_F(LocalStateFile, HoldsValuesLargerThanAPage) {
  Bytes large(300'000);
  random->fill(large);
  {
    auto state = open().value();
    ASSERT_TRUE(state->apply({{{"large", large}}, {}}));
  }
  EXPECT_EQ(open().value()->get("large").value(), large);
}

TEST_F(LocalStateFile, ADamagedFileIsTampered) {
  {
    auto state = open().value();
    for (int i = 0; i < 200; ++i) ASSERT_TRUE(state->apply({{{"key " + std::to_string(i), Bytes(200, 1)}}, {}}));
  }
  Bytes bytes = files->read_file(path, 1 << 30).value();
  const auto opened_after = [&](const Bytes& changed) {
    EXPECT_TRUE(files->replace_file(path, changed));
    auto state = open();
    if (!state) return state.error().code;
    const Status scanned = (*state)->scan("", [](std::string_view, ByteView) {});
    return scanned ? Code::Internal : scanned.error().code;
  };
  EXPECT_EQ(opened_after(bytes), Code::Internal) << "no error";
  Bytes garbage = bytes;
  std::fill(garbage.begin(), garbage.begin() + 100, std::uint8_t{0xaa});
  EXPECT_EQ(opened_after(garbage), Code::Tampered);
  Bytes inner = bytes;
  std::fill(inner.begin() + 4096, inner.begin() + 4096 + 200, std::uint8_t{0xaa});
  EXPECT_EQ(opened_after(inner), Code::Tampered);
}

TEST_F(LocalStateFile, OfANewerProgramIsLeftAlone) {
  {
    (void)open().value();
  }
  Bytes bytes = files->read_file(path, 1 << 30).value();
  bytes[63] = 9;  // user_version, as SQLite's header has it
  ASSERT_TRUE(files->replace_file(path, bytes));
  EXPECT_EQ(open().error().code, Code::Unsupported);
  EXPECT_EQ(files->read_file(path, 1 << 30).value(), bytes);
}

TEST_F(LocalStateFile, TellsTheDoorsOwnError) {
  path = directory / "no such folder/state";
  EXPECT_EQ(open().error().code, Code::NotFound);
  ASSERT_TRUE(files->make_directories(directory / "folder"));
  path = directory / "folder";
  EXPECT_FALSE(open());
}

TEST_F(LocalStateFile, IsReadableByItsOwnerAlone) {
  auto state = open().value();
  ASSERT_TRUE(state->apply({{{"a", value("1")}}, {}}));
  const auto entries = files->list(directory.path()).value();
  ASSERT_FALSE(entries.empty());
  for (const auto& entry : entries) EXPECT_EQ(entry.stat->mode, 0600u) << entry.name;
}

}  // namespace

}  // namespace holdfast::session
