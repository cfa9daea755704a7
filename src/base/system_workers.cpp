#include <deque>
#include <memory>
#include <mutex>

#include "base/system.h"
#include "base/system_pool.h"

namespace holdfast {

namespace {

// What a queue shares with its jobs in the pool.
struct Completions {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<RequestId> finished;
  std::size_t running = 0;
  bool abandoned = false;
};

class SystemWorkQueue final : public WorkQueue {
 public:
  explicit SystemWorkQueue(ThreadPool& pool) : pool_(pool) {}

  // A job that has not begun is dropped; nobody can ask for it any more.
  ~SystemWorkQueue() override {
    std::unique_lock lock(shared_->mutex);
    shared_->abandoned = true;
    shared_->changed.wait(lock, [this] { return shared_->running == 0; });
  }

  RequestId submit(std::move_only_function<void()> job) override {
    const RequestId request_id = ++last_request_id_;
    ++in_flight_;
    pool_.post([shared = shared_, request_id, job = std::move(job)]() mutable {
      {
        const std::lock_guard lock(shared->mutex);
        if (shared->abandoned) return;
        ++shared->running;
      }
      job();
      job = nullptr;
      const std::lock_guard lock(shared->mutex);
      --shared->running;
      shared->finished.push_back(request_id);
      shared->changed.notify_all();
    });
    return request_id;
  }

  RequestId next() override {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait(lock, [this] { return !shared_->finished.empty(); });
    const RequestId request_id = shared_->finished.front();
    shared_->finished.pop_front();
    --in_flight_;
    return request_id;
  }

  [[nodiscard]] std::size_t in_flight() const override { return in_flight_; }

 private:
  ThreadPool& pool_;
  std::shared_ptr<Completions> shared_ = std::make_shared<Completions>();
  RequestId last_request_id_ = 0;
  std::size_t in_flight_ = 0;
};

class SystemWorkers final : public Workers {
 public:
  explicit SystemWorkers(unsigned threads) : pool_(threads) {}
  std::unique_ptr<WorkQueue> queue() override { return std::make_unique<SystemWorkQueue>(pool_); }
  [[nodiscard]] unsigned count() const override { return pool_.count(); }

 private:
  ThreadPool pool_;
};

}  // namespace

std::unique_ptr<Workers> system_workers(unsigned threads) {
  return std::make_unique<SystemWorkers>(threads == 0 ? processors() : threads);
}

}  // namespace holdfast
