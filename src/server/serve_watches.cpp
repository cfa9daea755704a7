#include "server/serve_watches.h"

#include <algorithm>

namespace holdfast::server {

namespace {

constexpr std::int64_t follow_step_ns = second_ns / 10;  // how long stopping may take

net::HttpReply reply_of(Bytes body) {
  net::HttpReply reply;
  reply.head = std::move(body);
  return reply;
}

}  // namespace

Watches::Watches(MetaStore& rows, Service& service, Clock& clock, EventLog& log, WatchLimits limits)
    : rows_(rows),
      service_(service),
      clock_(clock),
      log_(log),
      limits_(limits),
      follower_([this](const std::stop_token& stop) { follow(stop); }) {}

Watches::~Watches() = default;

std::size_t Watches::count() {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

std::size_t Watches::interests() {
  const std::lock_guard lock(mutex_);
  std::size_t all = 0;
  for (const auto& [group, watchers] : interests_) all += watchers.size();
  return all;
}

net::Handled Watches::wait(Watching watching, const std::string& peer) {
  auto watcher = std::make_shared<Watcher>();
  watcher->waiter = std::make_shared<net::Waiter>();
  watcher->watching = std::move(watching);
  watcher->peer = peer;
  const auto number = enter(watcher);
  if (!number) return reply_of(Service::too_many_wait());
  // What was appended before we were entered wakes nobody: look once more, now that nothing can be missed.
  if (auto answer = service_.look(watcher->watching)) watcher->waiter->answer(reply_of(std::move(*answer)));
  net::Wait wait;
  wait.waiter = watcher->waiter;
  wait.timeout_ns = std::max<std::int64_t>(0, watcher->watching.deadline_ns - clock_.monotonic_ns());
  wait.at_deadline = reply_of(Service::nothing_moved());
  wait.when_over = [this, number = *number] { leave(number); };
  return wait;
}

bool Watches::has_room_for(const Watcher& watcher) const {
  const auto& logs = watcher.watching.logs;
  const auto peer = peers_.find(watcher.peer);
  const OfPeer has = peer == peers_.end() ? OfPeer() : peer->second;
  if (has.waiters >= limits_.waiters_of_a_peer_max || has.logs + logs.size() > limits_.logs_of_a_peer_max) return false;
  return std::ranges::none_of(logs, [&](const Watching::Log& log) {
    const auto group = interests_.find(log.ticket.group);
    return group != interests_.end() && group->second.size() >= limits_.waiters_of_a_group_max;
  });
}

std::optional<Watches::Number> Watches::enter(std::shared_ptr<Watcher> watcher) {
  const std::lock_guard lock(mutex_);
  if (!has_room_for(*watcher)) return std::nullopt;
  const Number number = next_++;
  const auto& logs = watcher->watching.logs;
  for (std::size_t i = 0; i < logs.size(); ++i) interests_[logs[i].ticket.group].emplace(number, i);
  OfPeer& has = peers_[watcher->peer];
  ++has.waiters;
  has.logs += logs.size();
  watchers_.emplace(number, std::move(watcher));
  return number;
}

void Watches::leave(Number number) {
  const std::lock_guard lock(mutex_);
  const auto left = watchers_.extract(number);
  if (left.empty()) return;
  const Watcher& watcher = *left.mapped();
  for (const Watching::Log& log : watcher.watching.logs) {
    const auto at = interests_.find(log.ticket.group);
    if (at == interests_.end()) continue;
    at->second.erase(number);
    if (at->second.empty()) interests_.erase(at);
  }
  const auto has = peers_.find(watcher.peer);
  has->second.logs -= watcher.watching.logs.size();
  if (--has->second.waiters == 0) peers_.erase(has);
}

void Watches::follow(const std::stop_token& stop) {
  std::optional<Cursor> cursor;
  while (!stop.stop_requested()) {
    if (!cursor) {
      if (auto now = rows_.now()) {
        cursor = *now;
        wake_all();
      } else {
        log_.error("watch_failed", now.error());
        clock_.sleep_ns(follow_step_ns);
        continue;
      }
    }
    auto changed = rows_.changed(*cursor, follow_step_ns);
    if (!changed) {
      log_.error("watch_failed", changed.error());
      clock_.sleep_ns(follow_step_ns);
      cursor.reset();
      continue;
    }
    cursor = changed->next;
    if (changed->everything) wake_all();
    for (const Key& key : changed->keys)
      if (const auto group = group_of_key(key)) wake(*group);
  }
}

void Watches::wake(const GroupId& group) {
  std::vector<std::pair<std::shared_ptr<Watcher>, std::size_t>> woken;
  {
    const std::lock_guard lock(mutex_);
    const auto at = interests_.find(group);
    if (at == interests_.end()) return;
    for (const auto& [number, log] : at->second) woken.emplace_back(watchers_.at(number), log);
  }
  for (const auto& [watcher, log] : woken) {
    if (watcher->waiter->over()) continue;
    if (auto answer = service_.look_at(watcher->watching, log)) watcher->waiter->answer(reply_of(std::move(*answer)));
  }
}

void Watches::wake_all() {
  std::vector<std::shared_ptr<Watcher>> woken;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [number, watcher] : watchers_) woken.push_back(watcher);
  }
  for (const auto& watcher : woken) {
    if (watcher->waiter->over()) continue;
    if (auto answer = service_.look(watcher->watching)) watcher->waiter->answer(reply_of(std::move(*answer)));
  }
}

}  // namespace holdfast::server
