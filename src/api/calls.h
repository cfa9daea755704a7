// The calls of the primitives: one struct each, with the name under which it is posted and the struct of its answer.
// A body is the encoding of the call, an answer that of std::variant<Reply, Refusal>. Every call may be repeated:
// what is said beside it tells what the second time gives.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/entry.h"

namespace holdfast::api {

inline constexpr std::uint16_t version = 1;
inline constexpr std::size_t read_bytes_max = 256 * 1024;  // of entries in one answer; one entry always fits
inline constexpr std::size_t watch_logs_max = 512;
inline constexpr std::size_t attached_bytes_max = 256 * 1024;
inline constexpr std::size_t attached_objects_max = 16;

// Why the server did not do it.
enum class Reason : std::uint8_t {
  malformed = 1,
  not_authorized,
  not_found,
  already_exists,
  too_large,
  quota_exceeded,
  rate_limited,
  no_space,
  missing,
  upload_gone,
  invitation_needed,
  unavailable,
  too_old,
  conflict
};
constexpr bool wire_valid(Reason reason) { return reason >= Reason::malformed && reason <= Reason::conflict; }
struct Refusal {
  Reason reason = Reason::unavailable;
  std::string sentence;  // hostile text for the client: printed escaped, never decided on
  std::uint32_t retry_after_ms = 0;
  HOLDFAST_WIRE(reason, sentence, retry_after_ms)
};
[[nodiscard]] Error error_of(const Refusal& refusal);
[[nodiscard]] Refusal refusal_of(const Error& error);  // what clients may learn of it

template <class T>
using Answer = std::variant<typename T::Reply, Refusal>;

using TicketBytes = Opaque<160>;    // the server's own; opaque to clients
using ChallengeBytes = Opaque<64>;  // good for a minute and for any group

// --- server ---
struct Info {
  static constexpr std::string_view name = "info";
  HOLDFAST_WIRE()
  struct Reply {
    std::uint16_t version = 0;
    std::string policy;  // C2SP tlog-policy text; its SHA-256 is in the server's link
    std::int64_t time_ns = 0;
    ChallengeBytes challenge;
    bool invitation_needed = false;
    bool direct_transfer = false;  // objects go to and from presigned URLs
    std::uint32_t grace_seconds = 0;
    HOLDFAST_WIRE(version, policy, time_ns, challenge, invitation_needed, direct_transfer, grace_seconds)
  };
};

// --- groups ---
// An account's log. Repeated with the same first entry: created, again. Its capability keys are in `caps`.
struct CreateAccount {
  static constexpr std::string_view name = "account/create";
  Opaque<256> invitation;
  Entry first;
  Caps caps;
  HOLDFAST_WIRE(invitation, first, caps)
  struct Reply {
    HOLDFAST_WIRE()
  };
};

struct AttachedObject {
  ObjectId id;
  Bytes bytes;
  HOLDFAST_WIRE(id, bytes)
};
// A space's or conversation's log. Its bytes count against the creator's quota. `attached` are objects that the first
// entry refers to, live at once.
struct CreateGroup {
  static constexpr std::string_view name = "group/create";
  TicketBytes creator;  // right write, of the creator's account log
  Entry first;
  Caps caps;
  std::vector<AttachedObject> attached;
  HOLDFAST_WIRE(creator, first, caps, attached)
  struct Reply {
    HOLDFAST_WIRE()
  };
};

struct Usage {
  static constexpr std::string_view name = "account/usage";
  TicketBytes ticket;  // right read, of the account log
  HOLDFAST_WIRE(ticket)
  struct Reply {
    std::uint64_t bytes_used = 0, bytes_max = 0, objects = 0;
    HOLDFAST_WIRE(bytes_used, bytes_max, objects)
  };
};

// --- tickets (D7) ---
// signature: label "Holdfast 1 capability", context = encoding of CapabilityContext, body = SHA-256(challenge).
struct CapabilityContext {
  Hash server_key;  // so that a proof can't be relayed to another server
  GroupId group;
  Right right = Right::read;
  HOLDFAST_WIRE(server_key, group, right)
};
struct OpenTicket {
  static constexpr std::string_view name = "ticket/open";
  GroupId group;
  Right right = Right::read;
  CapabilityPublic key;
  ChallengeBytes challenge;
  crypto::Ed25519Signature signature;
  HOLDFAST_WIRE(group, right, key, challenge, signature)
  struct Reply {
    TicketBytes ticket;
    std::uint32_t valid_seconds = 0;
    HOLDFAST_WIRE(ticket, valid_seconds)
  };
};

// --- log ---
// How an append ended.
struct Appended {
  std::uint64_t seq = 0;
  HOLDFAST_WIRE(seq)
};
struct Behind {
  std::uint64_t head_seq = 0;  // of both lanes
  Position last_link;
  std::vector<Entry> since;  // after expect.seq, oldest first, as many as fit
  HOLDFAST_WIRE(head_seq, last_link, since)
};
struct UploadGone {
  UploadId upload;
  HOLDFAST_WIRE(upload)
};

// A link: compare-and-set on the last link. Repeated: Appended, by its hash. A note: `expect` is ignored, repeated
// within 24 h: Appended with the first one's seq, by its note_id.
struct Append {
  static constexpr std::string_view name = "log/append";
  // write or admin; also maintain to retire, maintain or admin to unretire. Admin may set all caps, write read and
  // write.
  std::vector<TicketBytes> tickets;
  Position expect;
  Entry entry;
  std::optional<Caps> caps;                // with a link only, as retire and unretire
  std::vector<UploadId> publish;           // each open, else UploadGone
  std::vector<ObjectId> retire, unretire;  // live or retired, else missing; what is so already stays as it is
  HOLDFAST_WIRE(tickets, expect, entry, caps, publish, retire, unretire)

