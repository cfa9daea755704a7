// One baton. A simulated process is a thread that runs only while it holds the baton; at each door call it may have to
// hand it on. So a run has one order of events, and the seed decides it. Virtual time passes a little with every call,
// and jumps when everybody waits.
#pragma once

#include <semaphore.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/simulation/fault.h"
#include "tests/simulation/prng.h"
#include "tests/simulation/trace.h"

namespace holdfast::sim {

enum class Kind : std::uint8_t {
  observe,  // nothing outside of the process changes
  change,   // a step: a place to crash at
};

enum class Verdict : std::uint8_t {
  go,
  dying,  // the crash comes instead of this step: the door may do a part of it, then calls crash_now
  dead,   // the door answers Crashed and does nothing
};

class Baton {
 public:
  Baton() { sem_init(&semaphore_, 0, 0); }
  ~Baton() { sem_destroy(&semaphore_); }
  Baton(const Baton&) = delete;
  Baton& operator=(const Baton&) = delete;
  void give() { sem_post(&semaphore_); }
  void take() {
    while (sem_wait(&semaphore_) != 0) {
    }
  }

 private:
  sem_t semaphore_;
};

class Process {
 public:
  [[nodiscard]] const std::string& name() const { return name_; }  // "laptop/backup"
  [[nodiscard]] bool crashed() const { return crashed_; }
  [[nodiscard]] bool ended() const { return ended_; }
  [[nodiscard]] bool dead() const { return crashed_ || ended_; }

 private:
  friend class Scheduler;
  std::string name_;
  std::function<void()> main_;
  bool daemon_ = false;
  bool waiting_ = false;
  bool crashed_ = false;
  bool ended_ = false;
  std::uint64_t calls_when_dead_ = 0;
  Baton baton_;
  std::thread thread_;  // made when the process is picked for the first time
};

using EventKey = std::pair<std::int64_t, std::uint64_t>;  // when, and the how-manieth

// Everything here is called by whoever holds the baton: the test between runs, else one process.
class Scheduler {
 public:
  explicit Scheduler(const Fault& fault);
  ~Scheduler() { end_all(); }

  // `main` must come to its end when all doors answer Crashed. A daemon doesn't keep run() from returning.
  Process& add(std::string name, bool daemon, std::function<void()> main);
  void run();      // until all processes but daemons have ended
  void end_all();  // kills and unwinds what is left

  // What every door call begins with: time passes, another process may run first.
  Verdict pass(Process& process, Kind kind);
  void crash_now(Process& process) { on_crash_(process); }

  // Waits for wake(); false: it died instead.
  bool wait(Process& process);
  void wake(Process& process) { process.waiting_ = false; }
  void sleep(Process& process, std::int64_t duration_ns);

  void kill(Process& process);  // takes effect at once: its doors answer Crashed
  void on_crash(std::function<void(Process&)> what) { on_crash_ = std::move(what); }
  void crash_at(std::uint64_t step) { crash_step_ = step; }  // 0: never

  EventKey at(std::int64_t time_ns, std::function<void()> what);
  void cancel(const EventKey& key) { events_.erase(key); }
  void advance(std::int64_t duration_ns);  // and lets happen what is due meanwhile

  [[nodiscard]] std::int64_t now_ns() const { return now_ns_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t calls() const { return calls_; }
  [[nodiscard]] std::uint64_t switches() const { return switches_; }
  [[nodiscard]] Process* current() const { return current_; }
  std::uint64_t last_draw() { return order_.next(); }

  void calls_max(std::uint64_t calls) { calls_max_ = calls; }  // of one run(); more: the run is stuck
  void problem(std::string what) { problems_.push_back(std::move(what)); }
  std::vector<std::string> take_problems() { return std::exchange(problems_, {}); }

  void note(const Event& event) { trace_.add(steps_, now_ns_, event); }
  Trace& trace() { return trace_; }

 private:
  struct Unwind {};  // ends a process that goes on calling dead doors

  void thread_main(Process& process);
  Process* choose(Process* running);
  Process* pick(Process* running);
  void hand_to(Process* next);
  void happen();  // the events that are due
  void dead_call(Process& process);
  void stop_all(const std::string& why);
  bool next_event();
  void end(Process& process);

  std::vector<std::unique_ptr<Process>> processes_;
  std::vector<Process*> live_;
  std::size_t foreground_ = 0;
  std::map<EventKey, std::function<void()>> events_;
  std::uint64_t event_number_ = 0;
  std::function<void(Process&)> on_crash_;
  Process* current_ = nullptr;  // nullptr: the test itself
  Baton test_baton_;
  Prng order_, time_;
  std::uint64_t switch_every_, skip_every_;
  std::int64_t now_ns_ = 1'000'000'000;
  std::uint64_t steps_ = 0, calls_ = 0, switches_ = 0;
  std::uint64_t calls_max_ = 1'000'000, calls_at_start_ = 0;
  std::uint64_t crash_step_ = 0;
  std::vector<std::string> problems_;
  Trace trace_;
};

}  // namespace holdfast::sim
