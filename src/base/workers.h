// The fifth door: other processors. Jobs are pure: they touch only what they own, no door, no shared state.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/remote.h"  // Ticket

namespace holdfast {

// A completion queue of its own for whoever asks. Belongs to one thread at a time.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;  // waits for what is under way
  virtual Ticket submit(std::move_only_function<void()> job) = 0;
  virtual Ticket next() = 0;  // waits for a finished job. REQUIRES: something is in flight.
  [[nodiscard]] virtual std::size_t in_flight() const = 0;
};

class Workers {
 public:
  virtual ~Workers() = default;
  virtual std::unique_ptr<WorkQueue> queue() = 0;
  [[nodiscard]] virtual unsigned count() const = 0;  // how many run at once; at least 1
};

// Jobs that give a T.
template <class T>
class Jobs {
 public:
  explicit Jobs(Workers& workers) : queue_(workers.queue()) {}
  template <class Function>
  Ticket submit(Function function) {
    auto slot = std::make_shared<std::optional<T>>();
    const Ticket ticket =
        queue_->submit([slot, function = std::move(function)]() mutable { slot->emplace(function()); });
    slots_.emplace(ticket, std::move(slot));
    return ticket;
  }
  std::pair<Ticket, T> next() {
    const Ticket ticket = queue_->next();
    auto slot = std::move(slots_.extract(ticket).mapped());
    return {ticket, std::move(**slot)};
  }
  [[nodiscard]] std::size_t in_flight() const { return queue_->in_flight(); }

 private:
  std::unordered_map<Ticket, std::shared_ptr<std::optional<T>>> slots_;
  std::unique_ptr<WorkQueue> queue_;  // last: waits for the jobs before the slots go
};

}  // namespace holdfast
