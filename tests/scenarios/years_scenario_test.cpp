// What happens to a space in years, in any order: commands by turns and among each other, and all that goes wrong on a
// device, on the way and at the server.
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "backup/unforget.h"
#include "base/reached.h"
#include "tests/scenarios/backup_world.h"
#include "tests/scenarios/direct_command.h"
#include "verbs/live.h"

namespace holdfast::sim {
namespace {

constexpr std::size_t notes = 4;

// Before one of its calls something else happens.
class AmongRemote final : public Remote {
 public:
  AmongRemote(Remote& way, std::uint64_t at_call, std::function<void()> other)
      : way_(way), left_(at_call), other_(std::move(other)) {}
  RequestId submit(Call call) override {
    if (left_-- == 0) other_();
    return way_.submit(std::move(call));
  }
  std::pair<RequestId, Result<Bytes>> next() override { return way_.next(); }
  [[nodiscard]] std::size_t in_flight() const override { return way_.in_flight(); }

 private:
  Remote& way_;
  std::uint64_t left_;
  std::function<void()> other_;
};

// Answers questions about logs as it did at some time before, if it was asked them then.
class OldState final : public Server {
 public:
  explicit OldState(std::shared_ptr<BackupServer> honest) : honest_(std::move(honest)) {}
  Result<Bytes> handle(const Call& call) override {
    const bool question = call.name == api::Head::name || call.name == api::Read::name;
    if (!question) return honest_->handle(call);
    auto& known = answers_[{call.name, call.body}];
    if (lies && !known.empty()) {
      reached("years: an answer of older state");
      return known;
    }
    auto answer = honest_->handle(call);
    if (answer && known.empty()) known = *answer;
    return answer;
  }
  void crashed(Prng& dice) override { honest_->crashed(dice); }
  bool lies = false;

 private:
  std::shared_ptr<BackupServer> honest_;
  std::map<std::pair<std::string, Bytes>, Bytes> answers_;
};

Result<std::unique_ptr<session::SpaceSession>> the_space(session::Session& session) {
  auto space = session::open_space(session, session::backups_space);
  if (!space && space.error().code == Code::NotFound) space = session::create_space(session, session::backups_space);
  return space;
}

backup::BackupOptions options_of(const Path& path) {
  backup::BackupOptions options;
  options.paths = {path};
  options.host = "laptop";
  return options;
}

// One person's account, and what it was promised.
class Life : OneLaptop {
 public:
  explicit Life(World& world_given) : OneLaptop(world_given), old_state_(std::make_shared<OldState>(server)) {
    for (const std::string folder : {"/letters/old", "/empty"})
      EXPECT_TRUE(laptop.hand().make_directories(tree_of_user + folder));
    for (const std::string file : {"/letters/first.txt", "/letters/old/second.txt", "/twice.txt"})
      write(laptop.hand(), tree_of_user + file, some_bytes(dice(), 1 + dice().below(3000)));
    world.serve(old_state_);
    allowed_.assign(notes, {std::nullopt});
  }

  void begin() {
    ASSERT_TRUE(sign_up_once());
    ASSERT_TRUE(calmly([](session::Session& session) -> Status {
      HF_OK(the_space(session));
      return {};
    }));
  }

  // Some commands, each perhaps with another among its calls, on a world as `chances` say.
  void live(std::size_t turns, const Chances& chances) {
    for (; turns > 0 && !testing::Test::HasFailure(); --turns) {
      time_passes();
      const auto before = listed();
      world.chances(chances);
      misfortune();
      const bool forgets = one_in(3) ? play_against_a_prune() : play_any();
      world.scheduler().crash_at(0);
      world.restore_power();
      world.chances({});
      world.network().set_down(false);
      laptop.disk().set_read_only(false);
      laptop.disk().fill_up(0);
      old_state_->lies = false;
      if (forgets) note_forgotten(before, listed());
    }
  }

