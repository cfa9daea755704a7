// Backups on a schedule: what is typed becomes units of this user's systemd; what they start is told by the home
// afterwards, whatever became of it. Nothing below this program knows of schedules.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "schedule/record.h"
#include "verbs/verbs.h"
#include "world.h"

namespace holdfast::app {

// What the program does without a schedule: opens the home, or sends the command to its owner.
using RunAtHome = std::function<int(const Command& command, agent::Output& output)>;

// `backup --every`. Units are written only when the backup can run: without a prompt, with the server's answer.
int schedule_backup(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output,
                    const RunAtHome& run);
// What `backup --every` asks whoever owns the home, on its way to that: whether the backup can run. It says can_run.
inline constexpr std::string_view can_run = "can run\n";

// `backup --scheduled NAME`: the outcome is written down before and after.
int run_scheduled(World& world, const Command& command, const agent::ForwardedCommand& line, agent::Output& output,
                  const RunAtHome& run);

struct ScheduleView {
  schedule::Known known;
  schedule::Judgement judged;
  bool manager_answered = false, timer_active = false;
  std::string service_failed;  // by systemd, of a start that the home knows nothing of: "exit-code", "oom-kill"
  std::optional<std::int64_t> next_ns;
  // A failure that lasts, or a timer that does not run: `status` ends with 4.
  [[nodiscard]] bool alarmed() const;
};
[[nodiscard]] Result<std::vector<ScheduleView>> schedule_views(World& world);
[[nodiscard]] std::vector<verbs::Finding> schedule_findings(World& world);
// A line on a terminal, after any other command: a failure that lasts is not silent.
void tell_of_lasting_failures(World& world, agent::Output& output);

struct Scheduled {  // by `backup --every`
  std::string name;
  schedule::Schedule schedule;
  bool replaced = false, lingers = false;
  std::optional<std::int64_t> next_ns;
};
struct Unscheduled {
  std::vector<std::pair<std::string, std::optional<schedule::Schedule>>> schedules;
  bool manager_answered = false;
};

}  // namespace holdfast::app
