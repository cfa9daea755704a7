// A server that lies about logs: to one command, or to two that read at once.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "identity/chain.h"
#include "session/log_reader.h"
#include "session/publish.h"
#include "tests/scenarios/direct_command.h"
#include "verbs/live.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t without_end = std::uint64_t{1} << 40;
constexpr int lies_max = 50;  // then the server is honest, so that a client that never stops fails its test

// Every look at it takes a minute.
class SlowClock final : public Clock {
 public:
  explicit SlowClock(Clock& real) : real_(real) {}
  std::int64_t now_ns() override { return real_.now_ns(); }
  std::int64_t monotonic_ns() override { return real_.monotonic_ns() + (looks_ += 60 * second_ns); }
  void sleep_ns(std::int64_t duration) override { real_.sleep_ns(duration); }

 private:
  Clock& real_;
  std::int64_t looks_ = 0;
};

using Reply = api::Read::Reply;

Result<Reply> reply_of(const Result<Bytes>& answer) {
  HF_TRY(const Bytes bytes, answer);
  return session::ApiClient::decode_answer<api::Read>(bytes);
}

Bytes answer_of(Reply reply) { return encode(api::Answer<api::Read>(std::move(reply))); }

bool is_of(const Result<Reply>& reply, const GroupId& group) {
  return reply && !reply->entries.empty() && reply->entries.front().group == group;
}

api::Entry forged_after(const api::Entry& last) {
  api::Entry entry;
  entry.group = last.group;
  entry.seq = last.seq + 1;
  entry.prev = api::entry_hash(last);
  entry.blob.assign(10'000, 7);
  return entry;
}

backup::BackupOptions options_of_user() {
  backup::BackupOptions options;
  options.paths = {tree_of_user};
  options.host = "laptop";
  return options;
}

Status back_up_into(session::SpaceSession& space) {
  HF_OK(backup::run_backup(space, options_of_user()));
  return {};
}

// The only snapshot from now on, of chunks as a hostile member could make them.
Status commit_snapshot(session::SpaceSession& space, std::vector<space::InlineChunk> chunks, const space::Root& root) {
  space::Snapshot snapshot;
  snapshot.id.bytes.fill(9);
  snapshot.account = space.session().account().profile.account;
  snapshot.device = space.session().account().profile.device;
  snapshot.seq = space.head().seq + 1;
  snapshot.root = root;
  space::TreeBuilder<space::Snapshot> snapshots(space.root_keys(), [&](const ChunkId&, Bytes node) -> Status {
    chunks.push_back({space::ChunkKind::node, std::move(node)});
    return {};
  });
  HF_OK(snapshots.add(snapshot));
  HF_TRY(const auto list, snapshots.finish());
  HF_TRY(const auto upload, session::Upload::begin(space, "hostile"));
  HF_OK(session::put_chunks(space, *upload, chunks));
  HF_OK(space.commit([&]() -> Result<session::Draft> {
    HF_TRY(auto index, session::make_index(space, *upload));
    session::Draft draft;
    draft.kind = space::CommitKind::snapshot;
    draft.state = space.state();
    draft.state.index = std::move(index.index);
    draft.state.snapshots_root = list.root;
    draft.retire = std::move(index.retire);
    draft.publish = {upload->id()};
    return draft;
  }));
  return upload->published();
}

space::TreeEntry folder_of(std::string name, const space::BuiltTree& tree) {
  space::TreeEntry folder;
  folder.name = std::move(name);
  folder.mode = 0700;
  folder.content = space::DirectoryContent{tree.root, tree.entries, tree.bytes};
  return folder;
}

Status commit_deep_snapshot(session::SpaceSession& space, std::size_t depth) {
  std::vector<space::InlineChunk> nodes;
  space::BuiltTree tree;
  for (std::size_t i = 0; i < depth; ++i) {
    space::TreeBuilder<space::TreeEntry> builder(space.root_keys(), [&](const ChunkId&, Bytes node) -> Status {
      nodes.push_back({space::ChunkKind::node, std::move(node)});
      return {};
    });
    HF_OK(builder.add(folder_of("d", tree)));
    HF_TRY(tree, builder.finish());
  }
  return commit_snapshot(space, std::move(nodes), tree.root);
}

template <class T>
std::optional<Code> code_of(const Result<T>& result) {
  return result ? std::nullopt : std::optional(result.error().code);
}

std::size_t count(session::LocalState& state, const std::string& prefix) {
  std::size_t found = 0;
  EXPECT_TRUE(state.scan(prefix, [&](std::string_view, ByteView) { ++found; }));
  return found;
}

class LogScenario : public ::testing::Test {
 protected:
  // Signs up and backs up once, then plays `scenario` in one process.
  void play(const std::function<Status(Doors&, OpenHome&, session::SpaceSession&)>& scenario) {
    world.serve(server);
    plant(laptop.hand(), world.dice());
    ASSERT_TRUE(laptop.run("signup", [&](Doors& doors) { return sign_up(doors, server->link()); }));
    ASSERT_TRUE(laptop.run("backup", [&](Doors& doors) { return back_up(doors, tree_of_user); }));
    const auto played = laptop.run("scenario", [&](Doors& doors) -> Status {
      HF_TRY(auto home, open_home(doors));
      Command command(doors, home, *server);
      HF_TRY(const auto space, session::open_space(command.session, session::backups_space));
      prefix = "space/" + space->id().hex() + "/";
      return scenario(doors, home, *space);
    });
    ASSERT_TRUE(played) << played.error().sentence;
  }

  World world;
  std::shared_ptr<BackupServer> server = std::make_shared<BackupServer>(1);
  Device& laptop = world.device("laptop");
  std::string prefix;
};

// Promise: what one command was acknowledged, another one that read before can't take back.
// Method: the server holds A's read of the log back while B commits; then it hides B's last commit from C.
TEST_F(LogScenario, TheHeadNeverGoesBackWhenTwoCommandsReadAtOnce) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    Command a(doors, home, *server), c(doors, home, *server);
    bool held = false;
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name != api::Read::name || held || !is_of(reply_of(honest()), group_of(b.id()))) return honest();
      held = true;
      HF_OK(back_up_into(b));
      const auto answer = honest();
      HF_OK(back_up_into(b));
      return answer;
    };
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    EXPECT_TRUE(held);
    EXPECT_EQ(space->head(), b.head());
    EXPECT_EQ(space->inlined_commits(), b.inlined_commits());

    c.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      auto answer = honest();
      if (call.name != api::Read::name) return answer;
      auto reply = reply_of(answer);
      if (!is_of(reply, group_of(b.id()))) return answer;
      std::erase_if(reply->entries, [&](const api::Entry& entry) { return entry.seq >= b.head().seq; });
      reply->head_seq = b.head().seq - 1;
      return answer_of(*std::move(reply));
    };
    const auto third = session::open_space(c.session, session::backups_space);
    EXPECT_EQ(code_of(third), Code::RolledBack);
    return {};
  });
  EXPECT_REACHED("session: another verb was faster");
}

