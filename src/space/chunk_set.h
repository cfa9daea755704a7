// A set of chunk ids in 20 to 25 bytes each: a million in 24 MiB at most, also while it grows. Like the index it keeps
// the first 16 bytes of an id; ids are MACs under a secret key (D20), so nobody can choose two that begin alike, and
// their bits need no hashing.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "space/chunk.h"

namespace holdfast::space {

class ChunkSet {
 public:
  [[nodiscard]] bool contains(const ChunkId& id) const {
    const Prefix prefix = prefix_of(id);
    const Table& table = tables_[table_of(prefix)];
    return !table.slots.empty() && table.slots[place_of(table.slots, prefix)] != Prefix{};
  }
  bool insert(const ChunkId& id) {  // false: it was there
    const Prefix prefix = prefix_of(id);
    Table& table = tables_[table_of(prefix)];
    if (5 * (table.used + 1) > 4 * table.slots.size()) grow(table);
    Prefix& slot = table.slots[place_of(table.slots, prefix)];
    if (slot == prefix) return false;
    slot = prefix;
    ++table.used;
    ++size_;
    return true;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  // Of each, test(its first 16 bytes, then zeros), which is all that an index asks for.
  template <class Test>
  [[nodiscard]] bool all_of(Test test) const {
    const auto holds = [&](const Prefix& prefix) {
      ChunkId id;
      std::memcpy(id.bytes.data(), prefix.data(), sizeof prefix);
      return prefix == Prefix{} || test(id);
    };
    return std::ranges::all_of(tables_, [&](const Table& table) { return std::ranges::all_of(table.slots, holds); });
  }

 private:
  using Prefix = std::array<std::uint64_t, 2>;  // zero: an empty slot
  // Many small ones, so that one grows at a time: a single one would take twice its memory when it does.
  struct Table {
    std::vector<Prefix> slots;  // at most four fifths used
    std::size_t used = 0;
  };

  static Prefix prefix_of(const ChunkId& id) {
    Prefix out;
    std::memcpy(out.data(), id.bytes.data(), sizeof out);
    if (out == Prefix{}) out[1] = 1;
    return out;
  }
  // The table and the place in it are taken from different bytes.
  [[nodiscard]] std::size_t table_of(const Prefix& prefix) const { return prefix[1] % tables_.size(); }
  // Where the prefix stands, or the empty slot where it belongs.
  static std::size_t place_of(const std::vector<Prefix>& slots, const Prefix& prefix) {
    __extension__ using Wide = unsigned __int128;
    auto at = static_cast<std::size_t>((static_cast<Wide>(prefix[0]) * slots.size()) >> 64);
    while (slots[at] != Prefix{} && slots[at] != prefix) at = at + 1 < slots.size() ? at + 1 : 0;
    return at;
  }
  static void grow(Table& table) {
    std::vector<Prefix> old(table.slots.size() + table.slots.size() / 4 + 8);
    table.slots.swap(old);
    for (const Prefix& prefix : old)
      if (prefix != Prefix{}) table.slots[place_of(table.slots, prefix)] = prefix;
  }

  std::array<Table, 64> tables_;
  std::size_t size_ = 0;
};

}  // namespace holdfast::space
