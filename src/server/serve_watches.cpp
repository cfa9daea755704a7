#include "server/serve_watches.h"

namespace holdfast::server {

namespace {

constexpr std::int64_t follow_step_ns = second_ns / 10;  // how long stopping may take

net::HttpReply reply_of(Bytes body) {
  net::HttpReply reply;
  reply.head = std::move(body);
  return reply;
}

}  // namespace

Watches::Watches(MetaStore& rows, Service& service, Clock& clock, EventLog& log)
    : rows_(rows), service_(service), clock_(clock), log_(log), follower_([this](const std::stop_token& stop) {
        follow(stop);
      }) {}

Watches::~Watches() = default;

std::size_t Watches::count() {
  const std::lock_guard lock(mutex_);
  return watchers_.size();
}

net::Handled Watches::wait(Watching watching) {
  auto watcher = std::make_shared<Watcher>();
  watcher->waiter = std::make_shared<net::Waiter>();
  watcher->watching = std::move(watching);
  const Number number = enter(watcher);
  // What was appended before we were entered wakes nobody: look once more, now that nothing can be missed.
  if (auto answer = service_.look(watcher->watching)) watcher->waiter->answer(reply_of(std::move(*answer)));
  net::Wait wait;
  wait.waiter = watcher->waiter;
  wait.timeout_ns = std::max<std::int64_t>(0, watcher->watching.deadline_ns - clock_.monotonic_ns());
  wait.at_deadline = reply_of(Service::nothing_moved());
  wait.when_over = [this, number] { leave(number); };
  return wait;
}

Watches::Number Watches::enter(std::shared_ptr<Watcher> watcher) {
  const std::lock_guard lock(mutex_);
  const Number number = next_++;
  for (std::size_t i = 0; i < watcher->watching.logs.size(); ++i)
    interests_[watcher->watching.logs[i].ticket.group].push_back({number, i});
  watchers_.emplace(number, std::move(watcher));
  return number;
}

void Watches::leave(Number number) {
  const std::lock_guard lock(mutex_);
  const auto left = watchers_.extract(number);
  if (left.empty()) return;
  for (const Watching::Log& log : left.mapped()->watching.logs) {
    const auto at = interests_.find(log.ticket.group);
    if (at == interests_.end()) continue;
    std::erase_if(at->second, [&](const Interest& interest) { return interest.watcher == number; });
    if (at->second.empty()) interests_.erase(at);
  }
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
    for (const Interest& interest : at->second) woken.emplace_back(watchers_.at(interest.watcher), interest.log);
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