  using Appended = api::Appended;
  using Behind = api::Behind;
  using UploadGone = api::UploadGone;
  struct Reply {
    std::variant<Appended, Behind, UploadGone> outcome;
    HOLDFAST_WIRE(outcome)
  };
};

struct Head {
  static constexpr std::string_view name = "log/head";
  TicketBytes ticket;
  HOLDFAST_WIRE(ticket)
  struct Reply {
    std::uint64_t head_seq = 0;
    Entry last_link;
    HOLDFAST_WIRE(head_seq, last_link)
  };
};

struct Read {
  static constexpr std::string_view name = "log/read";
  TicketBytes ticket;
  std::uint64_t from_seq = 0;
  HOLDFAST_WIRE(ticket, from_seq)
  struct Reply {
    std::uint64_t head_seq = 0;
    std::vector<Entry> entries;  // oldest first; trimmed ones are left out
    HOLDFAST_WIRE(head_seq, entries)
  };
};

struct WatchedLog {
  TicketBytes ticket;
  std::uint64_t after_seq = 0;
  HOLDFAST_WIRE(ticket, after_seq)
};
// Waits until one of the logs has an entry above after_seq; Reply without entries: the time is over.
struct Watch {
  static constexpr std::string_view name = "log/watch";
  std::vector<WatchedLog> logs;       // of one class (D12)
  std::uint16_t timeout_seconds = 0;  // at most 55
  HOLDFAST_WIRE(logs, timeout_seconds)
  struct Reply {
    std::uint16_t index = 0;
    std::uint64_t head_seq = 0;
    std::vector<Entry> entries;
    HOLDFAST_WIRE(index, head_seq, entries)
  };
};

// --- objects (F1) ---
struct Begin {
  static constexpr std::string_view name = "object/begin";
  TicketBytes ticket;                // write
  std::uint64_t bytes_expected = 0;  // refused at once when the quota can't hold it; 0: not known
  HOLDFAST_WIRE(ticket, bytes_expected)
  struct Reply {
    UploadId upload;
    HOLDFAST_WIRE(upload)
  };
};

// `bytes` is the last field, so that a sender gives encode_put_head() and then the object, uncopied.
// Stored and durable when answered. Repeated with equal bytes: stored. With others: already_exists.
struct Put {
  static constexpr std::string_view name = "object/put";
  TicketBytes ticket;  // write
  UploadId upload;
  ObjectId id;
  Hash sha256;
  ByteView bytes;
  HOLDFAST_WIRE(ticket, upload, id, sha256, bytes)
  struct Reply {
    HOLDFAST_WIRE()
  };
};
[[nodiscard]] Bytes encode_put_head(const Put& put, std::size_t bytes_size);

enum class ObjectState : std::uint8_t { unknown = 1, staged, live, retired };
constexpr bool wire_valid(ObjectState state) { return state >= ObjectState::unknown && state <= ObjectState::retired; }
struct ObjectStatus {
  ObjectState state = ObjectState::unknown;
  std::uint32_t size = 0;
  Hash sha256;
  HOLDFAST_WIRE(state, size, sha256)
  [[nodiscard]] bool can_be_read() const { return state == ObjectState::live || state == ObjectState::retired; }
};
struct Stat {
  static constexpr std::string_view name = "object/stat";
  TicketBytes ticket;         // read
  std::vector<ObjectId> ids;  // at most append_objects_max
  HOLDFAST_WIRE(ticket, ids)
  struct Reply {
    std::vector<ObjectStatus> objects;  // in the order asked for; staged ones of anybody are unknown
    HOLDFAST_WIRE(objects)
  };
};

struct Get {
  static constexpr std::string_view name = "object/get";
  TicketBytes ticket;  // read
  ObjectId id;
  std::uint32_t offset = 0;
  std::uint32_t length = 0;  // short at the object's end; 0: all from offset on
  HOLDFAST_WIRE(ticket, id, offset, length)
  struct Reply {
    std::uint32_t size = 0;  // of the whole object
    ByteView bytes;          // points into the answer's body
    HOLDFAST_WIRE(size, bytes)
  };
};
// The last 64 KiB of an object, whose size isn't known yet (D15): offset = from_end.
inline constexpr std::uint32_t get_from_end = 0xffffffff;  // as offset: the last `length` bytes

}  // namespace holdfast::api
