// Commands of one process that talk to the handlers without a network, so that a test can do anything between two
// calls.
#pragma once

#include <deque>

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

}  // namespace holdfast::sim
