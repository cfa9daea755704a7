#include "server/sweep.h"

#include <set>

#include "base/reached.h"
#include "server/service.h"

namespace holdfast::server {

namespace {

constexpr std::size_t rows_a_batch = 100;

template <class Id>
Id id_of(const Timer& timer) {
  return {timer.id};
}

}  // namespace

// Objects of one group whose rows go in one batch, and what that gives back.
struct Sweeper::Removal {
  GroupId group, creator;
  Batch batch;
  std::int64_t bytes = 0, objects = 0;

  void add(const ObjectId& object, const Stored<ObjectRow>& row) {
    batch.when.push_back({object_key(group, object), row.hash});
    batch.erase.push_back(object_key(group, object));
    batch.erase.push_back(member_key(group, row.row.upload, object));
    batch.put.push_back({doomed_key(group, row.row.stored), encode(MarkRow{})});
    bytes += row.row.size;
    ++objects;
  }
};

Result<std::vector<std::optional<Bytes>>> Sweeper::get(std::span<const Key> keys) {
  return from_store(rows_.get(keys));
}

Result<GroupRow> Sweeper::group_row(const GroupId& group) {
  const Key key = group_key(group);
  HF_TRY(const auto values, get({&key, 1}));
  if (!values[0]) return fail(Code::Internal, "a group that has objects is not there");
  return decode_row<GroupRow>(*values[0]);
}

Result<bool> Sweeper::commit(const Batch& batch) {
  HF_TRY(const Outcome outcome, from_store(rows_.commit(batch)));
  if (!outcome.applied()) reached("server: sweeping lost to somebody who uses it");
  return outcome.applied();
}

Result<bool> Sweeper::commit(const Removal& removal) {
  Batch batch = removal.batch;
  if (removal.objects > 0) {
    batch.add.push_back({bytes_used_key(removal.creator), -removal.bytes});
    batch.add.push_back({objects_used_key(removal.creator), -removal.objects});
  }
  HF_TRY(const bool applied, commit(batch));
  if (!applied) return false;
  swept_.objects += static_cast<std::uint64_t>(removal.objects);
  swept_.bytes += removal.bytes;
  return true;
}

Result<Swept> Sweeper::sweep(std::size_t timers_max) {
  swept_ = {};
  HF_TRY(const Page page, from_store(rows_.scan(timers_from(), timers_to(clock_.now_ns()), {.rows = timers_max})));
  std::vector<Timer> timers;
  for (const Write& row : page.rows) {
    HF_TRY(timers.emplace_back(), timer_of_key(row.key));
  }
  for (std::span<const Timer> rest(timers); !rest.empty();) {
    const auto other = [&](const Timer& timer) { return timer.group != rest[0].group || timer.kind != rest[0].kind; };
    const auto end = std::min<std::size_t>(std::ranges::find_if(rest, other) - rest.begin(), rows_a_batch);
    HF_OK(sweep_patiently(rest.first(end)));
    rest = rest.subspan(end);
  }
  swept_.more = !page.next.empty();
  HF_OK(remove_bytes(timers_max));
  return swept_;
}

// One row that can't be read must not keep all others.
Status Sweeper::sweep_patiently(std::span<const Timer> run) {
  const auto status = sweep_run(run);
  if (status || status.error().code == Code::NoSpaceLeft) return status;
  if (run.size() == 1) {
    log_.error("sweep_failed", status.error());
    return {};
  }
  for (const Timer& timer : run) HF_OK(sweep_patiently({&timer, 1}));
  return {};
}

Status Sweeper::sweep_run(std::span<const Timer> run) {
  switch (run[0].kind) {
    case TimerKind::note:
      return sweep_notes(run);
    case TimerKind::retired:
      return sweep_retired(run);
    case TimerKind::upload:
      break;
  }
  for (const Timer& timer : run) HF_OK(sweep_upload(timer));
  return {};
}

Status Sweeper::sweep_notes(std::span<const Timer> timers) {
  std::vector<Key> keys;
  for (const Timer& timer : timers) keys.push_back(note_key(timer.group, id_of<NoteId>(timer)));
  HF_TRY(const auto values, get(keys));
  Batch batch;
  std::uint64_t notes = 0;
  for (std::size_t i = 0; i < timers.size(); ++i) {
    HF_TRY(const auto note, read_row<NoteRow>(values[i]));
    batch.erase.push_back(timer_key(timers[i]));
    // A note that came again after its day has a timer of its own.
    if (!note || note->row.time_ns + note_remembered_ns > clock_.now_ns()) continue;
    batch.when.push_back({keys[i], note->hash});
    batch.erase.push_back(keys[i]);
    ++notes;
  }
  HF_TRY(const bool applied, commit(batch));
  if (applied) swept_.notes += notes;
  return {};
}

Status Sweeper::sweep_retired(std::span<const Timer> timers) {
  const GroupId& group = timers[0].group;
  HF_TRY(const GroupRow row, group_row(group));
  std::vector<Key> keys;
  for (const Timer& timer : timers) {
    keys.push_back(retired_key(group, id_of<ObjectId>(timer)));
    keys.push_back(object_key(group, id_of<ObjectId>(timer)));
  }
  HF_TRY(const auto values, get(keys));
  Removal removal{group, row.creator, {}, 0, 0};
  std::set<UploadId> uploads;
  std::set<ObjectId> seen;  // an object that was retired twice has two timers
  for (std::size_t i = 0; i < timers.size(); ++i) {
    const auto object = id_of<ObjectId>(timers[i]);
    HF_TRY(const auto retired, read_row<RetiredRow>(values[2 * i]));
    HF_TRY(const auto there, read_row<ObjectRow>(values[2 * i + 1]));
    const std::int64_t due_ns = retired ? retired->row.time_ns + row.grace_seconds * second_ns : 0;
    removal.batch.erase.push_back(timer_key(timers[i]));
    if (!retired || !there || !seen.insert(object).second) continue;
    if (due_ns > clock_.now_ns()) {
      // Retired again since, or the grace was raised.
      removal.batch.put.push_back({timer_key({due_ns, group, TimerKind::retired, object.bytes}), encode(MarkRow{})});
      continue;
    }
    removal.batch.when.push_back({keys[2 * i], retired->hash});
    removal.batch.erase.push_back(keys[2 * i]);
    removal.add(object, *there);
    uploads.insert(there->row.upload);
  }
  HF_TRY(const bool applied, commit(removal));
  if (!applied) return {};
  for (const UploadId& upload : uploads) HF_OK(forget_if_empty(group, upload));
  return {};
}

Status Sweeper::sweep_upload(const Timer& timer) {
  const auto upload = id_of<UploadId>(timer);
  const std::array keys{upload_key(timer.group, upload), last_use_key(timer.group, upload)};
  HF_TRY(const auto values, get(keys));
  HF_TRY(auto row, read_row<UploadRow>(values[0]));
  HF_TRY(const auto last_use, read_row<LastUseRow>(values[1]));
  if (row && row->row.state == UploadState::open) {
    const std::int64_t due_ns = (last_use ? last_use->row.time_ns : row->row.begun_ns) + upload_kept_ns;
    Batch batch;
    if (due_ns > clock_.now_ns()) {
      batch.erase.push_back(timer_key(timer));
      batch.put.push_back({timer_key({due_ns, timer.group, TimerKind::upload, timer.id}), encode(MarkRow{})});
      HF_OK(commit(batch));
      return {};
    }
    row->row.state = UploadState::dropped;
    batch.when.push_back({keys[0], row->hash});
    batch.when.push_back({keys[1], last_use ? std::optional(last_use->hash) : std::nullopt});
    batch.put.push_back({keys[0], encode(row->row)});
    HF_TRY(const bool applied, commit(batch));
    if (!applied) return {};
  }
  // From here on nothing is put into it any more, and the timer goes last: who dies before is followed by another.
  if (row && row->row.state == UploadState::dropped) HF_OK(drop_upload(timer.group, upload));
  if (row) HF_OK(forget_if_empty(timer.group, upload));
  Batch batch;
  batch.erase.push_back(timer_key(timer));
  HF_OK(commit(batch));
  return {};
}

Status Sweeper::drop_upload(const GroupId& group, const UploadId& upload) {
  HF_TRY(const GroupRow row, group_row(group));
  const Key prefix = members_prefix(group, upload);
  for (;;) {
    HF_TRY(const Page page, from_store(rows_.scan(prefix, end_of_prefix(prefix), {.rows = rows_a_batch})));
    if (page.rows.empty()) return {};
    std::vector<ObjectId> objects;
    std::vector<Key> keys;
    for (const Write& member : page.rows) {
      HF_TRY(objects.emplace_back(), object_of_member_key(member.key));
      keys.push_back(object_key(group, objects.back()));
    }
    HF_TRY(const auto values, get(keys));
    Removal removal{group, row.creator, {}, 0, 0};
    for (std::size_t i = 0; i < objects.size(); ++i) {
      HF_TRY(const auto object, read_row<ObjectRow>(values[i]));
      if (object) {
        removal.add(objects[i], *object);
      } else {
        removal.batch.erase.push_back(page.rows[i].key);
      }
    }
    // Refused only where another sweeper is at it; the next page shows what it left.
    HF_OK(commit(removal));
  }
}

// An upload that is dropped or published gets no more objects: once empty, it stays so.
Status Sweeper::forget_if_empty(const GroupId& group, const UploadId& upload) {
  const Key prefix = members_prefix(group, upload);
  HF_TRY(const Page page, from_store(rows_.scan(prefix, end_of_prefix(prefix), {.rows = 1})));
  if (!page.rows.empty()) return {};
  const Key key = upload_key(group, upload);
  HF_TRY(const auto values, get({&key, 1}));
  HF_TRY(const auto row, read_row<UploadRow>(values[0]));
  if (!row || row->row.state == UploadState::open) return {};
  HF_TRY(const GroupRow owner, group_row(group));
  Batch batch;
  batch.when.push_back({key, row->hash});
  batch.erase = {key, last_use_key(group, upload)};
  batch.add.push_back({bytes_used_key(owner.creator), -upload_charge_bytes});
  HF_TRY(const bool applied, commit(batch));
  if (!applied) return {};
  ++swept_.uploads;
  swept_.bytes += upload_charge_bytes;
  return {};
}

Status Sweeper::remove_bytes(std::size_t count_max) {
  HF_TRY(const Page page, from_store(rows_.scan(doomed_prefix, end_of_prefix(doomed_prefix), {.rows = count_max})));
  if (!page.next.empty()) swept_.more = true;
  Batch batch;
  for (const Write& row : page.rows) {
    HF_TRY(const Doomed doomed, doomed_of_key(row.key));
    if (auto removed = objects_.remove(stored_name(doomed.group, doomed.stored)); !removed) {
      log_.error("object_not_removed", removed.error());
      return fail(Code::Internal, "an object's bytes can't be removed");
    }
    batch.erase.push_back(row.key);
  }
  if (!batch.erase.empty()) HF_OK(commit(batch));
  return {};
}

}  // namespace holdfast::server
