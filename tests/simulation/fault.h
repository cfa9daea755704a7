// What goes wrong in one run, and the plans that make one such fault per step and seed.
//
// A step is a door call that changes the world outside of the process: a write, a name, a sync, a call submitted.
// Everything between two steps looks the same to whoever comes after a crash, so only steps are places to crash at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace holdfast::sim {

class World;

enum class Crash : std::uint8_t {
  power_cut,  // the device stops: what was not synced is kept, lost or torn, as the seed says
  kill,       // the process stops (kill -9, out of memory): everything that it wrote stays
};

// How often the world misbehaves without stopping, in 1/1000 of the occasions.
struct Chances {
  unsigned io_error = 0;       // a call of Files answers IoError; a write may have been done in part
  unsigned sync_error = 0;     // a sync answers IoError, and a later sync does not make up for it
  unsigned disk_full = 0;      // somebody else fills the disk, for the next few calls of Files
  unsigned call_lost = 0;      // the server never sees the call
  unsigned answer_lost = 0;    // the call is carried out, the caller learns nothing
  unsigned call_repeated = 0;  // the call is carried out twice, the second time maybe much later
  unsigned call_late = 0;      // carried out after the caller has given up
  unsigned server_crash = 0;   // the server stops at this call, before or after it, and comes back
  unsigned clock_jump = 0;     // the wall clock jumps by up to a day, either way
};

// A network and a disk as one meets them on a bad day.
constexpr Chances rough_network() {
  return {.call_lost = 60, .answer_lost = 60, .call_repeated = 40, .call_late = 20, .server_crash = 10};
}

struct Fault {
  std::uint64_t seed = 1;
  std::uint64_t step = 0;   // crash instead of this step, counted from 1; 0: no crash
  std::uint64_t again = 0;  // a second crash this many steps after World::restore_power; 0: none
  Crash crash = Crash::power_cut;
  Chances chances = {};

  // "scripts/sim Suite.Name --seed N --step K" for the test that runs now.
  [[nodiscard]] std::string replay_command() const;
};
std::ostream& operator<<(std::ostream& out, const Fault& fault);

// n seeds: fixed ones, or made from HOLDFAST_SIM_BASE (CI: the commit's hash), HOLDFAST_SIM_TIMES times as many; only
// the one that HOLDFAST_SIM_SEED names in a replay.
std::vector<std::uint64_t> sim_seeds(std::size_t n);

// Faults for each of `seeds`, all without a crash.
std::vector<Fault> calm_faults(const std::vector<std::uint64_t>& seeds, const Chances& chances = {});

// What a plan was told, without its C++ type.
struct PlanInput {
  std::function<void(World&)> run;
  std::vector<std::uint64_t> seeds;
  Chances chances = {};
  std::size_t steps_max;
  std::uint64_t again_max;
  Crash crash;
};
// The faults of one seed. Runs the undisturbed world once to count its steps; one step more is the crash after the end.
std::vector<Fault> faults_of_seed(const PlanInput& plan, std::uint64_t seed);

// for (const Fault& fault : PowerCuts{.run = scenario, .seeds = sim_seeds(20)})
// Counts the steps of an undisturbed run of each seed, then gives one fault per step, and one for the crash after the
// last step. The test repeats the same scenario in a World of that fault.
template <Crash kind>
struct CrashPlan {
  std::function<void(World&)> run;  // makes the steps that are counted; no restore_power
  std::vector<std::uint64_t> seeds;
  Chances chances{};
  std::size_t steps_max = SIZE_MAX;  // of longer runs only so many steps, chosen by the seed
  std::uint64_t again_max = 0;       // each fault also crashes the recovery, within so many steps; 0: never

  class Iterator {
   public:
    using value_type = Fault;
    using difference_type = std::ptrdiff_t;
    Iterator(const CrashPlan* plan, std::size_t seed) : plan_(plan), seed_(seed) { load(); }
    const Fault& operator*() const { return faults_[index_]; }
    Iterator& operator++() {
      if (++index_ == faults_.size()) {
        ++seed_;
        load();
      }
      return *this;
    }
    bool operator==(const Iterator& other) const { return seed_ == other.seed_ && index_ == other.index_; }

   private:
    void load() {
      index_ = 0;
      faults_.clear();
      for (; seed_ < plan_->seeds.size(); ++seed_) {
        faults_ = faults_of_seed({plan_->run, plan_->seeds, plan_->chances, plan_->steps_max, plan_->again_max, kind},
                                 plan_->seeds[seed_]);
        if (!faults_.empty()) return;
      }
    }
    const CrashPlan* plan_;
    std::size_t seed_;
    std::size_t index_ = 0;
    std::vector<Fault> faults_;
  };
  [[nodiscard]] Iterator begin() const { return {this, 0}; }
  [[nodiscard]] Iterator end() const { return {this, seeds.size()}; }
};
using PowerCuts = CrashPlan<Crash::power_cut>;
using Kills = CrashPlan<Crash::kill>;

// Of a replay: HOLDFAST_SIM_STEP, and whether one seed alone is run, so that nothing can be asked of the whole
// campaign.
std::optional<std::uint64_t> replayed_step();
bool replaying();

}  // namespace holdfast::sim
