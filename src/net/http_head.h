// Parsing and writing HTTP/1.1 heads. Beast does the parsing, behind this page, so that it can be replaced.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "net/server.h"

namespace holdfast::net {

struct RequestHead {
  std::string method, target, content_type;
  std::uint64_t body_size = 0;
  bool keep_alive = false;
  bool expects_continue = false;  // the peer waits for "100 Continue" before it sends its body
};

// One request's head. Use a new one for each request.
class HeadParser {
 public:
  explicit HeadParser(std::size_t head_bytes_max);
  ~HeadParser();

  struct Step {
    enum class State { need_more, complete, refused } state = State::need_more;
    std::size_t consumed = 0;  // these bytes need not be given again
    int status = 0;            // refused: what to answer
  };
  // `bytes`: everything that was received and not consumed.
  Step feed(ByteView bytes);
  [[nodiscard]] RequestHead take();  // REQUIRES: complete

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Status line and header of a reply, ready to send. A body of `body_size` follows, or does not: to HEAD.
std::string reply_head(const HttpReply& reply, std::size_t body_size, bool keep_alive);

}  // namespace holdfast::net
