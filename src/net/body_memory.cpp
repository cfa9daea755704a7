#include "net/body_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <utility>

namespace holdfast::net {
namespace {

constexpr std::size_t large = 1024 * 1024;  // below it malloc itself uses memory again

}  // namespace

bool BodyBudget::charge(Share& share, std::size_t bytes) {
  if (used_ + bytes > limit_) {
    if (beyond_limit_ != nullptr && beyond_limit_ != &share) return false;
    beyond_limit_ = &share;
  }
  used_ += bytes;
  share.charged_ += bytes;
  return true;
}

bool BodyBudget::Share::grow(std::size_t bytes, std::function<void()> on_turn) {
  const std::lock_guard lock(budget_.mutex_);
  const bool is_next = budget_.turns_.empty() || budget_.beyond_limit_ == this;
  if (is_next && budget_.charge(*this, bytes)) return true;
  budget_.turns_.push_back({this, bytes, std::move(on_turn)});
  return false;
}

void BodyBudget::Share::release() {
  const std::lock_guard lock(budget_.mutex_);
  std::erase_if(budget_.turns_, [this](const Turn& turn) { return turn.share == this; });
  budget_.used_ -= std::exchange(charged_, 0);
  if (budget_.beyond_limit_ == this) budget_.beyond_limit_ = nullptr;
  while (!budget_.turns_.empty() && budget_.charge(*budget_.turns_.front().share, budget_.turns_.front().bytes)) {
    budget_.turns_.front().call();
    budget_.turns_.pop_front();
  }
}

std::size_t BodyBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

Bytes fresh_buffer(std::size_t bytes) {
  constexpr std::uintptr_t page = 2 * 1024 * 1024;
  Bytes buffer;
  buffer.reserve(bytes);
  const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
  const std::uintptr_t begin = (address + page - 1) / page * page;
  const std::uintptr_t end = (address + bytes) / page * page;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_HUGEPAGE);  // a hint: may fail
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
