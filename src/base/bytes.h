// Bytes, views of bytes, and fixed-size identifiers that can't be confused with one another.
#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast {

using Bytes = std::vector<std::uint8_t>;
using ByteView = std::span<const std::uint8_t>;  // never owns; see docs/CONVENTIONS.md

inline ByteView as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view as_text(ByteView bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
inline Bytes to_bytes(ByteView view) { return {view.begin(), view.end()}; }
inline void append(Bytes& to, ByteView bytes) { to.insert(to.end(), bytes.begin(), bytes.end()); }

inline bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

std::string to_hex(ByteView bytes);                    // lower case
std::optional<Bytes> from_hex(std::string_view text);  // either case; nullopt: not hex

// N public bytes whose Tag says what they identify. Encoded as the bytes themselves.
template <class Tag, std::size_t N>
struct FixedBytes {
  static constexpr std::size_t size = N;
  std::array<std::uint8_t, N> bytes{};

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
  [[nodiscard]] ByteView view() const { return bytes; }
  [[nodiscard]] bool is_zero() const { return holdfast::is_zero(bytes); }
  [[nodiscard]] std::string hex() const { return to_hex(bytes); }
  [[nodiscard]] std::string short_hex() const { return hex().substr(0, 8); }

  // REQUIRES: view.size() == N
  static FixedBytes from(ByteView view) {
    FixedBytes out;
    std::copy_n(view.begin(), N, out.bytes.begin());
    return out;
  }
};

// For unordered containers; identifiers are uniform, or local and not chosen by an attacker.
struct FixedBytesHash {
  template <class Tag, std::size_t N>
  std::size_t operator()(const FixedBytes<Tag, N>& id) const {
    static_assert(N >= sizeof(std::size_t));
    std::size_t out;
    std::memcpy(&out, id.bytes.data(), sizeof out);
    return out;
  }
};

using Hash = FixedBytes<struct HashTag, 32>;            // SHA-256
using AccountId = FixedBytes<struct AccountIdTag, 32>;  // SHA-256 of link_0's body
using SpaceId = FixedBytes<struct SpaceIdTag, 32>;      // SHA-256 of the creation body
using GroupId = FixedBytes<struct GroupIdTag, 32>;      // what the server knows: an account, a space, a conversation
using DeviceId = FixedBytes<struct DeviceIdTag, 16>;    // random, unique within its account
using ObjectId = FixedBytes<struct ObjectIdTag, 16>;    // random, scoped by its group
using UploadId = FixedBytes<struct UploadIdTag, 16>;    // chosen by the server
using NoteId = FixedBytes<struct NoteIdTag, 16>;        // random, idempotence of a note
using ChunkId = FixedBytes<struct ChunkIdTag, 32>;      // HMAC-SHA-256 under the space's chunk-id key
using Nonce32 = FixedBytes<struct Nonce32Tag, 32>;

inline GroupId group_of(const AccountId& id) { return {id.bytes}; }
inline GroupId group_of(const SpaceId& id) { return {id.bytes}; }

// A name or path that came from outside, made safe for a terminal: control characters and bytes that are not
// UTF-8 as \xNN, backslash doubled.
std::string printable(std::string_view text);

}  // namespace holdfast
