// The fourth door: a Remote whose calls get lost, late, repeated and out of order, and the server behind it.
#pragma once

#include <map>
#include <memory>
#include <vector>

#include "base/remote.h"
#include "tests/simulation/scheduler.h"

namespace holdfast::sim {

// The scenario's server: bytes in, bytes out. It calls no door of a process; each call is carried out at once, between
// two steps of the processes.
class Server {
 public:
  virtual ~Server() = default;
  virtual Result<Bytes> handle(const Call& call) = 0;
  // False: the call waits for something (a watch). It is asked again after each other call, and handled anyhow when
  // half of its time is over.
  virtual bool ready(const Call& /*call*/) { return true; }
  // It lost its memory. What it had not made durable is kept or lost, as the dice say.
  virtual void crashed(Prng& /*dice*/) {}
};

class SimRemote;
struct CallInFlight;

class Network {
 public:
  Network(std::string server_name, Scheduler& scheduler, const Fault& fault);
  ~Network();

  void serve(std::shared_ptr<Server> server) { server_ = std::move(server); }
  void set_down(bool down);  // down: calls end in Unreachable
  [[nodiscard]] bool down() const { return down_; }
  void crash_server();  // down, with its memory lost, until set_down(false)
  void chances(const Chances& chances) { chances_ = chances; }

  std::unique_ptr<SimRemote> remote(Process& process);

 private:
  friend class SimRemote;
  using CallPtr = std::shared_ptr<CallInFlight>;
  enum class Answer : std::uint8_t { given, lost, unwanted };  // unwanted: of a repetition
  struct Held {
    CallPtr call;
    Answer fate;
  };

  void start(const CallPtr& call);
  void arrive(const CallPtr& call, Answer fate);
  void carry_out(const CallPtr& call, Answer fate);
  void answer(const CallPtr& call, Result<Bytes> result);
  void ask_held();
  std::int64_t latency();

  std::string name_;
  Scheduler& scheduler_;
  Chances chances_;
  Prng dice_;
  std::shared_ptr<Server> server_;
  std::vector<Held> held_;
  bool down_ = false;
};

class SimRemote final : public Remote {
 public:
  SimRemote(Network& network, Process& process) : network_(network), process_(process) {}
  ~SimRemote() override;
  RequestId submit(Call call) override;
  std::pair<RequestId, Result<Bytes>> next() override;
  [[nodiscard]] std::size_t in_flight() const override { return calls_.size(); }

 private:
  friend class Network;
  std::pair<RequestId, Result<Bytes>> next_of_the_dead();

  Network& network_;
  Process& process_;
  RequestId last_request_id_ = 0;
  std::map<RequestId, std::shared_ptr<CallInFlight>> calls_;
  std::vector<RequestId> answered_;
  bool waiting_ = false;
};

struct CallInFlight {
  RequestId request_id = 0;
  Call call;
  const Process* process = nullptr;
  SimRemote* remote = nullptr;  // nullptr: nobody waits for the answer any more
  bool ended = false;
  Result<Bytes> result;
  EventKey deadline;
  std::int64_t time_over_ns = 0;
};

}  // namespace holdfast::sim
