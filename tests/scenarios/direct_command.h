// Commands of one process that talk to the handlers without a network, so that a test can do anything between two
// calls.
#pragma once

#include <gtest/gtest.h>

#include <deque>

#include "session/spaces.h"
#include "tests/scenarios/backup_world.h"

namespace holdfast::sim {

// Answers at once from the handlers. `between` sees each call, and may do something else before, after, or instead.
class DirectRemote final : public Remote {
 public:
  using Honest = std::function<Result<Bytes>()>;
  explicit DirectRemote(Server& server) : server_(server) {}
  std::function<Result<Bytes>(const Call&, const Honest&)> between;

  RequestId submit(Call call) override {
    const Honest honest = [&] { return server_.handle(call); };
    auto answer = between ? between(call, honest) : honest();
    answered_.emplace_back(++last_, std::move(answer));
    return last_;
  }
  std::pair<RequestId, Result<Bytes>> next() override {
    auto first = std::move(answered_.front());
    answered_.pop_front();
    return first;
  }
  [[nodiscard]] std::size_t in_flight() const override { return answered_.size(); }

 private:
  Server& server_;
  std::deque<std::pair<RequestId, Result<Bytes>>> answered_;
  RequestId last_ = 0;
};

// Each look at it is some time later: what runs by it is long.
class SlowClock final : public Clock {
 public:
  SlowClock(Clock& real, std::int64_t later_ns) : real_(real), later_ns_(later_ns) {}
  std::int64_t now_ns() override { return real_.now_ns(); }
  std::int64_t monotonic_ns() override { return real_.monotonic_ns() + (looks_ns_ += later_ns_); }
  void sleep_ns(std::int64_t duration) override { real_.sleep_ns(duration); }

 private:
  Clock& real_;
  std::int64_t later_ns_, looks_ns_ = 0;
};

// A command's own connection, over the home that all commands of the process share.
struct Command {
  Command(Doors& given, OpenHome& home, BackupServer& server) : Command(given, given.clock, home, server) {}
  Command(Doors& given, Clock& clock, OpenHome& home, BackupServer& server)
      : remote(server),
        doors{clock, given.random, given.files, remote, given.workers},
        session(doors, *home.shared, server.link()) {}
  DirectRemote remote;
  Doors doors;
  session::Session session;
};

// Two commands of one process in the space `backups`: `other` happens before call number `at_call` of `one`. Whether it
// did: there may be fewer calls. later_ns: how much later it is for `one` at each look, which makes it commit on the
// way.
using SpaceWork = std::function<Status(session::SpaceSession&)>;
inline Result<bool> run_among(Doors& doors, BackupServer& server, std::size_t at_call, const SpaceWork& one,
                              const SpaceWork& other, std::int64_t later_ns = 0) {
  HF_TRY(auto home, open_home(doors));
  SlowClock slow(doors.clock, later_ns);
  Command first(doors, slow, home, server), second(doors, home, server);
  HF_TRY(const auto first_space, session::open_space(first.session, session::backups_space));
  HF_TRY(const auto second_space, session::open_space(second.session, session::backups_space));
  std::size_t calls = 0;
  bool happened = false;
  Status others;
  first.remote.between = [&](const Call&, const DirectRemote::Honest& honest) -> Result<Bytes> {
    if (calls++ == at_call) {
      happened = true;
      others = other(*second_space);
    }
    return honest();
  };
  HF_OK(one(*first_space));
  HF_OK(others);
  return happened;
}

// Plays with the other at each call in turn, until there are no more calls, or a test has failed: how many there were.
inline std::size_t play_at_each_call(const std::function<bool(std::size_t at_call)>& play) {
  for (std::size_t call = 0;; ++call) {
    SCOPED_TRACE("at call " + std::to_string(call));
    if (!play(call) || ::testing::Test::HasFailure()) return call;
  }
}

}  // namespace holdfast::sim
