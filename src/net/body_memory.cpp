#include "net/body_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace holdfast::net {
namespace {

constexpr std::size_t large = 1024 * 1024;  // below it malloc itself uses memory again

}  // namespace

// Whoever is beyond the limit of all is let through everywhere: those who wait for all wait for it to end.
bool BodyBudget::charge(Memory& memory, std::size_t limit, const Turn& turn) {
  if (memory.used + turn.bytes > limit) {
    const bool goes_on = memory.beyond_limit == turn.share || all_.beyond_limit == turn.share;
    if (memory.beyond_limit != nullptr && !goes_on) return false;
    if (memory.beyond_limit == nullptr) memory.beyond_limit = turn.share;
  }
  memory.used += turn.bytes;
  (&memory == &all_ ? turn.share->charged_ : turn.share->charged_to_peer_) += turn.bytes;
  return true;
}

bool BodyBudget::take_or_queue(Memory& memory, std::size_t limit, Turn& turn) {
  const bool is_next = memory.turns.empty() || memory.beyond_limit == turn.share || all_.beyond_limit == turn.share;
  if (is_next && charge(memory, limit, turn)) return true;
  memory.turns.push_back(std::move(turn));
  return false;
}

void BodyBudget::free(Memory& memory, const Share& share, std::size_t bytes) {
  std::erase_if(memory.turns, [&share](const Turn& turn) { return turn.share == &share; });
  memory.used -= bytes;
  if (memory.beyond_limit == &share) memory.beyond_limit = nullptr;
}

bool BodyBudget::Share::grow(std::size_t bytes, std::function<void()> on_turn) {
  const std::lock_guard lock(budget_.mutex_);
  Turn turn{this, bytes, std::move(on_turn)};
  return budget_.take_or_queue(peer_.memory_, budget_.peer_limit_, turn) &&
         budget_.take_or_queue(budget_.all_, budget_.limit_, turn);
}

void BodyBudget::Share::release() {
  const std::lock_guard lock(budget_.mutex_);
  Memory &all = budget_.all_, &of_peer = peer_.memory_;
  budget_.free(all, *this, std::exchange(charged_, 0));
  budget_.free(of_peer, *this, std::exchange(charged_to_peer_, 0));
  while (!of_peer.turns.empty() && budget_.charge(of_peer, budget_.peer_limit_, of_peer.turns.front())) {
    all.turns.push_back(std::move(of_peer.turns.front()));
    of_peer.turns.pop_front();
  }
  while (!all.turns.empty() && budget_.charge(all, budget_.limit_, all.turns.front())) {
    all.turns.front().call();
    all.turns.pop_front();
  }
}

std::size_t BodyBudget::used() const {
  const std::lock_guard lock(mutex_);
  return all_.used;
}

Bytes fresh_buffer(std::size_t bytes) {
  constexpr std::uintptr_t page = 2 * 1024 * 1024;
  Bytes buffer;
  buffer.reserve(bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  const std::uintptr_t begin = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + bytes) / page * page;
  if (begin < end) madvise(buffer.data() + (begin - address), end - begin, MADV_HUGEPAGE);  // a hint: may fail
  return buffer;
}

Bytes BodyPool::take(std::size_t bytes) {
  if (bytes >= large) {
    const std::lock_guard lock(mutex_);
    const auto fits = std::ranges::find_if(buffers_, [bytes](const Bytes& b) { return b.capacity() >= bytes; });
    if (fits != buffers_.end()) {
      Bytes buffer = std::move(*fits);
      buffers_.erase(fits);
      return buffer;
    }
  }
  return fresh_buffer(bytes);
}

void BodyPool::give_back(Bytes buffer) {
  if (buffer.capacity() < large || buffer.capacity() > buffer_bytes_max_) return;
  const std::lock_guard lock(mutex_);
  if (buffers_.size() < buffers_max_) buffers_.push_back(std::move(buffer));
}

}  // namespace holdfast::net
