// The fifth door: other processors. Jobs are pure: they touch only what they own, no door, no shared state.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>

#include "base/remote.h"  // RequestId

namespace holdfast {

// A completion queue of its own for whoever asks. Belongs to one thread at a time.
class WorkQueue {
 public:
  virtual ~WorkQueue() = default;  // waits for what is under way
  virtual RequestId submit(std::move_only_function<void()> job) = 0;
  virtual RequestId next() = 0;  // waits for a finished job. REQUIRES: something is in flight.
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
  RequestId submit(Function function) {
    auto slot = std::make_shared<std::optional<T>>();
    const RequestId request_id =
        queue_->submit([slot, function = std::move(function)]() mutable { slot->emplace(function()); });
    slots_.emplace(request_id, std::move(slot));
    return request_id;
  }
  std::pair<RequestId, T> next() {
    const RequestId request_id = queue_->next();
    auto slot = std::move(slots_.extract(request_id).mapped());
    return {request_id, std::move(**slot)};
  }
  [[nodiscard]] std::size_t in_flight() const { return queue_->in_flight(); }

 private:
  std::unordered_map<RequestId, std::shared_ptr<std::optional<T>>> slots_;
  std::unique_ptr<WorkQueue> queue_;  // last: waits for the jobs before the slots go
};

}  // namespace holdfast
