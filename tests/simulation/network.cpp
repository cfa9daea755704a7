#include "tests/simulation/network.h"

#include "base/clock.h"
#include "base/reached.h"

namespace holdfast::sim {
namespace {

constexpr std::int64_t millisecond_ns = 1'000'000;
constexpr std::int64_t timeout_default_ns = 60 * second_ns;

std::uint64_t digest_of(const Call& call) {
  Digest digest;
  digest.add(call.body);
  if (call.bulk) digest.add(ByteView(call.bulk->joined()));
  return digest.value();
}

auto unreachable() { return fail(Code::Unreachable, "no server answers"); }

}  // namespace

Network::Network(std::string server_name, Scheduler& scheduler, const Fault& fault)
    : name_(std::move(server_name)),
      scheduler_(scheduler),
      chances_(fault.chances),
      dice_(mix(fault.seed, hash_text(name_))) {}

Network::~Network() = default;

void Network::set_down(bool down) {
  down_ = down;
  scheduler_.note({.who = name_, .what = down ? "stops" : "starts", .object = {}});
}

void Network::crash_server() {
  set_down(true);
  for (const Held& held : std::exchange(held_, {})) answer(held.call, unreachable());
  if (server_) server_->crashed(dice_);
}

std::unique_ptr<SimRemote> Network::remote(Process& process) { return std::make_unique<SimRemote>(*this, process); }

// Mostly a quick network; now and then a call that others overtake.
std::int64_t Network::latency() {
  const std::int64_t bound = dice_.below(8) == 0 ? 2'000 * millisecond_ns : 5 * millisecond_ns;
  return 200'000 + static_cast<std::int64_t>(dice_.below(static_cast<std::uint64_t>(bound)));
}

void Network::start(const CallPtr& call) {
  const std::int64_t now = scheduler_.now_ns();
  const std::int64_t timeout = call->call.timeout_ns > 0 ? call->call.timeout_ns : timeout_default_ns;
  call->time_over_ns = now + timeout;
  call->deadline = scheduler_.at(
      call->time_over_ns, [this, call] { answer(call, fail(Code::Timeout, "the server did not answer in time")); });
  const std::int64_t there = now + latency();
  if (dice_.chance(chances_.call_lost)) {
    reached("sim: call lost");
    if (dice_.coin()) scheduler_.at(there, [this, call] { answer(call, unreachable()); });
    return;
  }
  if (dice_.chance(chances_.call_late)) {
    reached("sim: call carried out after its time");
    const std::int64_t late = call->time_over_ns + latency();
    scheduler_.at(late, [this, call] { arrive(call, Answer::unwanted); });
    return;
  }
  const Answer fate = dice_.chance(chances_.answer_lost) ? Answer::lost : Answer::given;
  if (fate == Answer::lost) reached("sim: answer lost");
  scheduler_.at(there, [this, call, fate] { arrive(call, fate); });
  if (dice_.chance(chances_.call_repeated)) {
    reached("sim: call carried out twice");
    const std::int64_t again = there + (dice_.coin() ? latency() : 20 * latency());
    scheduler_.at(again, [this, call] { arrive(call, Answer::unwanted); });
  }
}

void Network::arrive(const CallPtr& call, Answer fate) {
  if (call->process->crashed() && !call->ended && dice_.coin()) return;  // it had not left the dead machine yet
  if (down_ || !server_) {
    if (fate != Answer::unwanted) answer(call, unreachable());
    return;
  }
  if (dice_.chance(chances_.server_crash)) {
    reached("sim: server crashed");
    if (dice_.coin()) (void)server_->handle(call->call);
    crash_server();
    answer(call, unreachable());
    const std::int64_t pause = static_cast<std::int64_t>(dice_.below(5 * second_ns));
    scheduler_.at(scheduler_.now_ns() + pause, [this] { set_down(false); });
    return;
  }
  if (!server_->ready(call->call)) {
    held_.push_back({call, fate});
    const std::int64_t left = call->time_over_ns - scheduler_.now_ns();
    scheduler_.at(scheduler_.now_ns() + left / 2, [this, call] {
      const auto is_it = [&](const Held& held) { return held.call == call; };
      const auto held = std::find_if(held_.begin(), held_.end(), is_it);
      if (held == held_.end()) return;
      const Answer fate_then = held->fate;
      held_.erase(held);
      carry_out(call, fate_then);
    });
    return;
  }
  carry_out(call, fate);
  ask_held();
}

void Network::carry_out(const CallPtr& call, Answer fate) {
  Result<Bytes> result = server_->handle(call->call);
  const std::string_view outcome = result ? "answers" : name_of(result.error().code);
  Digest digest;
  if (result) digest.add(*result);
  scheduler_.note(
      {.who = name_, .what = outcome, .object = call->call.name, .a = call->request_id, .content = digest.value()});
  if (fate != Answer::given) {
    if (fate == Answer::lost && dice_.coin()) {
      scheduler_.at(scheduler_.now_ns() + latency(), [this, call] { answer(call, unreachable()); });
    }
    return;
  }
  scheduler_.at(scheduler_.now_ns() + latency(),
                [this, call, result = std::move(result)]() mutable { answer(call, std::move(result)); });
}

void Network::ask_held() {
  for (std::size_t i = 0; i < held_.size();) {
    if (!server_->ready(held_[i].call->call)) {
      ++i;
      continue;
    }
    const Held now = held_[i];
    held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(i));
    carry_out(now.call, now.fate);
    i = 0;  // it may have made others ready
  }
}

