#include "last_word.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <string>

#include "advice.h"
#include "show.h"

namespace holdfast::app {

namespace {

// Made before a signal can come: a handler may do little more than write. Never destroyed: one may come at the very
// end.
std::string& here = *new std::string;
std::string& at_owner = *new std::string;
std::atomic<bool> is_at_owner = false;
static_assert(std::atomic<bool>::is_always_lock_free);

void say_it(int signal) {
  const std::string& word = is_at_owner ? at_owner : here;
  (void)!::write(STDERR_FILENO, word.data(), word.size());
  ::raise(signal);  // SA_RESETHAND: it ends the process when this returns
}

std::string word_of(const Error& error, const Command& command, bool on_terminal) {
  return (on_terminal && !command.json ? "\n" : "") +
         (command.json ? json_of(error, command) : text_of(error, command));
}

}  // namespace

void prepare_last_word(const Command& command, const agent::ForwardedCommand& line) {
  const Error ended{Code::Cancelled, "it was ended by a signal", {}, {}};
  here = word_of(ended, command, line.error_is_terminal);
  const Error carried_on{Code::Cancelled,
                         "it was ended by a signal here; the process that owns the home carries on with it",
                         {},
                         "what the other process does; " + whole_after(command)};
  at_owner = word_of(carried_on, command, line.error_is_terminal);
  for (const int signal : {SIGINT, SIGTERM}) {
    struct sigaction before{}, action{};
    if (::sigaction(signal, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) continue;
    action.sa_handler = say_it;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

void last_word_is_of_owner(bool there) { is_at_owner = there; }

}  // namespace holdfast::app
