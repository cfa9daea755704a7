// What a Waiter holds: the meeting place of a service's thread and a connection's I/O thread. For this room.
#pragma once

#include <functional>
#include <mutex>
#include <optional>

#include "net/server.h"

namespace holdfast::net {

struct Waiter::State {
  std::mutex mutex;
  bool over = false;
  std::optional<HttpReply> reply;
  std::function<void()> wake;

  // From now on an answer calls `wake`, under the mutex; at once if there already is one.
  void attach(std::function<void()> wake_connection);
  // Ends the wait: later answers are refused, no call of `wake` is under way any more. Gives the answer, if there was
  // one.
  std::optional<HttpReply> detach();
};

}  // namespace holdfast::net
