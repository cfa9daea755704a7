// The one place that turns a Secret into bytes. It stands in a header only because the templates of hash.h and box.h
// need it: KeyRoom is named in no file outside src/crypto (tests/tidy looks).
#pragma once

#include "crypto/secret.h"

namespace holdfast::crypto {

struct KeyRoom {
  template <class Tag, std::size_t N>
  static ByteView bytes(const Secret<Tag, N>& secret) {
    return secret.reveal(RawKeyAccess());
  }
  // A Secret that `fill` writes in place, so that the bytes never lie in ordinary memory.
  template <class Made, class Fill>
  static Made make(Fill fill) {
    Made out;
    fill(std::span<std::uint8_t>(out.at_, Made::size));
    return out;
  }
  template <class Keyed>
  static Keyed keyed(ByteView key) {
    return Keyed(key);
  }
};

// Secret bytes of a function's own: wiped at the end of the block.
template <std::size_t N>
struct Wiped {
  std::array<std::uint8_t, N> bytes{};
  Wiped() = default;
  Wiped(const Wiped&) = delete;
  Wiped& operator=(const Wiped&) = delete;
  ~Wiped() { wipe(bytes); }
};

}  // namespace holdfast::crypto
