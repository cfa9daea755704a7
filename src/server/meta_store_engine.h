// What every MetaStore engine does alike: limits, the verdict on a batch, and the list of touches inside one process.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>

#include "server/meta_store.h"

namespace holdfast::server {

// The limits of meta_store.h.
Status check_keys(std::span<const Key> keys);
Status check_scan(const Key& from, const Key& to, const Limit& limit);
Status check_batch(const Batch& batch);

Key after(const Key& key);  // the smallest that is greater: where the page after `key` begins

// The state before the batch. The view lives until the next call.
using Lookup = std::function<Result<std::optional<ByteView>>(const Key&)>;

struct Verdict {
  Outcome outcome;
  std::vector<std::int64_t> counts;  // of Batch::add, when applied
};
// REQUIRES: check_batch(batch)
Result<Verdict> judge(const Batch& batch, const Lookup& lookup);

// The last touches of this process, for changed(). Any thread.
class TouchList {
 public:
  // `opening` tells the cursors of one store from those of another.
  explicit TouchList(std::uint64_t opening, std::uint64_t position = 0) : opening_(opening), first_(position) {}

  // Call it when the batch can be seen by readers, never before: a watcher reads the state after it.
  void add(std::span<const Key> keys);
  Cursor now();
  Changed since(const Cursor& cursor, std::int64_t wait_ns);

 private:
  [[nodiscard]] std::uint64_t end() const { return first_ + keys_.size(); }

  const std::uint64_t opening_;
  std::mutex mutex_;
  std::condition_variable touched_;
  std::uint64_t first_;  // position of keys_.front()
  std::deque<Key> keys_;
};

}  // namespace holdfast::server
