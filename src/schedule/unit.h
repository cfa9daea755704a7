// What a service manager is told to run, and when: the text of a service and a timer of systemd, a line for cron.
//
// A word arrives at the program as it was given, whatever it holds ("%", "$", quotes, spaces, newlines), or it is
// refused. No secret is ever in it: what a run needs of the kind is named by a path.
#pragma once

#include <string>
#include <vector>

#include "base/files.h"

namespace holdfast::schedule {

struct Service {
  std::string description;
  Path program;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  Path credential;  // a passphrase that `systemd-creds encrypt` sealed; empty: none
};

// The name under which the program finds an unsealed credential in $CREDENTIALS_DIRECTORY.
inline constexpr std::string_view credential_name = "holdfast.passphrase";

// InvalidArgument: a word can't be said in a unit (it is not UTF-8; the program's path has quotes or the like).
Result<std::string> service_text(const Service& service);
std::string timer_text(const std::string& description, const std::string& calendar);

// "holdfast-backup-0123456789abcdef", the same for one home, space and set of paths.
std::string unit_name(const Path& home, const std::string& space, std::vector<Path> paths);

// For a shell that cron starts.
std::string cron_line(const std::string& when, const std::vector<std::pair<std::string, std::string>>& environment,
                      const std::vector<std::string>& words);

}  // namespace holdfast::schedule
