// Memory for replies that are being sent: peers may read slowly, and what they have not read yet is held.
#pragma once

#include <cstddef>
#include <mutex>

namespace holdfast::net {

// Nobody waits for it: a reply that finds no room is refused. Small replies always find room and are not counted;
// lesser ones, as the entries of a log, find room beside the bulk that fills the rest. Any thread.
class ReplyBudget {
 public:
  static constexpr std::size_t small_bytes = 16 * 1024;
  static constexpr std::size_t lesser_bytes = 512 * 1024;
  static constexpr std::size_t lesser_part = 8;  // an eighth of each limit, beyond it

  ReplyBudget(std::size_t limit, std::size_t peer_limit) : limit_(limit), peer_limit_(peer_limit) {}

  // What one peer has. Outlives the shares that are taken of it.
  class Peer {
    friend class ReplyBudget;
    std::size_t used_ = 0;
  };

  // One reply's share; gives everything back when it goes.
  class Share {
   public:
    Share(ReplyBudget& budget, Peer& peer) : budget_(budget), peer_(peer) {}
    ~Share();
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // False: there is no room. REQUIRES: the first call
    bool take(std::size_t bytes);

   private:
    ReplyBudget& budget_;
    Peer& peer_;
    std::size_t taken_ = 0;
  };

  [[nodiscard]] std::size_t used() const;

 private:
  const std::size_t limit_, peer_limit_;
  mutable std::mutex mutex_;
  std::size_t used_ = 0;
};

}  // namespace holdfast::net
