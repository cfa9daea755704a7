// Begin, put, stat and get (DECISIONS F1). Bytes are durable in the ObjectStore before a row names them, and every put
// writes under a name of its own: whatever races or dies, a row's bytes are there and are what its hash says.
#include <map>

#include "base/reached.h"
#include "server/service.h"
#include "server/service_checks.h"

namespace holdfast::server {

namespace {

constexpr std::int64_t last_use_step_ns = 3600 * second_ns;  // coarse, so that not every put writes it

// Of an object of `size` bytes, as get asks for it.
Result<Range> range_of(const api::Get& call, std::uint32_t size) {
  if (call.offset == api::get_from_end) {
    if (call.length == 0) return fail(Code::Malformed, "how much of the object's end is wanted?");
    const std::uint32_t length = std::min(call.length, size);
    return Range{size - length, length};
  }
  const std::uint32_t offset = std::min(call.offset, size);
  const std::uint32_t rest = size - offset;
  return Range{offset, call.length == 0 ? rest : std::min(call.length, rest)};
}

}  // namespace

ObjectName stored_name(const GroupId& group, const StoredId& stored) { return {group, {stored.bytes}}; }

void add_object(Batch& batch, const GroupId& group, const ObjectId& object, const ObjectRow& row) {
  batch.put.push_back({object_key(group, object), encode(row)});
  batch.put.push_back({member_key(group, row.upload, object), encode(MarkRow{})});
}

Status Service::store_bytes(const ObjectName& name, const Hash& sha256, ByteView bytes) {
  auto status = objects_.put(name, bytes.size(), sha256, {&bytes, 1});
  if (status || status.error().code == Code::NoSpaceLeft) return status;
  if (status.error().code == Code::Tampered) return fail(Code::Malformed, "the object's bytes do not have its hash");
  return fail(Code::Internal, std::move(status.error().sentence), std::move(status.error().object));
}

Status Service::check_quota(const GroupId& creator, std::uint64_t bytes) {
  const std::array keys{bytes_used_key(creator), objects_used_key(creator)};
  HF_TRY(const auto values, get(keys));
  HF_TRY(const std::int64_t used, from_store(read_counter(values[0])));
  HF_TRY(const std::int64_t objects, from_store(read_counter(values[1])));
  const std::int64_t left = options_.bytes_max - used;
  if (left < 0 || bytes > static_cast<std::uint64_t>(left) || objects >= options_.objects_max) return quota_exceeded();
  return {};
}

Result<api::Begin::Reply> Service::perform(const api::Begin& call, std::string_view) {
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::write));
  const GroupId& group = ticket.group;
  const Key key = group_key(group);
  HF_TRY(const auto values, get({&key, 1}));
  HF_TRY(const auto row, group_of(values[0], ticket));
  HF_OK(check_quota(row.row.creator, call.bytes_expected));

  const auto upload = random_.make<UploadId>();
  const std::int64_t now_ns = clock_.now_ns();
  Batch batch;
  batch.when.push_back({upload_key(group, upload), std::nullopt});
  batch.put.push_back({upload_key(group, upload), encode(UploadRow{.begun_ns = now_ns})});
  batch.put.push_back({last_use_key(group, upload), encode(LastUseRow{.time_ns = now_ns})});
  batch.put.push_back(
      {timer_key({now_ns + upload_kept_ns, group, TimerKind::upload, upload.bytes}), encode(MarkRow{})});
  batch.add.push_back({bytes_used_key(row.row.creator), upload_charge_bytes, 0, options_.bytes_max});
  HF_TRY(const Outcome outcome, commit(batch));
  if (outcome.applied()) return api::Begin::Reply{upload};
  if (outcome.refused->by == Refused::By::add) return quota_exceeded();
  return fail(Code::Internal, "a fresh upload id exists already");
}

