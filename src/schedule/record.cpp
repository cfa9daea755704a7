#include "schedule/record.h"

#include <algorithm>
#include <set>

#include "base/clock.h"

namespace holdfast::schedule {

namespace {

constexpr std::string_view schedule_ending = ".schedule", run_ending = ".run", lock_ending = ".lock";
constexpr std::size_t record_bytes_max = std::size_t{1} << 20;
constexpr std::uint32_t failures_without_interval_max = 2;
constexpr std::uint64_t every_s_max = 366 * 86'400;
constexpr int lock_tries_max = 20;
constexpr std::int64_t lock_wait_ns = second_ns / 20;

Path folder_of(const Path& home) { return join_path(home, "schedules"); }
Path file_of(const Path& home, const std::string& name, std::string_view ending) {
  return join_path(folder_of(home), name + std::string(ending));
}

template <class T>
Result<std::optional<T>> load(Files& files, const Path& path, std::string_view what) {
  const auto bytes = files.read_file(path, record_bytes_max);
  if (!bytes && bytes.error().code == Code::NotFound) return std::nullopt;
  if (!bytes) return pass_on(bytes.error());
  auto record = decode<T>(*bytes, what);
  if (record) return *std::move(record);
  record.error().object = printable(path);
  return pass_on(std::move(record).error());
}

// The outcome of the one before, if it was killed, is known only now.
void count_if_killed(Run& run) {
  if (run.began_ns == 0 || run.ended_ns) return;
  if (run.failing_since_ns == 0) run.failing_since_ns = run.began_ns;
  ++run.failures;
}

}  // namespace

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

Known known_schedule(Files& files, const Path& home, const std::string& name) {
  Known known;
  known.name = name;
  // Asked first: a run that ends meanwhile is then taken for one under way, and not for one that was killed.
  const Path lock = file_of(home, name, lock_ending);
  if (files.stat(lock)) {
    const auto held = files.lock(lock);
    known.running = !held && held.error().code == Code::Busy;
  }
  auto schedule = load<Schedule>(files, file_of(home, name, schedule_ending), "the record of a schedule");
  if (schedule && *schedule && (*schedule)->every_s <= every_s_max)
    known.schedule = **std::move(schedule);
  else if (!schedule)
    known.damaged = schedule.error();
  auto run = load<Run>(files, file_of(home, name, run_ending), "the record of a scheduled run");
  if (run)
    known.run = *std::move(run);
  else
    known.damaged = run.error();
  return known;
}

Result<std::vector<Known>> all_schedules(Files& files, const Path& home) {
  const auto entries = files.list(folder_of(home));
  if (!entries && entries.error().code == Code::NotFound) return {};
  if (!entries) return pass_on(entries.error());
  std::set<std::string> names;
  for (const auto& entry : *entries)
    for (const std::string_view ending : {schedule_ending, run_ending})
      if (entry.name.ends_with(ending))
        if (const auto name = entry.name.substr(0, entry.name.size() - ending.size()); is_name(name))
          names.insert(name);
  std::vector<Known> out;
  for (const auto& name : names) out.push_back(known_schedule(files, home, name));
  return out;
}

Status remember(Files& files, const Path& home, const std::string& name, const Schedule& schedule) {
  HF_OK(files.make_durable_directories(folder_of(home)));
  return files.replace_file(file_of(home, name, schedule_ending), encode(schedule));
}

Status forget(Files& files, const Path& home, const std::string& name) {
  for (const std::string_view ending : {schedule_ending, run_ending, lock_ending})
    if (const auto removed = files.remove(file_of(home, name, ending));
        !removed && removed.error().code != Code::NotFound)
      return removed;
  const auto synced = files.sync_directory(folder_of(home));
  return !synced && synced.error().code == Code::NotFound ? Status() : synced;
}

Judgement judge(const Known& known, std::int64_t now_ns) {
  Judgement out;
  Run run = known.run.value_or(Run{});
  if (known.run) {
    out.killed = !known.running && !run.ended_ns;
    if (out.killed) count_if_killed(run);
    out.failed = out.killed || run.failing_since_ns != 0;
    out.failures = run.failures;
    out.since_ns = run.failing_since_ns;
  }
  if (!known.schedule) {
    out.lasting = out.failed && run.failures > failures_without_interval_max;
    return out;
  }
  const std::int64_t last = std::max(run.good_ns, known.schedule->made_ns);
  const auto wait_ns = static_cast<std::int64_t>(2 * known.schedule->every_s + 7200) * second_ns;
  // A first backup may be long; one that somebody holds up without end is no excuse.
  const bool new_run = known.running && now_ns - run.began_ns <= wait_ns;
  out.lasting = (out.failed || !new_run) && now_ns > last && now_ns - last > wait_ns;
  if (out.lasting && !out.failed) out.since_ns = last;
  return out;
}

Result<RunUnderWay> RunUnderWay::begin(Files& files, Clock& clock, const Path& home, const std::string& name,
                                       const std::string& space, const std::vector<Path>& paths) {
  HF_OK(files.make_durable_directories(folder_of(home)));
  auto lock = files.lock(file_of(home, name, lock_ending));
  // Who asks for the state of a schedule holds it for a moment.
  for (int tries = 0; !lock && lock.error().code == Code::Busy && tries < lock_tries_max; ++tries) {
    clock.sleep_ns(lock_wait_ns);
    lock = files.lock(file_of(home, name, lock_ending));
  }
  if (!lock && lock.error().code == Code::Busy) return fail(Code::Busy, "this schedule runs already", name);
  if (!lock) return pass_on(lock.error());
  const Path path = file_of(home, name, run_ending);
  auto before = load<Run>(files, path, "the record of a scheduled run");
  Run run = before && *before ? **std::move(before) : Run{};  // one that is damaged begins anew
  count_if_killed(run);
  run.space = space;
  run.paths = paths;
  run.began_ns = clock.now_ns();
  run.ended_ns.reset();
  HF_OK(files.replace_file(path, encode(run)));
  return RunUnderWay(files, clock, path, *std::move(lock), std::move(run));
}

Status RunUnderWay::end(std::uint8_t exit, bool saved, std::string_view said) {
  if (const auto there = files_->stat(path_); !there && there.error().code == Code::NotFound) return {};
  run_.ended_ns = clock_->now_ns();
  run_.exit = exit;
  run_.saved = saved;
  run_.said = said.substr(0, said_bytes_max);
  if (saved) {
    run_.good_ns = run_.began_ns;
    run_.failing_since_ns = 0;
    run_.failures = 0;
  } else {
    if (run_.failing_since_ns == 0) run_.failing_since_ns = run_.began_ns;
    ++run_.failures;
  }
  return files_->replace_file(path_, encode(run_));
}

}  // namespace holdfast::schedule
