#include "server/service_rates.h"

#include <algorithm>
#include <vector>

namespace holdfast::server {

namespace {

constexpr std::size_t buckets_max = 65'536;

}  // namespace

double RateLimiter::tokens_at(const Bucket& bucket, std::int64_t now_ns) const {
  const double seconds = static_cast<double>(now_ns - bucket.at_ns) / static_cast<double>(second_ns);
  return std::min(rate_.burst, bucket.tokens + seconds * rate_.per_second);
}

// Full buckets say nothing. If all say something, the fullest half goes: who empties a bucket is remembered longest.
void RateLimiter::make_room(std::int64_t now_ns) {
  std::erase_if(buckets_, [&](const auto& entry) { return tokens_at(entry.second, now_ns) >= rate_.burst; });
  if (buckets_.size() < buckets_max) return;
  std::vector<double> levels;
  levels.reserve(buckets_.size());
  for (const auto& [address, bucket] : buckets_) levels.push_back(tokens_at(bucket, now_ns));
  const auto middle = levels.begin() + static_cast<std::ptrdiff_t>(levels.size() / 2);
  std::nth_element(levels.begin(), middle, levels.end());
  const double median = *middle;
  std::erase_if(buckets_, [&](const auto& entry) { return tokens_at(entry.second, now_ns) >= median; });
}

RateLimiter::Bucket& RateLimiter::bucket_of(std::string_view peer) {
  const std::int64_t now_ns = clock_.monotonic_ns();
  const std::string address(peer);
  const auto found = buckets_.find(address);
  if (found == buckets_.end()) {
    if (buckets_.size() >= buckets_max) make_room(now_ns);
    return buckets_.insert_or_assign(address, Bucket{rate_.burst, now_ns}).first->second;
  }
  found->second = {tokens_at(found->second, now_ns), now_ns};
  return found->second;
}

bool RateLimiter::would_allow(std::string_view peer) {
  const std::lock_guard lock(mutex_);
  return bucket_of(peer).tokens >= 1;
}

std::size_t RateLimiter::addresses() {
  const std::lock_guard lock(mutex_);
  return buckets_.size();
}

bool RateLimiter::allow(std::string_view peer) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = bucket_of(peer);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace holdfast::server
