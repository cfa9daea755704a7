// Threads that run handlers. Any thread may call.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace holdfast::net {

class WorkerPool {
 public:
  using Job = std::move_only_function<void()>;

  WorkerPool(unsigned threads, std::size_t waiting_max);
  ~WorkerPool();  // stop()

  bool try_push(Job& job);  // false: too many wait, and the job is untouched
  void push(Job job);       // for what may not be left out
  void stop();              // runs what was pushed, then ends the threads

 private:
  void run();

  const std::size_t waiting_max_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace holdfast::net
