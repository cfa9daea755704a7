// Threads that stay, shared by the batches of the file system door and by the work queues. Only src/base/system_*.cpp
// include this.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast {

// Any thread may call it.
class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);
  ~ThreadPool();  // runs what was posted, then ends the threads
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  void post(std::move_only_function<void()> job);  // a job that throws ends the process

  // Calls body(begin, end) for all parts of [0, count), each at most part_max long, in this thread and in those that
  // are idle. Returns when all are done. Neighbours mostly go to one thread.
  void for_parts(std::size_t count, std::size_t part_max, const std::function<void(std::size_t, std::size_t)>& body);

  [[nodiscard]] unsigned count() const { return static_cast<unsigned>(threads_.size()); }

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::move_only_function<void()>> jobs_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

unsigned processors();  // that this process may use; at least 1

}  // namespace holdfast
