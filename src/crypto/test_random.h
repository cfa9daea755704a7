// A Random for the tests of this room: equal seeds give equal bytes.
#pragma once

#include "crypto/hash.h"

namespace holdfast::crypto {

class TestRandom final : public Random {
 public:
  explicit TestRandom(std::uint64_t seed) : seed_(seed) {}
  void fill(std::span<std::uint8_t> out) override {
    for (std::uint8_t& byte : out) {
      if (at_ == block_.bytes.size()) next_block();
      byte = block_.bytes[at_++];
    }
  }

 private:
  struct Block {
    std::uint64_t seed, counter;
    HOLDFAST_WIRE(seed, counter)
  };
  void next_block() {
    block_ = hash_of(Block{seed_, counter_++});
    at_ = 0;
  }

  std::uint64_t seed_, counter_ = 0;
  Hash block_;
  std::size_t at_ = block_.bytes.size();
};

// The state of a virtual machine that was copied: every draw is the same.
class StuckRandom final : public Random {
 public:
  void fill(std::span<std::uint8_t> out) override { std::ranges::fill(out, std::uint8_t{7}); }
};

}  // namespace holdfast::crypto
