#include "base/system_pool.h"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <memory>

namespace holdfast {

ThreadPool::ThreadPool(unsigned threads) {
  threads_.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

ThreadPool::~ThreadPool() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::post(std::move_only_function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  wake_.notify_one();
}

void ThreadPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
    if (jobs_.empty()) return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job();
    job = nullptr;  // what the job owns ends before the lock is taken again
    lock.lock();
  }
}

namespace {

// Outlives the call: a helper that starts late must still find that nothing is left.
struct Parts {
  std::size_t count = 0, part = 1;
  const std::function<void(std::size_t, std::size_t)>* body = nullptr;
  std::atomic<std::size_t> next{0}, done{0};

  void run() {
    for (;;) {
      const std::size_t begin = next.fetch_add(part);
      if (begin >= count) return;
      const std::size_t end = std::min(count, begin + part);
      (*body)(begin, end);
      if (done.fetch_add(end - begin) + (end - begin) == count) done.notify_all();
    }
  }
};

}  // namespace

void ThreadPool::for_parts(std::size_t count, std::size_t part_max,
                           const std::function<void(std::size_t, std::size_t)>& body) {
  if (count == 0) return;
  const std::size_t part = std::clamp<std::size_t>(count / (std::size_t{4} * (threads_.size() + 1)), 1, part_max);
  if (threads_.empty() || count <= part) return body(0, count);
  auto parts = std::make_shared<Parts>();
  parts->count = count;
  parts->part = part;
  parts->body = &body;
  const std::size_t helpers = std::min(threads_.size(), (count - 1) / part);
  for (std::size_t i = 0; i < helpers; ++i) post([parts] { parts->run(); });
  parts->run();
  for (std::size_t done = parts->done.load(); done != count; done = parts->done.load()) parts->done.wait(done);
}

unsigned processors() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return static_cast<unsigned>(std::max(1, CPU_COUNT(&set)));
  return std::max(1u, std::thread::hardware_concurrency());
}

}  // namespace holdfast