  // All that was promised holds, and nothing is in anybody's way.
  void expect_promises_kept() {
    for (Work work : {backup_now(), prune_now()}) {
      play(work, nullptr);
      ASSERT_TRUE(work.outcome) << work.outcome.error().sentence << " " << work.outcome.error().object;
    }
    server->sweep_as_in_weeks();
    std::set<std::string> there;
    for (const auto& snapshot : listed()) {
      there.insert(snapshot.id.hex());
      if (saved_.contains(snapshot.id.hex())) expect_restored(snapshot.id.hex());
      if (testing::Test::HasFailure()) return;
    }
    for (const std::string& id : kept_) EXPECT_TRUE(there.contains(id)) << "lost a snapshot: " << id;
    for (std::size_t i = 0; i < notes; ++i) expect_note(i);
    for (const auto& [seq, path, text] : versions_) expect_text(path, seq, text);
    const auto whole = laptop.run("check", [](Doors& doors) { return check(doors); });
    ASSERT_TRUE(whole) << whole.error().sentence;
    EXPECT_TRUE(whole->whole()) << whole->findings[0].object << " " << whole->findings[0].sentence;
  }

 private:
  struct Work {
    std::string name;
    std::function<Status(session::Session&)> go;
    bool forgets = false;
    Status outcome = fail(Code::Crashed, "it did not live to tell");
  };

  Prng& dice() { return world.dice(); }
  bool one_in(std::uint64_t n) { return dice().below(n) == 0; }

