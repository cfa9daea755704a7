// What stands in a log, and who may touch it: all that the server ever sees of an account, a space, a conversation
// (DECISIONS D11, F2). docs/formats/api.md has the bytes.
#pragma once

#include <vector>

#include "base/codec.h"
#include "crypto/signature.h"

namespace holdfast::api {

inline constexpr std::size_t entry_blob_bytes_max = 192 * 1024;
inline constexpr std::size_t entry_blob_step = 1024;     // what members write is padded to a multiple of it (M2)
inline constexpr std::size_t append_objects_max = 1024;  // published, retired, unretired: each
inline constexpr std::size_t object_bytes_max = 16 * 1024 * 1024;
inline constexpr std::size_t caps_keys_max = 128;  // of each right
inline constexpr std::uint64_t first_seq = 1;      // of a group's first entry, a link; before it the head is 0

enum class EntryKind : std::uint8_t { link = 1, note = 2 };
constexpr bool wire_valid(EntryKind kind) { return kind == EntryKind::link || kind == EntryKind::note; }

// A link names its place: seq and the entry_hash of the link before it (zero for the first); fence and note_id are
// zero. A note is given its seq by the server; fence is the seq of the last link that its author knew.
struct Entry {
  GroupId group;
  EntryKind kind = EntryKind::link;
  std::uint64_t seq = 0;
  Hash prev;
  std::uint64_t fence = 0;
  NoteId note_id;
  Bytes blob;
  HOLDFAST_WIRE(group, kind, seq, prev, fence, note_id, blob)
  friend bool operator==(const Entry&, const Entry&) = default;
};

// SHA-256 of the encoding; a note is hashed with seq = 0 and prev = 0.
[[nodiscard]] Hash entry_hash(const Entry& entry);

struct Position {
  std::uint64_t seq = 0;
  Hash hash;
  HOLDFAST_WIRE(seq, hash)
  friend auto operator<=>(const Position&, const Position&) = default;
};

enum class Right : std::uint8_t { read = 1, write = 2, maintain = 3, admin = 4 };
constexpr bool wire_valid(Right right) { return right >= Right::read && right <= Right::admin; }

using CapabilityPublic = crypto::Ed25519Public;

// The keys that open tickets of a group. Admin may set all; write may set read and write; maintain none (D18).
struct Caps {
  std::vector<CapabilityPublic> read, write, maintain, admin;
  HOLDFAST_WIRE(read, write, maintain, admin)
  friend bool operator==(const Caps&, const Caps&) = default;
  [[nodiscard]] const std::vector<CapabilityPublic>& of(Right right) const {
    switch (right) {
      case Right::read:
        return read;
      case Right::write:
        return write;
      case Right::maintain:
        return maintain;
      case Right::admin:
        break;
    }
    return admin;
  }
};

}  // namespace holdfast::api
