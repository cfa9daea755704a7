// The long polls of a running server: one thread follows the store's changes and answers whoever waits for a group that
// was touched, by this process or another.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "net/server.h"
#include "server/service.h"

namespace holdfast::server {

// Any thread.
class Watches {
 public:
  Watches(MetaStore& rows, Service& service, Clock& clock, EventLog& log);
  ~Watches();  // REQUIRES: the HTTP server has stopped

  net::Handled wait(Watching watching);
  [[nodiscard]] std::size_t count();

 private:
  struct Watcher {
    Watching watching;
    std::shared_ptr<net::Waiter> waiter;
  };
  using Number = std::uint64_t;
  struct Interest {
    Number watcher = 0;
    std::size_t log = 0;
  };

  Number enter(std::shared_ptr<Watcher> watcher);
  void leave(Number number);
  void follow(const std::stop_token& stop);
  void wake(const GroupId& group);
  void wake_all();

  MetaStore& rows_;
  Service& service_;
  Clock& clock_;
  EventLog& log_;
  std::mutex mutex_;
  Number next_ = 1;
  std::unordered_map<Number, std::shared_ptr<Watcher>> watchers_;
  std::unordered_map<GroupId, std::vector<Interest>, FixedBytesHash> interests_;
  std::jthread follower_;  // last: it uses all the others
};

}  // namespace holdfast::server
