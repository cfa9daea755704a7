#include "net/waiter_state.h"

namespace holdfast::net {

void Waiter::State::attach(std::function<void()> wake_connection) {
  const std::lock_guard lock(mutex);
  wake = std::move(wake_connection);
  if (reply) wake();
}

std::optional<HttpReply> Waiter::State::detach() {
  const std::lock_guard lock(mutex);
  over = true;
  wake = nullptr;
  return std::exchange(reply, std::nullopt);
}

Waiter::Waiter() : state_(std::make_unique<State>()) {}
Waiter::~Waiter() = default;

bool Waiter::answer(HttpReply reply) {
  const std::lock_guard lock(state_->mutex);
  if (state_->over) return false;
  state_->over = true;
  state_->reply = std::move(reply);
  if (state_->wake) state_->wake();
  return true;
}

bool Waiter::over() const {
  const std::lock_guard lock(state_->mutex);
  return state_->over;
}

}  // namespace holdfast::net
