// The simulator's own dice and its own digest. Neither is cryptography, and neither depends on it: a changed cipher
// must not change what a seed means.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/bytes.h"

namespace holdfast::sim {

// One step of splitmix64; also a good mixer of two words.
constexpr std::uint64_t mix(std::uint64_t word) {
  word += 0x9e3779b97f4a7c15;
  word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9;
  word = (word ^ (word >> 27)) * 0x94d049bb133111eb;
  return word ^ (word >> 31);
}
constexpr std::uint64_t mix(std::uint64_t a, std::uint64_t b) { return mix(mix(a) ^ b); }

class Digest {
 public:
  void add(std::uint64_t word) { value_ = mix(value_, word); }
  void add(ByteView bytes) {
    add(bytes.size());
    while (bytes.size() >= 8) {
      std::uint64_t word;
      std::memcpy(&word, bytes.data(), 8);
      value_ = std::rotl((value_ ^ word) * 0x9e3779b97f4a7c15, 29);
      bytes = bytes.subspan(8);
    }
    std::uint64_t rest = 0;
    if (!bytes.empty()) std::memcpy(&rest, bytes.data(), bytes.size());
    add(rest);
  }
  void add(std::string_view text) { add(as_bytes(text)); }
  [[nodiscard]] std::uint64_t value() const { return value_; }

 private:
  std::uint64_t value_ = 0;
};

inline std::uint64_t hash_text(std::string_view text) {
  Digest digest;
  digest.add(text);
  return digest.value();
}

// xoshiro256** 1.0 (Blackman and Vigna), seeded by splitmix64.
class Prng {
 public:
  explicit Prng(std::uint64_t seed) {
    for (auto& word : state_) word = seed = mix(seed);
  }
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }
  // REQUIRES: bound > 0. The bias of the modulo does not matter here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool coin() { return (next() >> 63) != 0; }
  bool chance(unsigned per_mille) { return per_mille != 0 && below(1000) < per_mille; }
  void fill(std::span<std::uint8_t> out) {
    while (!out.empty()) {
      const std::uint64_t word = next();
      const std::size_t count = std::min<std::size_t>(out.size(), 8);
      std::memcpy(out.data(), &word, count);
      out = out.subspan(count);
    }
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

}  // namespace holdfast::sim