// Where the object's row may go. Nullopt: it is there already, with these bytes.
Result<std::optional<Service::PutPlace>> Service::place_for(const api::Put& call, const Ticket& ticket) {
  const GroupId& group = ticket.group;
  const std::array keys{group_key(group), object_key(group, call.id), upload_key(group, call.upload),
                        last_use_key(group, call.upload)};
  HF_TRY(const auto values, get(keys));
  HF_TRY(const auto row, group_of(values[0], ticket));
  HF_TRY(const auto there, read_row<ObjectRow>(values[1]));
  HF_TRY(const auto upload, read_row<UploadRow>(values[2]));
  HF_TRY(const auto last_use, read_row<LastUseRow>(values[3]));
  const bool same_upload = there && there->row.upload == call.upload;
  const bool gone = !upload || upload->row.state == UploadState::dropped;
  if (there && !(same_upload && gone)) {
    const bool same_bytes = there->row.sha256 == call.sha256 && there->row.size == call.bytes.size();
    if (same_upload && same_bytes) return std::optional<PutPlace>();
    return fail(Code::AlreadyExists, "there is an object of this id already");
  }
  if (gone || upload->row.state != UploadState::open) return fail(Code::UploadGone, "the upload is not open");
  const bool used_lately = last_use && clock_.now_ns() - last_use->row.time_ns < last_use_step_ns;
  return PutPlace{row.row.creator, upload->hash, !used_lately};
}

Result<api::Put::Reply> Service::perform(const api::Put& call, std::string_view) {
  if (call.bytes.size() > api::object_bytes_max) return fail(Code::TooLarge, "an object has at most 16 MiB");
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::write));
  HF_TRY(const auto place, place_for(call, ticket));
  if (!place) return api::Put::Reply{};
  HF_OK(check_quota(place->creator, call.bytes.size()));

  const ObjectRow row{.upload = call.upload,
                      .stored = random_.make<StoredId>(),
                      .size = static_cast<std::uint32_t>(call.bytes.size()),
                      .sha256 = call.sha256};
  const ObjectName name = stored_name(ticket.group, row.stored);
  HF_OK(store_bytes(name, row.sha256, call.bytes));
  // After an error nobody knows whether the batch is there: the bytes stay, and the scrub finds them if it is not.
  HF_TRY(const Outcome outcome, commit(put_batch(call, ticket.group, *place, row)));
  if (outcome.applied()) return api::Put::Reply{};

  reached("server: bytes of a put stored, its row refused");
  if (auto removed = objects_.remove(name); !removed) log_.error("object_not_removed", removed.error());
  if (outcome.refused->by == Refused::By::add) return quota_exceeded();
  HF_TRY(const auto place_now, place_for(call, ticket));
  if (place_now) return fail(Code::Busy, "the object was put and removed meanwhile");
  return api::Put::Reply{};
}

Batch Service::put_batch(const api::Put& call, const GroupId& group, const PutPlace& place, const ObjectRow& row) {
  Batch batch;
  batch.when.push_back({upload_key(group, call.upload), place.upload_hash});
  batch.when.push_back({object_key(group, call.id), std::nullopt});
  add_object(batch, group, call.id, row);
  if (place.renew_last_use)
    batch.put.push_back({last_use_key(group, call.upload), encode(LastUseRow{.time_ns = clock_.now_ns()})});
  batch.add.push_back({bytes_used_key(place.creator), row.size, 0, options_.bytes_max});
  batch.add.push_back({objects_used_key(place.creator), 1, 0, options_.objects_max});
  return batch;
}

