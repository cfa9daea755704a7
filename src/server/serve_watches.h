// The long polls of a running server: one thread follows the store's changes and answers whoever waits for a group that
// was touched, by this process or another.
#pragma once

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>

#include "net/server.h"
#include "server/service.h"

namespace holdfast::server {

// Beyond them a watch is refused: each waiter of a group is looked at whenever the group changes, and a watched log is
// memory. A peer is who counts as one (net/peers.h).
struct WatchLimits {
  std::size_t waiters_of_a_group_max = 1'024;
  std::size_t waiters_of_a_peer_max = 512;
  std::size_t logs_of_a_peer_max = 16'384;
};

// Any thread.
class Watches {
 public:
  Watches(MetaStore& rows, Service& service, Clock& clock, EventLog& log, WatchLimits limits = {});
  ~Watches();  // REQUIRES: the HTTP server has stopped

  net::Handled wait(Watching watching, const std::string& peer);
  [[nodiscard]] std::size_t count();
  [[nodiscard]] std::size_t interests();  // groups that somebody waits for, each counted once for each waiter

 private:
  struct Watcher {
    Watching watching;
    std::shared_ptr<net::Waiter> waiter;
    std::string peer;
  };
  using Number = std::uint64_t;
  using LogOfWatcher = std::unordered_map<Number, std::size_t>;  // index of the group's log, by watcher
  struct OfPeer {
    std::size_t waiters = 0, logs = 0;
  };

  std::optional<Number> enter(std::shared_ptr<Watcher> watcher);  // nullopt: beyond a limit
  [[nodiscard]] bool has_room_for(const Watcher& watcher) const;
  void leave(Number number);
  void follow(const std::stop_token& stop);
  void wake(const GroupId& group);
  void wake_all();

  MetaStore& rows_;
  Service& service_;
  Clock& clock_;
  EventLog& log_;
  const WatchLimits limits_;
  std::mutex mutex_;
  Number next_ = 1;
  std::unordered_map<Number, std::shared_ptr<Watcher>> watchers_;
  std::unordered_map<GroupId, LogOfWatcher, FixedBytesHash> interests_;
  std::unordered_map<std::string, OfPeer> peers_;
  std::jthread follower_;  // last: it uses all the others
};

}  // namespace holdfast::server
