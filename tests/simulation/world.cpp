#include "tests/simulation/world.h"

#include <gtest/gtest.h>

#include "tests/simulation/marks.h"
#include "tests/simulation/sim_files.h"

namespace holdfast::sim {
namespace {

class FunctionServer final : public Server {
 public:
  explicit FunctionServer(std::function<Result<Bytes>(const Call&)> handle) : handle_(std::move(handle)) {}
  Result<Bytes> handle(const Call& call) override { return handle_(call); }

 private:
  std::function<Result<Bytes>(const Call&)> handle_;
};

}  // namespace

Device::Device(World& world, std::string name, DiskOptions options)
    : world_(world),
      name_(std::move(name)),
      dice_(mix(world.fault().seed, hash_text(name_))),
      disk_(mix(world.fault().seed, hash_text(name_)), std::move(options),
            [this] { return world_.scheduler().now_ns() + wall_clock_.offset_ns; }) {
  const Actor actor{.uid = 0, .gid = 0, .lasting = true};
  hand_ = std::make_unique<SimFiles>(
      std::make_shared<DiskAccess>(disk_, world_.scheduler(), nullptr, actor, Chances{}, &dice_));
}

Device::~Device() = default;

Process& Device::start(const std::string& name, std::function<void(Doors&)> main, StartOptions options) {
  auto process = std::make_shared<Process*>(nullptr);
  const std::uint64_t incarnation = processes_.size();
  *process = &world_.scheduler().add(
      name_ + "/" + name, options.daemon,
      [this, process, main = std::move(main), options, incarnation] { live(**process, main, options, incarnation); });
  processes_.push_back(*process);
  world_.device_of_[*process] = this;
  if (!powered_) world_.kill(**process);
  return **process;
}

void Device::live(Process& process, const std::function<void(Doors&)>& main, const StartOptions& options,
                  std::uint64_t incarnation) {
  Scheduler& scheduler = world_.scheduler();
  const Chances& chances = world_.fault().chances;
  const std::uint64_t seed = mix(mix(world_.fault().seed, hash_text(process.name())), incarnation);
  SimClock clock(scheduler, process, wall_clock_, chances, dice_);
  SimRandom random(mix(seed, 1));
  SimWorkers workers(scheduler, mix(seed, 2));
  SimFiles files(std::make_shared<DiskAccess>(disk_, scheduler, &process, disk_.user(), chances, &dice_));
  const auto remote = world_.network(options.server).remote(process);
  Doors doors{clock, random, files, *remote, workers};
  main(doors);
}

void Device::cut_power() {
  for (Process* process : processes_) world_.kill(*process);
  world_.scheduler().note({.who = name_, .what = "power cut", .object = {}, .a = disk_.unsynced_changes()});
  disk_.power_cut(dice_);
  powered_ = false;
}

World::World(const Fault& fault)
    : fault_(fault),
      dice_(mix(fault.seed, 3)),
      scheduler_(std::make_unique<Scheduler>(fault)),
      crash_armed_(fault.step != 0),
      again_(fault.again) {
  listen_to_marks();
  scheduler_->on_crash([this](Process& process) { crash(process); });
}

World::~World() {
  scheduler_->end_all();  // the processes still use devices and networks
  report_problems();
}

Device& World::device(const std::string& name, DiskOptions options) {
  auto& device = devices_[name];
  if (!device) device = std::make_unique<Device>(*this, name, std::move(options));
  return *device;
}

Network& World::network(const std::string& server) {
  auto& network = networks_[server];
  if (!network) network = std::make_unique<Network>(server, *scheduler_, fault_);
  return *network;
}

void World::serve(std::function<Result<Bytes>(const Call&)> handle) {
  serve(std::make_shared<FunctionServer>(std::move(handle)));
}

void World::chances(const Chances& chances) {
  fault_.chances = chances;
  for (const auto& [name, network] : networks_) network->chances(chances);
}

void World::run() { scheduler_->run(); }

void World::report_problems() {
  for (const std::string& what : scheduler_->take_problems()) ADD_FAILURE() << what << "\n" << fault_.replay_command();
}

void World::crash(Process& process) {
  crashed_ = true;
  crash_armed_ = false;
  if (fault_.crash == Crash::kill) return kill(process);
  device_of_.at(&process)->cut_power();
}

void World::restore_power() {
  if (crash_armed_) {  // the scenario ended before its crash
    crashed_ = true;
    if (fault_.crash == Crash::power_cut) {
      for (const auto& [name, device] : devices_) device->cut_power();
    }
  }
  for (const auto& [name, device] : devices_) device->restore_power();
  crashed_ = false;
  crash_armed_ = again_ != 0;
  scheduler_->crash_at(again_ == 0 ? 0 : steps() + std::exchange(again_, 0));
}

void World::acknowledge(std::string what) {
  const Process* process = scheduler_->current();
  if (process != nullptr && process->dead()) return;
  scheduler_->note(
      {.who = process == nullptr ? "test" : std::string_view(process->name()), .what = "acknowledges", .object = what});
  acknowledged_.push_back(std::move(what));
}

End World::end() {
  Digest state = state_;
  for (const auto& [name, device] : devices_) state.add(device->disk().digest());
  for (const std::string& what : acknowledged_) state.add(what);
  state.add(static_cast<std::uint64_t>(scheduler_->now_ns()));
  return {steps(), scheduler_->trace().digest(), state.value(), scheduler_->last_draw() ^ dice_.next()};
}

}  // namespace holdfast::sim