TEST_F(LogScenario, TwoCommandsThatAreShownTwoLogsNoticeIt) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    Command a(doors, home, *server), c(doors, home, *server);
    bool lied = false;
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      auto answer = honest();
      if (call.name != api::Read::name || lied) return answer;
      auto reply = reply_of(answer);
      if (!is_of(reply, group_of(b.id()))) return answer;
      lied = true;
      HF_OK(back_up_into(b));
      reply->entries.push_back(forged_after(reply->entries.back()));
      reply->head_seq = reply->entries.back().seq;
      return answer_of(*std::move(reply));
    };
    const auto forked = session::open_space(a.session, session::backups_space);
    EXPECT_EQ(code_of(forked), Code::Forked);
    HF_TRY(const auto space, session::open_space(c.session, session::backups_space));
    EXPECT_EQ(space->head(), b.head());
    EXPECT_TRUE(space->alarms().empty());
    return {};
  });
}

// Promise: a commit whose answer was lost is not made again, though the next one in the log is another command's
// checkpoint, below which this device keeps no entries.
TEST_F(LogScenario, ALostAnswerBehindACheckpointMakesNoSecondCommit) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    Command a(doors, home, *server);
    const std::uint64_t before = b.head().seq;
    doors.clock.sleep_ns(24 * 3600 * second_ns - 30 * second_ns);
    int appends = 0;
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name != api::Append::name) return honest();
      if (++appends > 1)
        return encode(api::Answer<api::Append>(api::Append::Reply{api::Append::Behind{b.head().seq, b.head(), {}}}));
      HF_OK(honest());
      doors.clock.sleep_ns(60 * second_ns);
      HF_OK(back_up_into(b));
      EXPECT_EQ(b.state().checkpoint_seq, before + 2);
      return fail(Code::Unreachable, "the answer is lost");
    };
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    HF_OK(back_up_into(*space));
    EXPECT_EQ(appends, 2);
    EXPECT_EQ(space->head().seq, before + 2);
    EXPECT_EQ(count(*home.shared->state, prefix + "intent/"), 0u);
    return {};
  });
  EXPECT_REACHED("session: own commit found behind a lost answer");
}