Result<std::vector<KnownObject>> Service::known_objects(const GroupId& group, std::span<const ObjectId> ids) {
  std::vector<Key> keys;
  keys.reserve(2 * ids.size());
  for (const ObjectId& id : ids) {
    keys.push_back(object_key(group, id));
    keys.push_back(retired_key(group, id));
  }
  HF_TRY(const auto values, get(keys));
  std::vector<KnownObject> known(ids.size());
  std::map<UploadId, UploadState> uploads;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    HF_TRY(known[i].row, read_row<ObjectRow>(values[2 * i]));
    HF_TRY(known[i].retired, read_row<RetiredRow>(values[2 * i + 1]));
    if (known[i].row) uploads.try_emplace(known[i].row->row.upload, UploadState::dropped);
  }
  std::vector<Key> upload_keys;
  upload_keys.reserve(uploads.size());
  for (const auto& [upload, state] : uploads) upload_keys.push_back(upload_key(group, upload));
  HF_TRY(const auto upload_values, get(upload_keys));
  std::size_t at = 0;
  for (auto& [upload, state] : uploads) {
    HF_TRY(const auto row, read_row<UploadRow>(upload_values[at++]));
    if (row) state = row->row.state;
  }
  for (KnownObject& object : known) {
    if (!object.row || uploads.at(object.row->row.upload) != UploadState::published) continue;
    object.state = object.retired ? api::ObjectState::retired : api::ObjectState::live;
  }
  return known;
}

Result<api::Stat::Reply> Service::perform(const api::Stat& call, std::string_view) {
  if (call.ids.size() > api::append_objects_max)
    return fail(Code::TooLarge, "at most 1,024 objects are asked for at once");
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::read));
  const Key key = group_key(ticket.group);
  HF_TRY(const auto values, get({&key, 1}));
  HF_OK(group_of(values[0], ticket));
  HF_TRY(const auto known, known_objects(ticket.group, call.ids));
  api::Stat::Reply reply;
  for (const KnownObject& object : known) {
    api::ObjectStatus& status = reply.objects.emplace_back();
    if (object.state == api::ObjectState::unknown) continue;
    HF_TRY(const bool whole, is_stored(ticket.group, *object.row));
    if (whole) status = {object.state, object.row->row.size, object.row->row.sha256};
  }
  return reply;
}

// Whether as many bytes as the row says are there. What they are is compared when they are read, by whoever asked.
Result<bool> Service::is_stored(const GroupId& group, const Stored<ObjectRow>& object) {
  const ObjectName name = stored_name(group, object.row.stored);
  const auto size = objects_.size_of(name);
  if (size && *size == object.row.size) return true;
  if (!size && size.error().code != Code::Missing) return pass_on(size.error());
  log_lost(name, size ? "the object is not as long as it was" : "the object is gone");
  return false;
}

void Service::log_lost(const ObjectName& name, std::string_view reason) {
  log_.write(Level::error, "object_lost",
             {{"group", name.group.short_hex()}, {"object", name.object.short_hex()}, {"reason", reason}});
}

Result<ServiceReply> Service::get_object(const api::Get& call) {
  HF_TRY(const Ticket ticket, ticket_for(call.ticket, api::Right::read));
  const Key key = group_key(ticket.group);
  HF_TRY(const auto values, get({&key, 1}));
  HF_OK(group_of(values[0], ticket));
  HF_TRY(const auto known, known_objects(ticket.group, {&call.id, 1}));
  if (known[0].state == api::ObjectState::unknown) return fail(Code::Missing, "there is no such object");
  const ObjectRow& row = known[0].row->row;
  HF_TRY(const Range range, range_of(call, row.size));
  auto bytes = objects_.get(stored_name(ticket.group, row.stored), range);
  if (!bytes) {
    const bool lost = bytes.error().code == Code::Missing || bytes.error().code == Code::Tampered;
    if (lost) {
      log_lost(stored_name(ticket.group, row.stored), bytes.error().sentence);
    } else {
      log_.error("object_not_readable", bytes.error());
    }
    return fail(lost ? Code::Missing : Code::Internal, "the server can't read this object");
  }
  Writer head(16);
  head.u8(1);  // the first alternative of api::Answer<api::Get>
  wire::put(head, row.size);
  head.length(bytes->size());
  return ServiceReply{std::move(head).take(), std::make_shared<const Bytes>(std::move(*bytes))};
}

}  // namespace holdfast::server
