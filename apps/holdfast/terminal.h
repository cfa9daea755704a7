// What a person sees while something runs, and how sizes and times are written.
#pragma once

#include <string>

#include "agent/control.h"
#include "backup/backup.h"
#include "command.h"

namespace holdfast::app {

std::string size_text(std::uint64_t bytes);                        // "1.24 GiB"
std::string count_text(std::uint64_t number);                      // "78,579"
std::string counted(std::uint64_t number, std::string_view noun);  // "1 file", "78,579 files"
std::string time_text(std::int64_t ns);                            // local time, "2026-11-24 23:05:11"
std::string iso_time(std::int64_t ns);                             // UTC, "2026-11-24T23:05:11.123456789Z"
std::string duration_text(std::int64_t ns);                        // "3.2 s", "4 min 10 s"

// One line that is drawn again and again on a terminal; a plain line now and then elsewhere. Nothing when quiet.
class Progress {
 public:
  Progress(agent::Output& output, bool is_terminal, unsigned columns, bool quiet, std::string doing,
           std::string_view thing = "file");  // what is counted; lives as long
  ~Progress();                                // takes the line away
  void show(const backup::Counters& counters);

 private:
  agent::Output& output_;
  bool is_terminal_, quiet_, drawn_ = false;
  unsigned columns_;
  std::string doing_;
  std::string_view thing_;
  std::int64_t began_ns_, shown_ns_;
};

// Does `work` under a line of progress, which is gone when it returns. `options` is what the work takes.
template <class Options, class Work>
auto with_progress(agent::Output& output, const agent::ForwardedCommand& line, const Command& command, Options& options,
                   const Work& work) {
  Progress shown(output, line.error_is_terminal, line.columns, command.quiet || command.json, command.verb,
                 command.verb == "check" ? "object" : "file");
  options.progress = [&](const backup::Counters& counters) { shown.show(counters); };
  return work();
}

}  // namespace holdfast::app
