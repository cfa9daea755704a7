// A set of chunk ids in 21 to 43 bytes each: a million in 32 MiB. Like the index it keeps the first 16 bytes of an id;
// ids are MACs under a secret key (D20), so nobody can choose two that begin alike, and their bits need no hashing.
#pragma once

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "space/chunk.h"

namespace holdfast::space {

class ChunkSet {
 public:
  [[nodiscard]] bool contains(const ChunkId& id) const {
    return !slots_.empty() && slots_[place_of(prefix_of(id))] != Prefix{};
  }
  bool insert(const ChunkId& id) {  // false: it was there
    if (4 * (size_ + 1) > 3 * slots_.size()) grow();
    const Prefix prefix = prefix_of(id);
    Prefix& slot = slots_[place_of(prefix)];
    if (slot == prefix) return false;
    slot = prefix;
    ++size_;
    return true;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  // Of each, test(its first 16 bytes, then zeros), which is all that an index asks for.
  template <class Test>
  [[nodiscard]] bool all_of(Test test) const {
    return std::ranges::all_of(slots_, [&](const Prefix& prefix) {
      ChunkId id;
      std::memcpy(id.bytes.data(), prefix.data(), sizeof prefix);
      return prefix == Prefix{} || test(id);
    });
  }

 private:
  using Prefix = std::array<std::uint64_t, 2>;  // zero: an empty slot

  static Prefix prefix_of(const ChunkId& id) {
    Prefix out;
    std::memcpy(out.data(), id.bytes.data(), sizeof out);
    if (out == Prefix{}) out[1] = 1;
    return out;
  }
  // Where the prefix stands, or the empty slot where it belongs.
  [[nodiscard]] std::size_t place_of(const Prefix& prefix) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = prefix[0] & mask;
    while (slots_[at] != Prefix{} && slots_[at] != prefix) at = (at + 1) & mask;
    return at;
  }
  void grow() {
    std::vector<Prefix> old(std::max<std::size_t>(64, 2 * slots_.size()));
    slots_.swap(old);
    for (const Prefix& prefix : old)
      if (prefix != Prefix{}) slots_[place_of(prefix)] = prefix;
  }

  std::vector<Prefix> slots_;  // a power of two of them, at most three quarters used
  std::size_t size_ = 0;
};

}  // namespace holdfast::space
