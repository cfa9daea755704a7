// A server that lies about logs: to one command, or to two that read at once.
#include <gtest/gtest.h>

#include <map>

#include "identity/chain.h"
#include "session/publish.h"
#include "tests/scenarios/log_world.h"
#include "verbs/live.h"

namespace holdfast::sim {
namespace {

constexpr std::uint64_t without_end = std::uint64_t{1} << 40;
constexpr int lies_max = 50;  // then the server is honest, so that a client that never stops fails its test

// Every look at it takes a minute.
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

std::size_t count(session::LocalState& state, const std::string& prefix) {
  std::size_t found = 0;
  EXPECT_TRUE(state.scan(prefix, [&](std::string_view, ByteView) { ++found; }));
  return found;
}

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

// Promise: of a list of what was sent that a bad disk has changed no index is made, and the same command heals.
// Method: the list is read for the commit, which loses its race, and is then read again.
TEST_F(LogScenario, ADamagedListOfWhatWasSentMakesNoIndex) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    HF_OK(doors.files.replace_file(join_path(tree_of_user, "more"), Bytes(300'000, 7), ".new"));
    const auto back_up = [&](const decltype(DirectRemote::between)& between) -> Result<backup::BackupReport> {
      Command a(doors, home, *server);
      a.remote.between = between;
      HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
      return backup::run_backup(*space, options_of_user());
    };
    bool damaged = false;
    const auto damage = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
      if (call.name != api::Append::name || std::exchange(damaged, true)) return honest();
      const Path uploads = join_path(home.shared->home, "uploads");
      HF_TRY(const auto lists, doors.files.list(uploads));
      EXPECT_EQ(lists.size(), 1u);
      HF_TRY(const auto list, doors.files.open(join_path(uploads, lists.at(0).name), OpenMode::write_existing));
      HF_OK(list->write_at(50, as_bytes("damage")));
      HF_OK(back_up_into(b));
      return honest();
    };
    EXPECT_EQ(code_of(back_up(damage)), Code::IoError);
    EXPECT_TRUE(damaged);
    HF_TRY(const auto report, back_up({}));
    EXPECT_EQ(report.problems_count, 0u);
    HF_OK(b.refresh());
    HF_TRY(const auto checked, backup::run_check(b, {true, {}}));
    EXPECT_TRUE(checked.whole());
    return {};
  });
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
    SlowClock slow(doors.clock, 60 * second_ns);
    Command a(doors, slow, home, *server);
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    HF_TRY(const auto report, backup::run_backup(*space, options_of_user()));
    EXPECT_GT(report.bytes_resumed, 0u);
    EXPECT_GE(space->head().seq, before + 2);
    HF_TRY(const auto snapshots, backup::list_snapshots(*space));
    EXPECT_EQ(snapshots.size(), 2u);
    for (const auto& snapshot : snapshots) EXPECT_FALSE(snapshot.partial);
    HF_TRY(const auto checked, backup::run_check(*space, {true, {}}));
    EXPECT_TRUE(checked.whole());
    EXPECT_EQ(count(*home.shared->state, prefix + "intent/"), 0u);
    return {};
  });
  EXPECT_REACHED("session: intent dropped");
  EXPECT_REACHED("backup: partial commit");
}

// Promise: one that gets a label (an import) and fails behind a commit on the way says what stands, and goes on.
TEST_F(LogScenario, ALabelledBackupThatFailsOnTheWaySaysWhatStands) {
  play([&](Doors& doors, OpenHome& home, session::SpaceSession& b) -> Status {
    for (const std::string name : {"alpha", "omega"})
      HF_OK(doors.files.replace_file(join_path(tree_of_user, name), Bytes(300'000, 7), ".new"));
    auto options = options_of_user();
    options.label.emplace();
    options.label->id = space::SnapshotId{{1, 2, 3}};
    {
      Command a(doors, home, *server);
      a.remote.between = [&](const Call& call, const DirectRemote::Honest& honest) -> Result<Bytes> {
        if (call.name == api::Append::name) return fail(Code::NoSpaceLeft, "refused");
        return honest();
      };
      HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
      const auto refused = backup::run_backup(*space, options);
      EXPECT_EQ(code_of(refused), Code::NoSpaceLeft);
      EXPECT_EQ(refused.error().whole.find("partial"), std::string::npos);
    }
    SlowClock slow(doors.clock, 60 * second_ns);
    Command a(doors, slow, home, *server);
    HF_TRY(const auto space, session::open_space(a.session, session::backups_space));
    options.before_commit = [] { return fail(Code::Changed, "it was changed", "", "nothing was taken"); };
    const auto failed = backup::run_backup(*space, options);
    EXPECT_EQ(code_of(failed), Code::Changed);
    EXPECT_NE(failed.error().whole.find("stands as a partial snapshot"), std::string::npos) << failed.error().whole;
    HF_OK(b.refresh());
    const auto partial = [&]() -> Result<std::ptrdiff_t> {
      HF_TRY(const auto snapshots, backup::list_snapshots(b));
      return std::ranges::count(snapshots, true, &space::Snapshot::partial);
    };
    HF_TRY(const auto left, partial());
    EXPECT_EQ(left, 1);
    options.before_commit = nullptr;
    HF_TRY(const auto report, backup::run_backup(*space, options));
    EXPECT_EQ(report.snapshot.id, options.label->id);
    return {};
  });
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
    SlowClock slow(doors.clock, 60 * second_ns);
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
