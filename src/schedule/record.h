// What a home knows of its schedules: what was scheduled, and how each last run ended. Files in HOME/schedules, which
// need no key and no lock on the home, so that a run is known that never got so far. Bytes: docs/formats/local.md.
//
// A schedule has a name, [a-z0-9-]. It has a Schedule when this program put it into systemd, and a Run once it ran; who
// starts backups by other means (cron) chooses the name, and there is a Run alone.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/codec.h"
#include "base/files.h"

namespace holdfast::schedule {

struct Schedule {
  Label<"Holdfast 1 schedule"> label;
  std::string space;
  std::vector<Path> paths;  // as the unit has them
  std::uint64_t every_s = 0;
  std::int64_t made_ns = 0;
  Path unit_folder, program;
  Path passphrase;  // a file that the run needs; empty: none
  HOLDFAST_WIRE(label, space, paths, every_s, made_ns, unit_folder, program, passphrase)
};

struct Run {
  Label<"Holdfast 1 scheduled run"> label;
  std::string space;
  std::vector<Path> paths;
  std::int64_t began_ns = 0;
  std::optional<std::int64_t> ended_ns;  // nullopt: it runs, or it was killed
  std::uint8_t exit = 0;
  bool saved = false;                 // a snapshot was made
  std::string said;                   // of a run that did not save, or left something out
  std::int64_t good_ns = 0;           // when the last one that saved began; 0: none did
  std::int64_t failing_since_ns = 0;  // when the first one after it began; 0: the last one saved
  std::uint32_t failures = 0;         // in a row
  HOLDFAST_WIRE(label, space, paths, began_ns, ended_ns, exit, saved, said, good_ns, failing_since_ns, failures)
};

inline constexpr std::size_t said_bytes_max = 1000;

bool is_name(std::string_view name);

struct Known {
  std::string name;
  std::optional<Schedule> schedule;
  std::optional<Run> run;
  bool running = false;
  std::optional<Error> damaged;  // a file of it can't be read
};
[[nodiscard]] Result<std::vector<Known>> all_schedules(Files& files, const Path& home);  // by name
[[nodiscard]] Known known_schedule(Files& files, const Path& home, const std::string& name);

Status remember(Files& files, const Path& home, const std::string& name, const Schedule& schedule);
Status forget(Files& files, const Path& home, const std::string& name);  // its run, too

// What a person has to know of it.
struct Judgement {
  bool failed = false;  // the last run did not save, or was killed; one that runs says nothing yet
  bool killed = false;  // it never ended
  // No good run for more than two intervals and two hours, whether runs fail or don't come; without an interval: three
  // failures in a row.
  bool lasting = false;
  std::int64_t since_ns = 0;  // of the failure; where no run came: of the last good one, or of the schedule
  std::uint32_t failures = 0;
};
[[nodiscard]] Judgement judge(const Known& known, std::int64_t now_ns);

// A run under way. While this lives, nobody takes the run for a killed one.
class RunUnderWay {
 public:
  // Busy: the same schedule runs already.
  static Result<RunUnderWay> begin(Files& files, Clock& clock, const Path& home, const std::string& name,
                                   const std::string& space, const std::vector<Path>& paths);
  Status end(std::uint8_t exit, bool saved, std::string_view said);  // nothing, if it was forgotten meanwhile

 private:
  RunUnderWay(Files& files, Clock& clock, Path path, std::unique_ptr<Lock> lock, Run run)
      : files_(&files), clock_(&clock), path_(std::move(path)), lock_(std::move(lock)), run_(std::move(run)) {}
  Files* files_;
  Clock* clock_;
  Path path_;
  std::unique_ptr<Lock> lock_;
  Run run_;
};

}  // namespace holdfast::schedule
