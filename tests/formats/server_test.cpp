#include "server/rows.h"
#include "server/tickets.h"
#include "tests/formats/example.h"

namespace holdfast::formats {

namespace {

using namespace server;  // NOLINT: the room whose formats these are

Bytes key(const Key& text) { return to_bytes(as_bytes(text)); }

TEST(Formats, ServerKeys) {
  const auto group = filled<GroupId>(0x61);
  Example("server_store.md", "keys")
      .bytes(key(group_key(group)), "\"g/\", group")
      .bytes(key(entry_key(group, 258)), "\"e/\", group, \"/\", seq")
      .bytes(key(note_key(group, filled<NoteId>(0x62))), "\"n/\", group, \"/\", note id")
      .bytes(key(upload_key(group, filled<UploadId>(0x63))), "\"u/\", group, \"/\", upload id")
      .bytes(key(last_use_key(group, filled<UploadId>(0x63))), "\"l/\", group, \"/\", upload id")
      .bytes(key(object_key(group, filled<ObjectId>(0x64))), "\"o/\", group, \"/\", object id")
      .bytes(key(member_key(group, filled<UploadId>(0x63), filled<ObjectId>(0x64))),
             "\"i/\", group, \"/\", upload id, \"/\", object id")
      .bytes(key(retired_key(group, filled<ObjectId>(0x64))), "\"r/\", group, \"/\", object id")
      .bytes(key(timer_key({example_time_ns, group, TimerKind::retired, filled<ObjectId>(0x64).bytes})),
             "\"s/\", due_ns, group, kind, id")
      .bytes(key(doomed_key(group, filled<StoredId>(0x65))), "\"d/\", group, \"/\", stored id")
      .bytes(key(used_invitation_key(filled<InvitationId>(0x6a))), "\"v/\", invitation id")
      .bytes(key(bytes_used_key(group)), "\"qb/\", creator")
      .bytes(key(ticket_secret_key), "\"k/tickets\"");
}

TEST(Formats, ServerRows) {
  GroupRow row;
  row.group_class = GroupClass::shared;
  row.creator = filled<GroupId>(0x61);
  row.created_ns = example_time_ns;
  row.first = filled<Hash>(0x66);
  row.head_seq = 2;
  row.last_link = {2, filled<Hash>(0x67)};
  row.grace_seconds = 14 * 86400;
  const std::vector keys{filled<api::CapabilityPublic>(0x68)};
  row.caps = {keys, keys, keys, keys};
  Example("server_store.md", "group_row")
      .fields(row,
              {"format", "group_class: 2 shared", "creator", "created_ns", "first", "head_seq", "last_link: seq, hash",
               "trimmed_before", "trimmed_hash", "grace_seconds", "caps: read, write, maintain, admin"});
  Example("server_store.md", "object_row")
      .fields(ObjectRow{1, filled<UploadId>(0x63), filled<StoredId>(0x65), 65536, filled<Hash>(0x69)},
              {"format", "upload", "stored", "size", "sha256"});
  Example("server_store.md", "small_rows")
      .value(NoteRow{1, 7, example_time_ns}, "NoteRow: format, seq, time_ns")
      .value(UploadRow{1, UploadState::published, example_time_ns, 2},
             "UploadRow: format, state, begun_ns, published_seq")
      .value(LastUseRow{1, example_time_ns}, "LastUseRow: format, time_ns")
      .value(RetiredRow{1, 3, example_time_ns}, "RetiredRow: format, seq, time_ns")
      .value(MarkRow{}, "MarkRow: format");
}

}  // namespace

}  // namespace holdfast::formats
