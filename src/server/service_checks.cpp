#include "server/service_checks.h"

namespace holdfast::server {

namespace {

constexpr std::size_t append_tickets_max = 4;

std::unexpected<Error> malformed(std::string_view why) { return fail(Code::Malformed, std::string(why)); }

Status check_blob(const api::Entry& entry) {
  if (entry.blob.size() > api::entry_blob_bytes_max) return fail(Code::TooLarge, "an entry has at most 192 KiB");
  return {};
}

Status check_link(const api::Append& call) {
  const api::Entry& entry = call.entry;
  if (entry.fence != 0 || !entry.note_id.is_zero()) return malformed("a link has no fence and no note id");
  if (entry.seq < api::first_seq + 1) return malformed("a group's first link comes with its creation");
  if (entry.prev != call.expect.hash) return malformed("the link does not follow the one that is expected");
  return {};
}

Status check_note(const api::Append& call) {
  const api::Entry& entry = call.entry;
  if (entry.seq != 0 || !entry.prev.is_zero()) return malformed("a note gets its place from the server");
  if (entry.note_id.is_zero()) return malformed("a note has an id");
  if (call.caps || !call.retire.empty() || !call.unretire.empty())
    return malformed("capability keys, retiring and bringing back go with a link");
  return {};
}

}  // namespace

Status check_first_entry(const api::Entry& entry) {
  HF_OK(check_blob(entry));
  const bool is_first = entry.kind == api::EntryKind::link && entry.seq == api::first_seq && entry.prev.is_zero() &&
                        entry.fence == 0 && entry.note_id.is_zero();
  if (!is_first) return malformed("this is no first entry of a log");
  return {};
}

Status check_caps(const api::Caps& caps) {
  for (const auto* keys : {&caps.read, &caps.write, &caps.maintain, &caps.admin}) {
    if (keys->size() > api::caps_keys_max) return fail(Code::TooLarge, "a right has at most 128 keys");
    if (!all_distinct(*keys)) return malformed("a capability key is listed twice");
  }
  if (caps.read.empty() || caps.write.empty()) return malformed("nobody could read or write any more");
  return {};
}

Status check_append(const api::Append& call) {
  HF_OK(check_blob(call.entry));
  if (call.tickets.empty() || call.tickets.size() > append_tickets_max)
    return malformed("an append has one to four tickets");
  HF_OK(call.entry.kind == api::EntryKind::link ? check_link(call) : check_note(call));
  if (call.caps) HF_OK(check_caps(*call.caps));
  if (call.publish.size() > api::append_objects_max || call.retire.size() > api::append_objects_max ||
      call.unretire.size() > api::append_objects_max)
    return fail(Code::TooLarge, "an append publishes, retires and brings back at most 1,024 each");
  if (!all_distinct(call.publish)) return malformed("an upload is published twice");
  std::vector<ObjectId> moved = call.retire;
  moved.insert(moved.end(), call.unretire.begin(), call.unretire.end());
  if (!all_distinct(std::move(moved))) return malformed("an object is retired or brought back twice");
  return {};
}

Status check_attached(const std::vector<api::AttachedObject>& attached) {
  std::size_t size = 0;
  std::vector<ObjectId> ids;
  for (const api::AttachedObject& object : attached) {
    size += object.bytes.size();
    ids.push_back(object.id);
  }
  if (attached.size() > api::attached_objects_max || size > api::attached_bytes_max)
    return fail(Code::TooLarge, "a first entry has at most 16 objects of together 256 KiB with it");
  if (!all_distinct(std::move(ids))) return malformed("an object is attached twice");
  return {};
}

std::unexpected<Error> quota_exceeded() { return fail(Code::QuotaExceeded, "the account's quota is used up"); }

}  // namespace holdfast::server