  // --- what happens between commands ---
  void time_passes() {
    if (one_in(2)) change(laptop.hand(), dice());
    if (one_in(3)) {  // new, or as it once was
      if (larges_.empty() || one_in(3)) larges_.push_back(some_bytes(dice(), 100'000));
      write(laptop.hand(), tree_of_user + "/large", larges_[dice().below(larges_.size())]);
    }
    if (one_in(8)) server->sweep_as_in_weeks();
    if (one_in(20))
      laptop.jump_clock(static_cast<std::int64_t>(dice().below(100) * 3600) * second_ns * (one_in(2) ? 1 : -1));
    if (one_in(4)) {
      const auto days = static_cast<std::int64_t>(dice().below(40));
      world.advance(days * 24 * 3600 * second_ns);
      server->advance(days * 24 * 3600 * second_ns);
    }
  }
  // Until the commands have ended.
  void misfortune() {
    if (one_in(10)) laptop.disk().fill_up(1 + dice().below(300));
    if (one_in(20)) laptop.disk().set_read_only(true);
    if (one_in(20)) world.network().set_down(true);
    if (one_in(12)) old_state_->lies = true;
    if (one_in(3)) world.scheduler().crash_at(world.steps() + 1 + dice().below(400));
  }

  // --- commands ---
  Work any_work(std::size_t among) {
    const std::uint64_t draw = dice().below(20), note = 2 * dice().below(notes / 2) + among;
    if (draw < 8) return backup_now();
    if (draw < 11) return forget_now(1 + dice().below(2));
    if (draw < 14) return prune_now();
    if (draw < 15) return unforget_now();
    if (draw < 17) return remove_note(note);
    return put_note(note);
  }
  Work backup_now() {
    return {"backup", [this, tree = look(laptop.hand(), tree_of_user)](session::Session& session) -> Status {
              HF_TRY(const auto space, the_space(session));
              HF_TRY(const auto report, backup::run_backup(*space, options_of(tree_of_user)));
              if (report.problems_count > 0) return fail(Code::Incomplete, "something was left out");
              saved_[report.snapshot.id.hex()] = tree;
              kept_.insert(report.snapshot.id.hex());
              return {};
            }};
  }
  Work forget_now(std::uint64_t last) {
    last_ = std::min(last_, last);
    return {"forget",
            [last](session::Session& session) -> Status {
              HF_TRY(const auto space, the_space(session));
              backup::ForgetOptions options;
              options.rules.last = static_cast<std::uint32_t>(last);
              HF_OK(backup::run_forget(*space, options));
              return {};
            },
            true};
  }
  static Work prune_now() {
    return {"prune", [](session::Session& session) -> Status {
              HF_TRY(const auto space, the_space(session));
              HF_OK(backup::run_prune(*space, {}));
              return {};
            }};
  }
  Work unforget_now() {
    return {"unforget", [this](session::Session& session) -> Status {
              HF_TRY(const auto space, the_space(session));
              HF_TRY(const auto forgotten, backup::list_forgotten(*space));
              if (forgotten.empty()) return {};
              const std::string id = forgotten[forgotten.size() / 2].snapshot.id.hex();
              backup::UnforgetOptions options;
              options.ids = {id};
              HF_OK(backup::run_unforget(*space, options));
              if (saved_.contains(id)) kept_.insert(id);
              reached("years: a snapshot was brought back");
              return {};
            }};
  }
  static std::string note_path(std::size_t i) { return "notes/note-" + std::to_string(i); }
  Work put_note(std::size_t i) {
    const std::string text = std::to_string(dice().next()) + std::string(one_in(8) ? 90'000 : 10, 'x');
    const Path file = "/home/user/note-" + std::to_string(i);
    allowed_[i].emplace_back(text);  // whether it is told or not
    return {"put", [this, i, text, file](session::Session& session) -> Status {
              write(laptop.hand(), file, as_bytes(text));
              auto options = options_of(file);
              HF_TRY(const auto done, verbs::put(session, {std::string(session::backups_space), "notes"}, options));
              if (done.report.problems_count > 0) return fail(Code::Incomplete, "something was left out");
              allowed_[i] = {text};
              if (done.report.snapshot.seq > 0) versions_.emplace_back(done.report.snapshot.seq, note_path(i), text);
              return {};
            }};
  }
  Work remove_note(std::size_t i) {
    allowed_[i].emplace_back(std::nullopt);
    return {"rm", [this, i](session::Session& session) -> Status {
              const auto removed = verbs::remove(session, std::string(session::backups_space), {note_path(i)}, false);
              if (!removed && removed.error().code != Code::NotFound) return pass_on(removed.error());
              allowed_[i] = {std::nullopt};
              return {};
            }};
  }

  bool play_any() {
    Work work = any_work(0), other = any_work(1);
    const bool both = one_in(2);
    play(work, both ? &other : nullptr);
    return work.forgets || (both && other.forgets);
  }
  // What a backup needs is forgotten, and pruned while it runs.
  bool play_against_a_prune() {
    Work forget = forget_now(1);
    play(forget, nullptr);
    if (!larges_.empty()) write(laptop.hand(), tree_of_user + "/large", larges_[dice().below(larges_.size())]);
    Work backup = backup_now(), prune = prune_now();
    play(backup, &prune);
    return true;
  }
  // One command, and perhaps another of the same owner before one of its calls.
  void play(Work& work, Work* other) {
    Process* self = nullptr;
    const std::uint64_t at_call = dice().below(8);
    self = &laptop.start(work.name, [&](Doors& doors) {
      work.outcome = [&]() -> Status {
        HF_TRY(const auto home, open_home(doors));
        const auto others_way = world.network().remote(*self);
        Doors others{doors.clock, doors.random, doors.files, *others_way, doors.workers};
        session::Session others_session(others, *home.shared, server->link());
        AmongRemote among(doors.remote, at_call, [&] {
          if (other == nullptr) return;
          reached("years: a command among another's calls");
          other->outcome = other->go(others_session);
        });
        Doors own{doors.clock, doors.random, doors.files, among, doors.workers};
        session::Session session(own, *home.shared, server->link());
        return work.go(session);
      }();
    });
    world.run();
    expect_honest(work);
    if (other != nullptr) expect_honest(*other);
  }
  // Whatever goes wrong, nobody may be accused of a lie that nobody told.
  void expect_honest(const Work& work) const {
    if (work.outcome || old_state_->lies) return;
    const Error& error = work.outcome.error();
    for (const Code code : {Code::Tampered, Code::RolledBack, Code::Forked, Code::Malformed, Code::NotAuthorized,
                            Code::Missing, Code::Internal, Code::SelfCheckFailed})
      EXPECT_NE(error.code, code) << work.name << ": " << error.sentence << " " << error.object;
  }
  Status calmly(const std::function<Status(session::Session&)>& go) {
    Work work{"calm", go};
    play(work, nullptr);
    return work.outcome;
  }

  // --- what was promised ---
  std::vector<space::Snapshot> listed() {
    std::vector<space::Snapshot> out;
    const Status done = calmly([&](session::Session& session) -> Status {
      HF_TRY(const auto space, the_space(session));
      HF_TRY(out, backup::list_snapshots(*space));
      return {};
    });
    EXPECT_TRUE(done) << done.error().sentence << " " << done.error().object;
    return out;
  }
  // A rule that keeps the last n may have forgotten what has n newer ones, and nothing else.
  void note_forgotten(const std::vector<space::Snapshot>& before, const std::vector<space::Snapshot>& after) {
    std::map<std::string, std::uint64_t> seqs;
    std::set<std::string> there;
    for (const auto& snapshot : before) seqs[snapshot.id.hex()] = snapshot.seq;
    for (const auto& snapshot : after) {
      seqs[snapshot.id.hex()] = snapshot.seq;
      there.insert(snapshot.id.hex());
    }
    std::erase_if(kept_, [&](const std::string& id) {
      if (there.contains(id)) return false;
      const auto own = seqs.find(id);
      if (own == seqs.end()) return true;  // brought back and forgotten between two looks
      const auto newer = std::ranges::count_if(seqs, [&](const auto& one) { return one.second > own->second; });
      EXPECT_GE(static_cast<std::uint64_t>(newer), last_) << "forgot too much";
      return true;
    });
    last_ = ~std::uint64_t{0};
  }
  void expect_restored(const std::string& id) {
    const Path target = "/home/user/out-" + std::to_string(++restores_);
    const auto done = laptop.run("restore", [&](Doors& doors) { return restore(doors, id, target); });
    ASSERT_TRUE(done) << done.error().sentence << " " << done.error().object;
    EXPECT_EQ(done->problems_count, 0u);
    EXPECT_EQ(look(laptop.hand(), target + "/documents"), saved_.at(id));
  }
  Result<std::string> text_at(const std::string& path, std::optional<std::uint64_t> seq) {
    const Path target = "/home/user/out-" + std::to_string(++restores_);
    backup::RestoreOptions options;
    options.target = target;
    HF_OK(calmly([&](session::Session& session) -> Status {
      HF_OK(verbs::get(session, {std::string(session::backups_space), path}, seq, options));
      return {};
    }));
    HF_TRY(const Bytes bytes, laptop.hand().read_file(join_path(target, last_component(path)), 1 << 20));
    return std::string(as_text(bytes));
  }
  void expect_note(std::size_t i) {
    const auto text = text_at(note_path(i), std::nullopt);
    const std::optional<std::string> now = text ? std::optional(*text) : std::nullopt;
    EXPECT_TRUE(text || text.error().code == Code::NotFound) << text.error().sentence;
    EXPECT_TRUE(std::ranges::find(allowed_[i], now) != allowed_[i].end())
        << "note " << i << " is another one than was put";
  }
  void expect_text(const std::string& path, std::uint64_t seq, const std::string& expected) {
    const auto text = text_at(path, seq);
    ASSERT_TRUE(text) << text.error().sentence << " " << text.error().object;
    EXPECT_EQ(*text, expected);
  }

  std::shared_ptr<OldState> old_state_;
  std::vector<Bytes> larges_;
  std::map<std::string, PlainTree> saved_;                        // by the snapshot's id
  std::set<std::string> kept_;                                    // ids that must be listed
  std::vector<std::vector<std::optional<std::string>>> allowed_;  // what each note may hold; nullopt: it may be gone
  std::vector<std::tuple<std::uint64_t, std::string, std::string>> versions_;  // seq, path, text
  std::uint64_t last_ = ~std::uint64_t{0};                                     // of the forgets of this turn
  int restores_ = 0;
};

// Promise: nothing acknowledged is lost, nothing stays in anybody's way, and nobody is accused in vain.
void live_years(const Fault& fault) {
  World world(fault);
  Life life(world);
  life.begin();
  const Chances chances[] = {
      {}, rough_network(), {.io_error = 3, .sync_error = 6, .disk_full = 2}, {.clock_jump = 100}};
  life.live(5 + world.dice().below(10), chances[world.dice().below(std::size(chances))]);
  if (!testing::Test::HasFailure()) life.expect_promises_kept();
}

TEST(YearsScenario, NothingAcknowledgedIsLost) {
  for (const Fault& fault : calm_faults(sim_seeds(100))) {
    SCOPED_TRACE(fault.replay_command());
    Fault own = fault;
    own.crash = fault.seed % 3 == 0 ? Crash::kill : Crash::power_cut;
    live_years(own);
    if (HasFatalFailure() || HasNonfatalFailure()) return;
  }
  for (const char* mark : {"years: a command among another's calls", "years: a snapshot was brought back",
                           "years: an answer of older state"})
    EXPECT_REACHED(mark);
}

}  // namespace
}  // namespace holdfast::sim
