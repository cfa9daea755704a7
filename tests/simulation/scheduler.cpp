#include "tests/simulation/scheduler.h"

#include <algorithm>
#include <cstdio>

namespace holdfast::sim {
namespace {

constexpr std::uint64_t calls_when_dead_max = 100'000;

}  // namespace

// Seeds differ in how finely processes are interleaved and how often a sleeper's time comes while others run: some
// races need ten switches in a row, others a process that stands still for long.
Scheduler::Scheduler(const Fault& fault)
    : order_(mix(fault.seed, 1)), time_(mix(fault.seed, 2)), crash_step_(fault.step) {
  constexpr std::uint64_t every[] = {1, 2, 8, 32};
  switch_every_ = every[order_.below(4)];
  skip_every_ = 16 << order_.below(6);
}

void Scheduler::end_all() {
  const std::vector<Process*> all = live_;
  for (Process* process : all) kill(*process);
  if (Process* next = choose(nullptr)) {
    hand_to(next);
    test_baton_.take();
  }
  for (const auto& process : processes_) {
    if (process->thread_.joinable()) process->thread_.join();
  }
}

Process& Scheduler::add(std::string name, bool daemon, std::function<void()> main) {
  auto process = std::make_unique<Process>();
  process->name_ = std::move(name);
  process->main_ = std::move(main);
  process->daemon_ = daemon;
  if (!daemon) ++foreground_;
  live_.push_back(process.get());
  processes_.push_back(std::move(process));
  return *processes_.back();
}

void Scheduler::run() {
  calls_at_start_ = calls_;
  if (Process* next = choose(nullptr)) {
    hand_to(next);
    test_baton_.take();
  }
  current_ = nullptr;
  for (const auto& process : processes_) {
    if (process->ended_ && process->thread_.joinable()) process->thread_.join();
  }
}

void Scheduler::hand_to(Process* next) {
  current_ = next;
  if (next == nullptr) return test_baton_.give();
  ++switches_;
  if (!next->thread_.joinable()) next->thread_ = std::thread([this, next] { thread_main(*next); });
  next->baton_.give();
}

void Scheduler::thread_main(Process& process) {
  process.baton_.take();
  try {
    process.main_();
  } catch (const Unwind&) {
  } catch (const std::exception& error) {
    problem(process.name_ + " threw: " + error.what());
  }
  end(process);
  hand_to(choose(nullptr));
}

void Scheduler::end(Process& process) {
  process.ended_ = true;
  if (!process.daemon_) --foreground_;
  std::erase(live_, &process);
}

// Who runs next; nullptr: nobody has to. `running` may be the answer and costs no switch then.
Process* Scheduler::choose(Process* running) {
  for (;;) {
    for (std::size_t i = 0; i < live_.size(); ++i) {  // the dead unwind first
      Process* process = live_[i];
      if (process->crashed_) return process;
    }
    if (foreground_ == 0) return nullptr;
    if (Process* next = pick(running)) return next;
    if (!next_event()) stop_all("everybody waits, and nothing can happen any more");
  }
}

Process* Scheduler::pick(Process* running) {
  std::size_t ready = 0;
  Process* only = nullptr;
  for (Process* process : live_) {
    if (process->waiting_) continue;
    ++ready;
    only = process;
  }
  if (ready < 2) return only;
  if (running != nullptr && !running->waiting_ && order_.below(switch_every_) != 0) return running;
  std::uint64_t index = order_.below(ready);
  for (Process* process : live_) {
    if (!process->waiting_ && index-- == 0) return process;
  }
  return nullptr;
}

Verdict Scheduler::pass(Process& process, Kind kind) {
  if (process.dead()) {
    dead_call(process);
    return Verdict::dead;
  }
  ++calls_;
  now_ns_ += 1'000 + static_cast<std::int64_t>(time_.below(20'000));
  if (!events_.empty()) {
    if (order_.below(skip_every_) == 0) next_event();
    happen();
  }
  if (calls_ - calls_at_start_ > calls_max_) {
    stop_all("the run did not end within " + std::to_string(calls_max_) + " door calls");
  }
  if (Process* next = choose(&process); next != &process) {
    hand_to(next);
    process.baton_.take();
  }
  if (process.crashed_) return Verdict::dead;
  if (kind == Kind::change && ++steps_ == crash_step_) return Verdict::dying;
  return Verdict::go;
}

bool Scheduler::wait(Process& process) {
  if (process.dead()) {
    dead_call(process);
    return false;
  }
  process.waiting_ = true;
  if (Process* next = choose(&process); next != &process) {
    hand_to(next);
    process.baton_.take();
  }
  return !process.crashed_;
}

void Scheduler::sleep(Process& process, std::int64_t duration_ns) {
  if (pass(process, Kind::observe) != Verdict::go || duration_ns <= 0) return;
  const EventKey alarm = at(now_ns_ + duration_ns, [this, &process] { wake(process); });
  if (!wait(process)) cancel(alarm);
}

void Scheduler::kill(Process& process) {
  if (process.dead()) return;
  process.crashed_ = true;
  process.waiting_ = false;
  note({.who = process.name_, .what = "dies", .object = {}});
  if (!process.thread_.joinable()) end(process);  // never ran: there is nothing to unwind
}

EventKey Scheduler::at(std::int64_t time_ns, std::function<void()> what) {
  const EventKey key{std::max(time_ns, now_ns_), ++event_number_};
  events_.emplace(key, std::move(what));
  return key;
}

void Scheduler::happen() {
  while (!events_.empty() && events_.begin()->first.first <= now_ns_) {
    auto event = events_.extract(events_.begin());
    event.mapped()();
  }
}

bool Scheduler::next_event() {
  if (events_.empty()) return false;
  now_ns_ = std::max(now_ns_, events_.begin()->first.first);
  happen();
  return true;
}

void Scheduler::advance(std::int64_t duration_ns) {
  const std::int64_t until = now_ns_ + duration_ns;
  while (!events_.empty() && events_.begin()->first.first <= until) next_event();
  now_ns_ = std::max(now_ns_, until);
}

void Scheduler::dead_call(Process& process) {
  if (++process.calls_when_dead_ <= calls_when_dead_max) return;
  const std::string what = process.name_ + " goes on calling its doors after its death";
  if (process.calls_when_dead_ == calls_when_dead_max + 1) {
    problem(what);
    std::fprintf(stderr, "simulator: %s\n", what.c_str());  // at once: inside a destructor the throw ends everything
  }
  throw Unwind{};
}

void Scheduler::stop_all(const std::string& why) {
  problem(why);
  const std::vector<Process*> all = live_;
  for (Process* process : all) kill(*process);
}

}  // namespace holdfast::sim
