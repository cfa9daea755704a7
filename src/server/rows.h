// What the server keeps in its MetaStore: keys, and a struct for each kind of value. docs/formats/api.md lists them.
//
//   g/GROUP              GroupRow      head, capability keys: compared and swapped by every append
//   e/GROUP/SEQ          api::Entry    as it was sent; a note with its seq
//   n/GROUP/NOTE         NoteRow       a note's idempotence, for a day
//   u/GROUP/UPLOAD       UploadRow     open, published or dropped: decides the state of all its objects at once
//   l/GROUP/UPLOAD       LastUseRow    of an open upload, coarse
//   o/GROUP/OBJECT       ObjectRow
//   i/GROUP/UPLOAD/OBJECT  MarkRow     which objects an upload has
//   r/GROUP/OBJECT       RetiredRow    present: retired
//   s/TIME/...           MarkRow       when the sweeper looks at an upload, a note or a retired object; only a hint
//   v/INVITATION         MarkRow       an account was made with it
//   d/GROUP/STORED       MarkRow       bytes that no row refers to any more and that are being removed
//   qb, qo, qg/CREATOR   counters      bytes, objects and groups of an account
//   k/...                SecretRow     keys of the server
//
// So publishing touches one row per upload, whatever the number of its objects.
#pragma once

#include "api/entry.h"
#include "server/invitation.h"
#include "server/meta_store.h"

namespace holdfast::server {

// The name of an object's bytes in the ObjectStore: drawn for each put, so that no two puts ever write to one place.
using StoredId = FixedBytes<struct StoredIdTag, 16>;

enum class GroupClass : std::uint8_t { account = 1, shared = 2 };  // D12: never watched together
constexpr bool wire_valid(GroupClass value) { return value == GroupClass::account || value == GroupClass::shared; }

struct GroupRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  GroupClass group_class = GroupClass::account;
  GroupId creator;  // the account whose quota this uses; an account: itself
  std::int64_t created_ns = 0;
  Hash first;                  // entry_hash of the first entry: creation is idempotent by it
  std::uint64_t head_seq = 0;  // of both lanes
  api::Position last_link;
  std::uint64_t trimmed_before = 0;  // entries below are gone, but for those that were kept
  Hash trimmed_hash;                 // of the prefix that is gone; zero: nothing is
  std::uint32_t grace_seconds = 0;   // how long a retired object is kept
  api::Caps caps;
  HOLDFAST_WIRE(format, group_class, creator, created_ns, first, head_seq, last_link, trimmed_before, trimmed_hash,
                grace_seconds, caps)
};

struct NoteRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  HOLDFAST_WIRE(format, seq, time_ns)
};

enum class UploadState : std::uint8_t { open = 1, published, dropped };
constexpr bool wire_valid(UploadState state) { return state >= UploadState::open && state <= UploadState::dropped; }

struct UploadRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  UploadState state = UploadState::open;
  std::int64_t begun_ns = 0;
  std::uint64_t published_seq = 0;  // 0: not published
  HOLDFAST_WIRE(format, state, begun_ns, published_seq)
};

struct LastUseRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  std::int64_t time_ns = 0;
  HOLDFAST_WIRE(format, time_ns)
};

struct ObjectRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  UploadId upload;
  StoredId stored;
  std::uint32_t size = 0;
  Hash sha256;
  HOLDFAST_WIRE(format, upload, stored, size, sha256)
};

struct RetiredRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  std::uint64_t seq = 0;
  std::int64_t time_ns = 0;
  HOLDFAST_WIRE(format, seq, time_ns)
};

struct MarkRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  HOLDFAST_WIRE(format)
};

struct SecretRow {
  static constexpr std::uint16_t format_now = 1;
  std::uint16_t format = format_now;
  std::array<std::uint8_t, 32> secret{};
  HOLDFAST_WIRE(format, secret)
};

// --- keys ---
Key group_key(const GroupId& group);
std::optional<GroupId> group_of_key(std::string_view key);  // of a touched key; nullopt: no group's key
Key entry_key(const GroupId& group, std::uint64_t seq);
Key note_key(const GroupId& group, const NoteId& note);
Key upload_key(const GroupId& group, const UploadId& upload);
Key last_use_key(const GroupId& group, const UploadId& upload);
Key object_key(const GroupId& group, const ObjectId& object);
Key member_key(const GroupId& group, const UploadId& upload, const ObjectId& object);
Key members_prefix(const GroupId& group, const UploadId& upload);
Result<ObjectId> object_of_member_key(std::string_view key);
Key retired_key(const GroupId& group, const ObjectId& object);
Key doomed_key(const GroupId& group, const StoredId& stored);
Key used_invitation_key(const InvitationId& invitation);
Key bytes_used_key(const GroupId& creator);
Key objects_used_key(const GroupId& creator);
Key groups_used_key(const GroupId& creator);
inline const Key ticket_secret_key = "k/tickets";
inline const Key doomed_prefix = "d/";

struct Doomed {
  GroupId group;
  StoredId stored;
};
Result<Doomed> doomed_of_key(std::string_view key);

enum class TimerKind : std::uint8_t { upload = 1, retired, note };
struct Timer {
  std::int64_t due_ns = 0;
  GroupId group;  // before the kind: what falls due together in a group is swept together
  TimerKind kind = TimerKind::upload;
  std::array<std::uint8_t, 16> id{};  // UploadId, ObjectId or NoteId
};
Key timer_key(const Timer& timer);
Result<Timer> timer_of_key(std::string_view key);
Key timers_from();  // bounds of a scan of all timers that are due
Key timers_to(std::int64_t now_ns);

// --- values ---
// A row as it was read, with the hash that a condition on it needs.
template <class Row>
struct Stored {
  Row row;
  Hash hash;
};

// Internal: the store holds what we never wrote.
template <class Row>
Result<Row> decode_row(ByteView value) {
  auto row = decode<Row>(value, "a stored row");
  if (!row || row->format != Row::format_now) return fail(Code::Internal, "a row of the metadata store can't be read");
  return std::move(*row);
}

inline Result<api::Entry> decode_entry(ByteView value) {
  auto entry = decode<api::Entry>(value, "a stored entry");
  if (!entry) return fail(Code::Internal, "an entry in the metadata store can't be read");
  return entry;
}

// Whatever a store says other than "no space left" is the server's trouble, not the caller's.
template <class T>
Result<T> from_store(Result<T> result) {
  if (result || result.error().code == Code::NoSpaceLeft) return result;
  Error error = std::move(result).error();
  error.sentence = std::string(name_of(error.code)) + ": " + error.sentence;
  error.code = Code::Internal;
  return pass_on(std::move(error));
}

template <class Row>
Result<std::optional<Stored<Row>>> read_row(const std::optional<Bytes>& value) {
  if (!value) return std::optional<Stored<Row>>();
  HF_TRY(Row row, decode_row<Row>(*value));
  return Stored<Row>{std::move(row), crypto::sha256(*value)};
}

// What a row costs its creator beside its content, so that empty ones are not free.
inline constexpr std::int64_t upload_charge_bytes = 256;

}  // namespace holdfast::server
