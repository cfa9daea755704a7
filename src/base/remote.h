// The fourth door: a server. Calls are submitted and come back in any order.
//
// A call that fails with Unreachable or Timeout may or may not have been carried out; every call of src/api is
// idempotent or says how its outcome is found. The caller repeats: a Remote never does.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/pieces.h"
#include "base/result.h"

namespace holdfast {

// Numbers what was submitted to a door, so that next() can say whose answer it gives.
using RequestId = std::uint64_t;

// Calls of different classes never share a connection, so that the server can't link them by it (DECISIONS M6, D12).
enum class Channel : std::uint8_t { account, capability, watch_account, watch_capability };

struct Call {
  Channel channel = Channel::account;
  std::string name;                    // "log/append": the path below the API's root
  Bytes body;                          // encoded head of the call
  std::shared_ptr<const Pieces> bulk;  // sent after `body`, uncopied; may be null
  std::int64_t timeout_ns = 0;         // 0: the default for calls
};

// Belongs to one thread at a time.
class Remote {
 public:
  virtual ~Remote() = default;
  virtual RequestId submit(Call call) = 0;
  // Waits for the next answer of any submitted call. REQUIRES: something is in flight.
  virtual std::pair<RequestId, Result<Bytes>> next() = 0;
  [[nodiscard]] virtual std::size_t in_flight() const = 0;
};

}  // namespace holdfast