// Promise: what a long backup has sent is part of the space before the backup ends (D21), and the snapshot on the way
// is replaced by the whole one.
TEST_F(LogScenario, ALongBackupCommitsOnTheWay) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    for (const std::string name : {"alpha", "omega"})
      HF_OK(doors.files.replace_file(join_path(tree_of_user, name), Bytes(300'000, 7), ".new"));
    {
      Command a(doors, home, *server);
      a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        if (call.name == api::Append::name) return fail(Code::NoSpaceLeft, "refused");
        return honest();
      };
      HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
      EXPECT_EQ(code_of(backup::run_backup(*space, options_of_user())), Code::NoSpaceLeft);
    }
    EXPECT_EQ(count(*home.shared->state, prefix + "intent/"), 1u);
    HF_OK(b.refresh());
    const std::uint64_t before = b.head().seq;
    SlowClock slow(doors.clock);
    Command a(doors, slow, home, *server);
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    HF_TRY(const auto report, backup::run_backup(*space, options_of_user()));
    EXPECT_GT(report.bytes_resumed, 0u);
    EXPECT_GE(space->head().seq, before + 2);
    HF_TRY(const auto snapshots, backup::list_snapshots(*space));
    EXPECT_EQ(snapshots.size(), 2u);
    for (const auto& listed : snapshots) EXPECT_FALSE(listed.snapshot.partial);
    HF_TRY(const auto checked, backup::run_check(*space, {true, {}}));
    EXPECT_TRUE(checked.whole());
    EXPECT_EQ(count(*home.shared->state, prefix + "intent/"), 0u);
    return {};
  });
  EXPECT_REACHED("session: intent dropped");
  EXPECT_REACHED("backup: partial commit");
}

// The same of a long put: nothing of it stands before its end, and no snapshot is left.
TEST_F(LogScenario, ALongPutCommitsOnTheWay) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    for (const std::string name : {"alpha", "omega"})
      HF_OK(doors.files.replace_file(join_path(tree_of_user, name), Bytes(300'000, 7), ".new"));
    auto options = options_of_user();
    options.into_live = "here";
    {
      Command a(doors, home, *server);
      a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        if (call.name == api::Append::name) return fail(Code::NoSpaceLeft, "refused");
        return honest();
      };
      HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
      EXPECT_EQ(code_of(backup::run_backup(*space, options)), Code::NoSpaceLeft);
    }
    HF_OK(b.refresh());
    const std::uint64_t before = b.head().seq;
    std::size_t standing = 0;
    SlowClock slow(doors.clock);
    Command a(doors, slow, home, *server);
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      const bool appends = call.name == api::Append::name;
      EXPECT_TRUE(!appends || ++standing < 2 || b.state().live_root.is_zero());
      auto answer = honest();
      if (appends && standing == 1) HF_OK(b.refresh());
      return answer;
    };
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    HF_TRY(const auto report, backup::run_backup(*space, options));
    EXPECT_GE(space->head().seq, before + 2);
    EXPECT_EQ(report.snapshot.seq, space->head().seq);
    HF_TRY(const auto snapshots, backup::list_snapshots(*space));
    EXPECT_EQ(snapshots.size(), 1u);  // the backup's
    session::SpaceReader reader(*space);
    HF_TRY(const auto omega, space::find_path(reader, space->state().live_root, "here/documents/omega"));
    EXPECT_EQ(omega.file()->size, 300'000u);
    HF_TRY(const auto checked, backup::run_check(*space, {true, {}}));
    EXPECT_TRUE(checked.whole());
    return {};
  });
  EXPECT_REACHED("backup: partial commit");
}

// Promise: what history() tells leads to the head that this device has verified.
TEST_F(LogScenario, AHistoryThatIsNotTheOneThatWasReadIsNoticed) {
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
TEST_F(LogScenario, AVersionIsFoundBehindEveryCheckpoint) {
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
TEST_F(LogScenario, ACommitThatRewritesTheMembershipIsNoVersion) {
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

TEST_F(LogScenario, AViewThatWasMovedBackIsNoticed) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    HF_TRY(const auto older, home.shared->state->get(prefix + "view"));
    HF_OK(back_up_into(b));
    HF_OK(home.shared->state->apply({{{prefix + "view", *older}}, {}}));
    Command a(doors, home, *server);
    const auto space = session::open_space(a.session, session::backups_space);
    EXPECT_EQ(code_of(space), Code::RolledBack);
    return {};
  });
}

