// What time removes: uploads that slept for seven days, with their objects; retired objects after the grace; notes' ids
// after a day. Every step is a batch on condition that nobody used the thing meanwhile, so any number of sweepers and
// callers may run at once, and one that dies leaves nothing half done. Bytes go last, after the rows that named them.
#pragma once

#include "base/clock.h"
#include "server/log.h"
#include "server/object_store.h"
#include "server/rows.h"

namespace holdfast::server {

struct Swept {
  std::uint64_t uploads = 0, objects = 0, notes = 0;  // removed
  std::int64_t bytes = 0;                             // given back to quotas
  bool more = false;                                  // call again: not all that is due was looked at
};

// Belongs to one thread at a time.
class Sweeper {
 public:
  Sweeper(MetaStore& rows, ObjectStore& objects, Clock& clock, EventLog& log)
      : rows_(rows), objects_(objects), clock_(clock), log_(log) {}

  // Looks at up to timers_max things that are due now. NoSpaceLeft, Internal: some was done; call again later.
  Result<Swept> sweep(std::size_t timers_max = 1000);

 private:
  struct Removal;

  Status sweep_patiently(std::span<const Timer> run);
  Status sweep_run(std::span<const Timer> run);  // of one group and kind
  Status sweep_upload(const Timer& timer);
  Status sweep_notes(std::span<const Timer> timers);
  Status sweep_retired(std::span<const Timer> timers);
  Status drop_upload(const GroupId& group, const UploadId& upload);  // a dropped one: its objects, then itself
  Status forget_if_empty(const GroupId& group, const UploadId& upload);
  Status remove_bytes(std::size_t count_max);

  Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys);
  Result<GroupRow> group_row(const GroupId& group);
  // False: refused, as somebody used what it removes. Its timers stay and are looked at again.
  Result<bool> commit(const Batch& batch);
  Result<bool> commit(const Removal& removal);

  MetaStore& rows_;
  ObjectStore& objects_;
  Clock& clock_;
  EventLog& log_;
  Swept swept_;
};

}  // namespace holdfast::server
