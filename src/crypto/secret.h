// Secret<Tag, N>: N secret bytes in locked memory, wiped when they go. No copy, no print, only constant-time
// comparison; the Tag keeps a pack key from being used as a commit key. Raw bytes come out only against RawKeyAccess,
// which only this room can make, and export_secret(), which says why in its callers (sealing a key into a box).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <utility>

#include "base/bytes.h"
#include "base/random.h"

namespace holdfast::crypto {

class RawKeyAccess {
 private:
  RawKeyAccess() = default;
  friend struct KeyRoom;  // crypto/key_room.h; no file outside this room names it
};

// Wipes memory in a way that the compiler keeps.
void wipe(std::span<std::uint8_t> bytes);
// Equal sizes and equal bytes, in time that depends on the size alone.
[[nodiscard]] bool equal_constant_time(ByteView a, ByteView b);

// A buffer for secrets whose size is known only at run time (plaintext of a box with keys in it). Wiped.
class SecretBytes {
 public:
  SecretBytes() = default;
  explicit SecretBytes(Bytes bytes) : bytes_(std::move(bytes)) {}
  SecretBytes(SecretBytes&& other) noexcept : bytes_(std::move(other.bytes_)) { other.bytes_.clear(); }
  SecretBytes& operator=(SecretBytes&& other) noexcept;
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  ~SecretBytes() { wipe(bytes_); }
  [[nodiscard]] ByteView view() const { return bytes_; }

 private:
  Bytes bytes_;
};

// Locked pages for long-lived secrets: one arena, mlock checked, MADV_DONTDUMP (CRYPTO.md section 7).
// memory_is_locked() says whether the lock held (doctor shows it).
std::uint8_t* secret_allocate(std::size_t size);
void secret_free(std::uint8_t* at, std::size_t size);
[[nodiscard]] bool memory_is_locked();

template <class Tag, std::size_t N = 32>
class Secret {
 public:
  static constexpr std::size_t size = N;
  static Secret random(Random& random) {
    Secret out;
    random.fill({out.at_, N});
    return out;
  }
  // Takes a copy; the caller wipes its own. REQUIRES: bytes.size() == N
  static Secret copy_of(ByteView bytes) {
    Secret out;
    std::copy_n(bytes.begin(), N, out.at_);
    return out;
  }
  Secret(Secret&& other) noexcept : at_(std::exchange(other.at_, nullptr)) {}
  Secret& operator=(Secret&& other) noexcept {
    std::swap(at_, other.at_);
    return *this;
  }
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret() {
    if (at_ != nullptr) secret_free(at_, N);
  }
  [[nodiscard]] Secret clone() const { return copy_of({at_, N}); }
  [[nodiscard]] ByteView reveal(const RawKeyAccess&) const { return {at_, N}; }
  // Sealed into a box, or handed to a key file that is sealed next. Search for this name to see every such place.
  [[nodiscard]] SecretBytes export_secret() const { return SecretBytes(Bytes(at_, at_ + N)); }
  friend bool operator==(const Secret& a, const Secret& b) { return equal_constant_time({a.at_, N}, {b.at_, N}); }

 private:
  friend struct KeyRoom;
  Secret() : at_(secret_allocate(N)) {}
  std::uint8_t* at_;
};

}  // namespace holdfast::crypto