// Promise: entries that count for nothing cost bounded time and disk, however many the server makes up.
TEST_F(LogScenario, AnEndlessLogOfVoidEntriesIsGivenUp) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    const std::size_t kept = count(*home.shared->state, prefix + "entry/");
    std::map<std::uint64_t, api::Entry> forged;
    int lies = 0;
    Command a(doors, home, *server);
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      auto answer = honest();
      if (call.name != api::Read::name || lies > lies_max) return answer;
      HF_TRY(const auto read, decode<api::Read>(call.body, "a call"));
      auto reply = reply_of(answer);
      if (const auto from = forged.find(read.from_seq); from != forged.end()) {
        reply = Reply{0, {from->second}};
      } else if (!is_of(reply, group_of(b.id()))) {
        return answer;
      }
      ++lies;
      for (int i = 0; i < 200; ++i) {
        reply->entries.push_back(forged_after(reply->entries.back()));
        forged[reply->entries.back().seq] = reply->entries.back();
      }
      reply->head_seq = without_end;
      return answer_of(*std::move(reply));
    };
    const auto space = session::open_space(a.session, session::backups_space);
    EXPECT_EQ(code_of(space), Code::Tampered);
    EXPECT_LT(lies, 10);
    EXPECT_EQ(count(*home.shared->state, prefix + "entry/"), kept);
    EXPECT_LE(count(*home.shared->state, prefix + "void/"), 1000u);
    return {};
  });
}

TEST_F(LogScenario, ACommitThatIsAlwaysLateIsGivenUp) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession&) -> Status {
    int lies = 0;
    Command a(doors, home, *server);
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name != api::Append::name || ++lies > lies_max) return honest();
      return encode(api::Answer<api::Append>(api::Append::Reply{api::Behind{without_end, {}, {}}}));
    };
    const auto before = space->head();
    const auto done = back_up_into(*space);
    EXPECT_EQ(code_of(done), Code::Tampered);
    EXPECT_EQ(lies, 1);
    EXPECT_EQ(space->head(), before);
    return {};
  });
}

TEST_F(LogScenario, AnEndlessAccountLogIsGivenUp) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession&) -> Status {
    int lies = 0;
    Command a(doors, home, *server);
    std::optional<api::Entry> last;
    a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      auto answer = honest();
      if (call.name != api::Read::name || call.channel != Channel::account || ++lies > lies_max) return answer;
      HF_TRY(auto reply, reply_of(answer));
      if (!last) last = reply.entries.back();
      HF_TRY(auto content, decode<identity::AccountEntry>(last->blob, "an entry"));
      ++std::get<identity::Link>(content.content).body.n;
      ++last->seq;
      last->blob = encode(content);
      reply.entries.push_back(*last);
      reply.head_seq = without_end;
      return answer_of(std::move(reply));
    };
    const auto checked = session::check_chain(a.session.server, a.session.account());
    EXPECT_EQ(code_of(checked), Code::NotAuthorized);
    EXPECT_EQ(lies, 1);
    return {};
  });
}

