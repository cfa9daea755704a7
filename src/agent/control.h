// The control socket: a command that finds the home owned by another process sends itself there, and its output comes
// back (DECISIONS D4, F12). One socket, HOME/control, mode 0600, for processes of the same user only.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/codec.h"
#include "base/files.h"

namespace holdfast::agent {

// A command line on its way to the owner. Secrets are never in it.
struct ForwardedCommand {
  std::vector<std::string> arguments;
  std::string directory;  // where it was started
  bool out_is_terminal = false, error_is_terminal = false;
  std::uint16_t columns = 80;
  HOLDFAST_WIRE(arguments, directory, out_is_terminal, error_is_terminal, columns)
};

// Where a command's words go. Any thread.
class Output {
 public:
  virtual ~Output() = default;
  virtual bool out(std::string_view bytes) = 0;  // false: nobody reads any more
  virtual bool error(std::string_view bytes) = 0;
};

using RunCommand = std::function<int(const ForwardedCommand& command, Output& output)>;

// Listens as long as it lives; each command runs on a thread of its own.
class ControlServer {
 public:
  static Result<std::unique_ptr<ControlServer>> start(const Path& home, RunCommand run);
  virtual ~ControlServer() = default;
  // Waits until no command runs, and takes no more.
  virtual void finish() = 0;
};

// The exit code. Busy: nobody listens yet, or the owner went away before the command's end: the caller tries to become
// the owner.
Result<int> run_at_owner(const Path& home, const ForwardedCommand& command, Output& output);

}  // namespace holdfast::agent
