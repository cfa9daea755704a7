// Memory for bodies: how much all of them may take, and large buffers that are used again, because the first touch of
// fresh memory costs more than decrypting into it.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace holdfast::net {

// Bodies are charged for what has arrived, not for what was announced, so a peer must send before it occupies anything.
// A body that can't grow waits for its turn, first for its peer's memory, then for everybody's, so that nobody waits
// behind a peer that has all it may have. Of a peer, and of all, one body at a time may go beyond the limit and so
// always gets to its end: half-received bodies can't wait for one another for ever. Any thread.
class BodyBudget {
 public:
  class Share;
  BodyBudget(std::size_t limit, std::size_t peer_limit) : limit_(limit), peer_limit_(peer_limit) {}

  // What one peer has. Outlives the shares that are taken of it.
  class Peer {
    friend class BodyBudget;
    friend class Share;
    struct Turn {
      Share* share;
      std::size_t bytes;
      std::function<void()> call;
    };
    struct Memory {
      std::size_t used = 0;
      const Share* beyond_limit = nullptr;  // the one that may
      std::deque<Turn> turns;
    } memory_;
  };

  // One body's share; gives everything back when it goes. Belongs to one thread at a time.
  class Share {
   public:
    Share(BodyBudget& budget, Peer& peer) : budget_(budget), peer_(peer) {}
    ~Share() { release(); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // True: charged. False: charged later, and then on_turn is called, on any thread, from within the call that gave
    // memory back; it must not call the budget. release() takes the request back.
    // REQUIRES: no earlier request of this share is pending
    bool grow(std::size_t bytes, std::function<void()> on_turn);
    void release();

   private:
    friend class BodyBudget;
    BodyBudget& budget_;
    Peer& peer_;
    std::size_t charged_ = 0, charged_to_peer_ = 0;
  };

  [[nodiscard]] std::size_t used() const;

 private:
  using Turn = Peer::Turn;
  using Memory = Peer::Memory;
  // REQUIRES: mutex_ is held.
  bool charge(Memory& memory, std::size_t limit, const Turn& turn);
  bool take_or_queue(Memory& memory, std::size_t limit, Turn& turn);
  void free(Memory& memory, const Share& share, std::size_t bytes);

  const std::size_t limit_, peer_limit_;
  mutable std::mutex mutex_;
  Memory all_;
};

// An empty buffer with room for `bytes`, on large pages where the kernel has them: filling fresh 4 KiB pages costs up
// to eight times what copying into them does.
Bytes fresh_buffer(std::size_t bytes);

// Any thread.
class BodyPool {
 public:
  BodyPool(std::size_t buffers_max, std::size_t buffer_bytes_max)
      : buffers_max_(buffers_max), buffer_bytes_max_(buffer_bytes_max) {}

  // A buffer with room for `bytes`. Its present size and content mean nothing.
  Bytes take(std::size_t bytes);
  void give_back(Bytes buffer);

 private:
  const std::size_t buffers_max_, buffer_bytes_max_;
  std::mutex mutex_;
  std::vector<Bytes> buffers_;
};

}  // namespace holdfast::net
