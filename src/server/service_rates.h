// How often one address may do what costs the server or helps who guesses: sign-ups and failed proofs (D24, M6). In
// memory, per process, approximate; quota is what is exact.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/clock.h"

namespace holdfast::server {

struct Rate {
  double burst = 60;  // how many at once
  double per_second = 10.0 / 60;
};

// Token buckets by peer: a text that stands for whoever counts as one (net/peers.h). Any thread.
class RateLimiter {
 public:
  RateLimiter(Clock& clock, Rate rate) : clock_(clock), rate_(rate) {}

  [[nodiscard]] bool would_allow(std::string_view peer);
  // Takes one, if there is one.
  bool allow(std::string_view peer);
  [[nodiscard]] std::size_t addresses();  // that are remembered

 private:
  struct Bucket {
    double tokens = 0;
    std::int64_t at_ns = 0;
  };
  // The bucket as of now. REQUIRES: mutex_ is held.
  Bucket& bucket_of(std::string_view peer);
  void make_room(std::int64_t now_ns);
  [[nodiscard]] double tokens_at(const Bucket& bucket, std::int64_t now_ns) const;

  Clock& clock_;
  const Rate rate_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
};

}  // namespace holdfast::server