// Promise: an entry that counts for nothing is told of by whatever verb opens its space, and of the home space by all.
TEST_F(LogScenario, AVoidEntryIsAnAlarmOfEveryVerb) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    for (int i = 0; i < 3; ++i) HF_OK(back_up_into(b));  // the logs are told apart by their lengths
    std::map<std::uint64_t, api::Entry> forged;
    const auto lie = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      auto answer = honest();
      if (call.name != api::Read::name || call.channel != Channel::capability) return answer;
      HF_TRY(const auto read, decode<api::Read>(call.body, "a call"));
      if (const auto known = forged.find(read.from_seq); known != forged.end())
        return answer_of(Reply{known->first, {known->second}});
      HF_TRY(auto reply, reply_of(answer));
      reply.entries.push_back(forged_after(reply.entries.back()));
      reply.head_seq = reply.entries.back().seq;
      forged[reply.head_seq] = reply.entries.back();
      return answer_of(std::move(reply));
    };
    const std::string space(session::backups_space), root(session::home_space);
    const auto with_alarms = [&](const auto& verb) {
      Command command(doors, home, *server);
      command.remote.between = lie;
      const auto done = verb(command.session);
      EXPECT_TRUE(done);
      EXPECT_EQ(command.session.alarms.count(root), 1u);
      return command.session.alarms;
    };
    const auto expected = with_alarms([&](auto& session) { return verbs::snapshots(session, space); });
    EXPECT_EQ(expected.at(space).size(), 1u);
    EXPECT_EQ(expected.at(space).at(0).seq, b.head().seq + 1);
    EXPECT_EQ(expected.at(root).size(), 1u);
    const auto given = [&](const session::Alarms& alarms) {
      EXPECT_EQ(alarms.at(space).size(), 1u);
      EXPECT_EQ(alarms.at(root).size(), 1u);
    };
    (void)with_alarms([&](auto& session) {
      auto done = verbs::list(session, space, {.tree = "latest"}, true);
      if (done) given(done->alarms);
      return done;
    });
    (void)with_alarms([&](auto& session) {
      const Path target = "/home/user/out";
      (void)doors.files.make_directories(target);
      backup::RestoreOptions options;
      options.target = target;
      auto done = verbs::restore(session, space, "latest", options);
      if (done) given(done->alarms);
      return done;
    });
    given(with_alarms([&](auto& session) {
      return verbs::cat(session, space, {"latest", false, "documents/twice.txt"}, [](ByteView) { return Status(); });
    }));
    given(with_alarms([&](auto& session) { return verbs::space_info(session, space); }));
    (void)with_alarms([&](auto& session) { return verbs::space_list(session); });
    (void)with_alarms([&](auto& session) {
      auto done = verbs::status(session);
      EXPECT_TRUE(done && done->home_alarms.size() == 1 && done->alarmed());
      return done;
    });
    return {};
  });
}

TEST_F(LogScenario, FoldersNestedWithoutEndAreNotWalked) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    Command a(doors, home, *server);
    HF_OK(commit_deep_snapshot(b, 200));
    HF_TRY(const auto listing, verbs::list(a.session, std::string(session::backups_space), {.tree = "latest"}, true));
    EXPECT_EQ(listing.entries.size(), 200u);
    HF_OK(commit_deep_snapshot(b, space::folders_deep_max + 10));
    const auto refused = verbs::list(a.session, std::string(session::backups_space), {.tree = "latest"}, true);
    EXPECT_EQ(code_of(refused), Code::Malformed);
    return {};
  });
}

// Promise: what was asked for ahead, and is not wanted after an error, disturbs nobody.
// Method: a folder whose first node is nowhere; its second is on its way when the walk ends there, and data is fetched.
TEST_F(LogScenario, AFolderThatBreaksOffLeavesTheRestWhole) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    const space::RootKeys& keys = b.root_keys();
    std::vector<space::InlineChunk> chunks;
    const auto add = [&](space::ChunkKind kind, Bytes bytes) {
      const ChunkId id = space::chunk_id(keys.chunk_id, kind, bytes);
      chunks.push_back({kind, std::move(bytes)});
      return id;
    };
    const Bytes content = to_bytes(as_bytes("whole"));
    space::TreeEntry file;
    file.name = "file";
    file.mode = 0600;
    file.content = space::FileContent{content.size(), space::OneChunk{add(space::ChunkKind::data, content)}};
    space::TreeEntry empty;
    empty.name = "n";
    empty.mode = 0600;
    empty.content = space::FileContent{};
    const ChunkId there = add(space::ChunkKind::node, encode(space::Node{0, std::vector{empty}}));
    ChunkId nowhere;
    nowhere.bytes.fill(5);
    const std::vector<space::NamedChild> children{{"a", nowhere, 1, 0}, {"n", there, 1, 0}};
    const space::BuiltTree broken{add(space::ChunkKind::node, encode(space::Node{1, children})), 2, 0};
    const std::vector entries{folder_of("broken", broken), file};
    const ChunkId root = add(space::ChunkKind::node, encode(space::Node{0, entries}));
    HF_OK(commit_snapshot(b, std::move(chunks), root));

    Command a(doors, home, *server);
    backup::RestoreOptions options;
    options.target = "/home/user/out";
    HF_OK(doors.files.make_directories(options.target));
    HF_TRY(const auto done, verbs::restore(a.session, std::string(session::backups_space), "latest", options));
    EXPECT_EQ(done.report.problems_count, 1u);
    EXPECT_EQ(done.report.problems.at(0).path, "broken");
    EXPECT_EQ(done.report.problems.at(0).error.code, Code::Missing);
    HF_TRY(const Bytes restored, doors.files.read_file("/home/user/out/file", 100));
    EXPECT_EQ(restored, content);
    return {};
  });
}

}  // namespace
}  // namespace holdfast::sim
