// One channel of a client: a thread that drives libcurl over a few kept connections that no other channel uses.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "net/client.h"

namespace holdfast::net {

// Finished calls, from all channels. Any thread.
class FinishedCalls {
 public:
  using Item = std::pair<RequestId, Result<HttpAnswer>>;
  void push(Item item);
  Item pop();  // waits

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Item> items_;
};

class CurlChannel {
 public:
  CurlChannel(const ClientOptions& options, FinishedCalls& finished);
  ~CurlChannel();  // breaks off what is under way

  void submit(RequestId request_id, HttpCall call);  // any thread

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Once, before the first channel.
void prepare_curl();

}  // namespace holdfast::net
