// A space's log read once more, for what stood there: from a server that lies, and from one that was lied to.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "session/log_reader.h"
#include "tests/scenarios/log_world.h"
#include "verbs/live.h"

namespace holdfast::sim {
namespace {

class VersionScenario : public LogScenario {};

// Promise: what history() tells leads to the head that this device has verified.
TEST_F(VersionScenario, AHistoryThatIsNotTheOneThatWasReadIsNoticed) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    const std::string space(session::backups_space);
    for (const std::string path : {"one", "two", "three"}) {
      Command a(doors, home, *server);
      HF_OK(verbs::make_folders(a.session, space, {{path}, false, 0, 0}));
    }
    const auto told_when = [&](const std::function<void(Reply&)>& lie) {
      Command a(doors, home, *server);
      a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        auto answer = honest();
        if (call.name != api::Read::name) return answer;
        HF_TRY(const auto read, decode<api::Read>(call.body, "a call"));
        auto reply = reply_of(answer);
        if (!is_of(reply, group_of(b.id())) || read.from_seq != 1) return answer;
        lie(*reply);
        return answer_of(*std::move(reply));
      };
      return code_of(verbs::history(a.session, {space, "two"}));
    };
    EXPECT_EQ(told_when([](Reply&) {}), std::nullopt);
    EXPECT_EQ(told_when([](Reply& reply) { reply.entries.erase(reply.entries.begin() + 2); }), Code::Tampered);
    EXPECT_EQ(told_when([](Reply& reply) { reply.entries[1].blob.back() ^= 1; }), Code::Tampered);
    EXPECT_EQ(told_when([](Reply& reply) { reply.entries.back().blob.back() ^= 1; }), Code::Tampered);
    EXPECT_EQ(told_when([](Reply& reply) { std::swap(reply.entries[1].blob, reply.entries[2].blob); }), Code::Tampered);
    EXPECT_EQ(told_when([](Reply& reply) { reply.entries.clear(); }), Code::RolledBack);
    return {};
  });
}

// Promise: every version is found, whichever checkpoint is before it, and a lie on the way to it is noticed.
TEST_F(VersionScenario, AVersionIsFoundBehindEveryCheckpoint) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession&) -> Status {
    const std::string space(session::backups_space);
    std::map<std::uint64_t, space::Root> roots;
    std::set<std::uint64_t> checkpoints;
    for (int i = 0; i < 12; ++i) {
      Command a(doors, home, *server);
      if (i % 3 == 0) doors.clock.sleep_ns(25 * 3600 * second_ns);
      HF_OK(verbs::make_folders(a.session, space, {{"folder " + std::to_string(i)}, false, 0, 0}));
      HF_TRY(const auto opened, session::open_space(a.session, space));
      roots[opened->head().seq] = opened->state().live_root;
      checkpoints.insert(opened->state().checkpoint_seq);
    }
    EXPECT_GE(checkpoints.size(), 4u);
    const auto version = [&](std::uint64_t seq, const std::function<void(std::uint64_t from, Reply&)>& lie) {
      Command a(doors, home, *server);
      const auto opened = session::open_space(a.session, space).value();
      std::uint64_t first = opened->head().seq;
      a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        auto answer = honest();
        if (call.name != api::Read::name) return answer;
        HF_TRY(const auto read, decode<api::Read>(call.body, "a call"));
        first = std::min(first, read.from_seq);
        HF_TRY(auto reply, reply_of(answer));
        lie(read.from_seq, reply);
        return answer_of(std::move(reply));
      };
      const auto root = session::live_root_at(*opened, seq);
      EXPECT_TRUE(!root || *root == roots.at(seq)) << seq;
      EXPECT_LE(first, seq);
      return std::pair(code_of(root), first);
    };
    const auto honest = [](std::uint64_t, Reply&) {};
    for (const auto& [seq, root] : roots) {
      const auto [code, first] = version(seq, honest);
      EXPECT_EQ(code, std::nullopt) << seq;
      const auto after = checkpoints.upper_bound(seq);
      EXPECT_EQ(first, after == checkpoints.begin() ? api::first_seq : *std::prev(after)) << seq;
    }
    const std::uint64_t last = roots.rbegin()->first, at = *checkpoints.rbegin();
    const auto instead = [&](std::uint64_t other) {  // of the checkpoint, when it is looked for
      return [&, other, lied = false](std::uint64_t from, Reply& reply) mutable {
        if (from != at || lied) return;
        lied = true;
        const auto entry = std::ranges::find(reply.entries, other, &api::Entry::seq);
        if (entry != reply.entries.end()) reply.entries.front() = *entry;
      };
    };
    EXPECT_EQ(version(last, instead(at + 1)).first, Code::Tampered);
    EXPECT_EQ(version(last, [&](std::uint64_t, Reply& reply) { reply.entries.front().blob.back() ^= 1; }).first,
              Code::Tampered);
    EXPECT_EQ(version(last, [&](std::uint64_t, Reply& reply) { reply.entries.clear(); }).first, Code::RolledBack);
    Command a(doors, home, *server);
    const auto opened = session::open_space(a.session, space).value();
    EXPECT_EQ(code_of(session::live_root_at(*opened, last + 1)), Code::NotFound);
    return {};
  });
}

// Promise: what counted for nothing when it was read first is no version later either (D6, D8).
TEST_F(VersionScenario, ACommitThatRewritesTheMembershipIsNoVersion) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    const std::string space(session::backups_space);
    const auto make = [&](const std::string& path) {
      Command a(doors, home, *server);
      return verbs::make_folders(a.session, space, {{path}, false, 0, 0});
    };
    HF_OK(make("before"));
    HF_OK(b.refresh());
    const session::Account& account = b.session().account();
    space::CommitBody body;
    body.space = b.id();
    body.seq = b.head().seq + 1;
    body.prev = b.head().hash;
    body.time_ns = doors.clock.now_ns();
    body.author = {account.profile.account, account.profile.device, account.chain.n, account.chain.head, 1'000'000};
    body.record = identity::no_record();
    body.state = b.state();
    body.state.live_root = {};
    body.state.membership.hash.bytes[0] ^= 1;
    HF_TRY(const auto boxes, b.boxes());
    HF_TRY(const auto entry, space::seal_commit(body, b.epoch_keys(), boxes.first, account.device, doors.random));
    HF_TRY(const auto ticket,
           b.session().server.ticket(Channel::capability, group_of(b.id()), api::Right::write, b.write_key()));
    api::Append append;
    append.tickets = {ticket};
    append.expect = b.head();
    append.entry = entry;
    HF_TRY(const auto reply, b.session().server.call(Channel::capability, append));
    EXPECT_TRUE(std::holds_alternative<api::Appended>(reply.outcome));
    HF_OK(make("after"));

    Command a(doors, home, *server);
    HF_TRY(const auto history, verbs::history(a.session, {space, "before"}));
    EXPECT_EQ(history.versions.size(), 1u);  // it never went
    EXPECT_EQ(history.alarms.at(space).at(0).seq, body.seq);
    HF_TRY(const auto opened, session::open_space(a.session, space));
    EXPECT_EQ(code_of(session::live_root_at(*opened, body.seq)), Code::NotFound);
    EXPECT_EQ(code_of(session::live_root_at(*opened, body.seq + 1)), std::nullopt);
    return {};
  });
}

}  // namespace
}  // namespace holdfast::sim
