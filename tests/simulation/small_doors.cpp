#include "tests/simulation/small_doors.h"

#include "base/reached.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t day_ns = 24 * 3600 * second_ns;

class SimWorkQueue final : public WorkQueue {
 public:
  SimWorkQueue(Scheduler& scheduler, Prng& dice) : scheduler_(scheduler), dice_(dice) {}
  ~SimWorkQueue() override {
    for (Job& job : jobs_) job.run();
  }

  RequestId submit(std::move_only_function<void()> work) override {
    jobs_.push_back({++last_request_id_, std::move(work)});
    if (dice_.coin()) jobs_.back().run();
    return last_request_id_;
  }

  RequestId next() override {
    if (jobs_.empty()) {
      scheduler_.problem("somebody waits for a job with none under way");
      return 0;
    }
    const std::size_t index = dice_.below(jobs_.size());
    Job job = std::move(jobs_[index]);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index));
    job.run();
    return job.request_id;
  }

  [[nodiscard]] std::size_t in_flight() const override { return jobs_.size(); }

 private:
  struct Job {
    RequestId request_id;
    std::move_only_function<void()> work;  // empty: done
    void run() {
      if (work) std::exchange(work, nullptr)();
    }
  };
  Scheduler& scheduler_;
  Prng& dice_;
  RequestId last_request_id_ = 0;
  std::deque<Job> jobs_;
};

}  // namespace

// For the dead time flies, so that whoever waits for a deadline comes to an end; the world does not notice.
std::int64_t SimClock::pass() {
  if (scheduler_.pass(process_, Kind::observe) != Verdict::go) after_death_ns_ += second_ns;
  return scheduler_.now_ns() + after_death_ns_;
}

std::int64_t SimClock::now_ns() {
  const std::int64_t now = pass();
  if (!process_.dead() && dice_.chance(chances_.clock_jump)) {
    reached("sim: clock jumped");
    wall_.offset_ns += static_cast<std::int64_t>(dice_.below(2 * day_ns)) - day_ns;
  }
  return now + wall_.offset_ns;
}

std::int64_t SimClock::monotonic_ns() { return pass(); }

std::unique_ptr<WorkQueue> SimWorkers::queue() { return std::make_unique<SimWorkQueue>(scheduler_, dice_); }

}  // namespace holdfast::sim