void Network::answer(const CallPtr& call, Result<Bytes> result) {
  if (call->ended) return;
  call->ended = true;
  scheduler_.cancel(call->deadline);
  if (call->remote == nullptr) return;
  call->result = std::move(result);
  SimRemote& remote = *call->remote;
  remote.answered_.push_back(call->request_id);
  if (remote.waiting_) scheduler_.wake(remote.process_);
}

SimRemote::~SimRemote() {
  for (auto& [request_id, call] : calls_) call->remote = nullptr;
}

RequestId SimRemote::submit(Call call) {
  const RequestId request_id = ++last_request_id_;
  auto sent = std::make_shared<CallInFlight>();
  sent->request_id = request_id;
  sent->call = std::move(call);
  sent->process = &process_;
  sent->remote = this;
  calls_.emplace(request_id, sent);
  Scheduler& scheduler = network_.scheduler_;
  const Verdict verdict = scheduler.pass(process_, Kind::change);
  if (verdict == Verdict::dying) {
    scheduler.note({.who = process_.name(), .what = "would call", .object = sent->call.name, .a = request_id});
    scheduler.crash_now(process_);
  }
  if (verdict != Verdict::go) return request_id;
  scheduler.note({.who = process_.name(),
                  .what = "calls",
                  .object = sent->call.name,
                  .a = request_id,
                  .b = sent->call.body.size(),
                  .content = digest_of(sent->call)});
  network_.start(sent);
  return request_id;
}

std::pair<RequestId, Result<Bytes>> SimRemote::next() {
  Scheduler& scheduler = network_.scheduler_;
  if (scheduler.pass(process_, Kind::observe) != Verdict::go) return next_of_the_dead();
  if (calls_.empty()) {
    scheduler.problem(process_.name() + " waits for an answer with nothing in flight");
    return {0, fail(Code::Internal, "nothing is in flight")};
  }
  waiting_ = true;
  while (answered_.empty()) {
    if (!scheduler.wait(process_)) return next_of_the_dead();
  }
  waiting_ = false;
  const std::size_t index = network_.dice_.below(answered_.size());
  const RequestId request_id = answered_[index];
  answered_.erase(answered_.begin() + static_cast<std::ptrdiff_t>(index));
  auto call = std::move(calls_.extract(request_id).mapped());
  call->remote = nullptr;
  const std::string_view outcome = call->result ? "gets" : name_of(call->result.error().code);
  scheduler.note({.who = process_.name(), .what = outcome, .object = call->call.name, .a = request_id});
  return {request_id, std::move(call->result)};
}

std::pair<RequestId, Result<Bytes>> SimRemote::next_of_the_dead() {
  waiting_ = false;
  const auto crashed = fail(Code::Crashed, "the process is dead");
  if (calls_.empty()) return {0, crashed};
  auto call = std::move(calls_.extract(calls_.begin()).mapped());
  call->remote = nullptr;
  std::erase(answered_, call->request_id);
  return {call->request_id, crashed};
}

}  // namespace holdfast::sim
