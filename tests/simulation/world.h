// A small world to try code in: devices with a disk each, a server, and what goes wrong between them.
//
//   World world(fault);
//   world.serve([&](const Call& call) { return handlers.handle(call); });
//   Status done = world.device("laptop").run("backup", [&](Doors& doors) { return backup(doors, tree); });
//   world.restore_power();
//
// The test's own thread and the processes never run at the same time. docs/SIMULATOR.md tells the rest.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "base/doors.h"
#include "tests/simulation/disk.h"
#include "tests/simulation/fault.h"
#include "tests/simulation/network.h"
#include "tests/simulation/scheduler.h"
#include "tests/simulation/small_doors.h"

namespace holdfast::sim {

class World;

struct StartOptions {
  bool daemon = false;            // World::run does not wait for it; it goes on in the next run
  std::string server = "server";  // which one its Remote leads to
};

class Device {
 public:
  Device(World& world, std::string name, DiskOptions options);
  ~Device();

  // Runs in the next World::run. On a device without power it is dead before it begins.
  Process& start(const std::string& name, std::function<void(Doors&)> main, StartOptions options = {});

  // Starts it, runs the world, gives what it gave; Crashed if it did not come that far. Gives a Result or nothing.
  template <class Function>
  auto run(const std::string& name, Function main, StartOptions options = {}) -> std::invoke_result_t<Function, Doors&>;

  // The test's hand: plants, damages and looks. Takes no step, never fails by plan, is durable at once, may do all.
  Files& hand() { return *hand_; }
  Disk& disk() { return disk_; }

  void cut_power();  // now, and of this device only
  void restore_power() { powered_ = true; }
  [[nodiscard]] bool powered() const { return powered_; }
  void jump_clock(std::int64_t by_ns) { wall_clock_.offset_ns += by_ns; }  // the wall clock only

 private:
  void live(Process& process, const std::function<void(Doors&)>& main, const StartOptions& options,
            std::uint64_t incarnation);

  World& world_;
  std::string name_;
  WallClock wall_clock_;
  Prng dice_;
  Disk disk_;
  std::unique_ptr<Files> hand_;
  std::vector<Process*> processes_;
  bool powered_ = true;
};

// How a run ended. Equal seeds end equal.
struct End {
  std::uint64_t steps = 0, trace = 0, state = 0, draw = 0;
  friend bool operator==(const End&, const End&) = default;
};

class World {
 public:
  explicit World(const Fault& fault = {});
  ~World();  // a problem of the run (stuck, a dead process that goes on) fails the test

  Device& device(const std::string& name, DiskOptions options = {});  // made when it is named first
  Process& start(const std::string& name, std::function<void(Doors&)> main, StartOptions options = {}) {
    return device("laptop").start(name, std::move(main), std::move(options));
  }
  Network& network(const std::string& server = "server");
  void serve(std::shared_ptr<Server> server) { network().serve(std::move(server)); }
  void serve(std::function<Result<Bytes>(const Call&)> handle);

  // Instead of the fault's: for processes that start from now on, and all that is on its way.
  void chances(const Chances& chances);

  void run();  // until all processes that are no daemons have ended
  void kill(Process& process) { scheduler_->kill(process); }

  // Ends the fault: a crash that has not come yet comes now, then all devices have power again. With Fault::again the
  // next crash is still to come, and restore_power is called once more after the recovery.
  void restore_power();
  [[nodiscard]] bool crashed() const { return crashed_; }  // since the last restore_power

  // What a living process was told to be done: from here on it must be true. What a dead one says, nobody hears.
  void acknowledge(std::string what);
  [[nodiscard]] const std::vector<std::string>& acknowledged() const { return acknowledged_; }

  [[nodiscard]] const Fault& fault() const { return fault_; }
  Prng& dice() { return dice_; }  // for what the scenario itself draws
  Scheduler& scheduler() { return *scheduler_; }
  [[nodiscard]] std::uint64_t steps() const { return scheduler_->steps(); }
  void advance(std::int64_t duration_ns) { scheduler_->advance(duration_ns); }
  std::vector<std::string> take_problems() { return scheduler_->take_problems(); }
  void add_state(ByteView bytes) { state_.add(bytes); }  // what the scenario wants compared at the end
  End end();

 private:
  friend class Device;
  void crash(Process& process);
  void report_problems();

  Fault fault_;
  Prng dice_;
  std::unique_ptr<Scheduler> scheduler_;
  std::map<std::string, std::unique_ptr<Network>> networks_;
  std::map<std::string, std::unique_ptr<Device>> devices_;
  std::map<const Process*, Device*> device_of_;
  std::vector<std::string> acknowledged_;
  Digest state_;
  bool crashed_ = false, crash_armed_;
  std::uint64_t again_;
};

template <class Function>
auto Device::run(const std::string& name, Function main, StartOptions options)
    -> std::invoke_result_t<Function, Doors&> {
  using Answer = std::invoke_result_t<Function, Doors&>;
  if constexpr (std::is_void_v<Answer>) {
    start(name, main, std::move(options));
    world_.run();
  } else {
    std::optional<Answer> answer;
    start(name, [&](Doors& doors) { answer.emplace(main(doors)); }, std::move(options));
    world_.run();
    if (answer) return *std::move(answer);
    return fail(Code::Crashed, "the process died", name);
  }
}

}  // namespace holdfast::sim
