#include "net/reply_memory.h"

namespace holdfast::net {

bool ReplyBudget::Share::take(std::size_t bytes) {
  if (bytes <= small_bytes) return true;
  const auto fits = [bytes](std::size_t used, std::size_t limit) {
    return used + bytes <= limit + (bytes <= lesser_bytes ? limit / lesser_part : 0);
  };
  const std::lock_guard lock(budget_.mutex_);
  if (!fits(budget_.used_, budget_.limit_) || !fits(peer_.used_, budget_.peer_limit_)) return false;
  budget_.used_ += bytes;
  peer_.used_ += bytes;
  taken_ = bytes;
  return true;
}

ReplyBudget::Share::~Share() {
  const std::lock_guard lock(budget_.mutex_);
  budget_.used_ -= taken_;
  peer_.used_ -= taken_;
}

std::size_t ReplyBudget::used() const {
  const std::lock_guard lock(mutex_);
  return used_;
}

}  // namespace holdfast::net
