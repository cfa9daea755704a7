#include "server/meta_store_engine.h"

#include <algorithm>
#include <chrono>

#include "crypto/hash.h"

namespace holdfast::server {

namespace {

constexpr std::size_t touches_kept = 65'536;  // 16 MiB of keys at most
constexpr std::size_t touches_a_call = 4'096;
constexpr std::size_t counter_size = 8;
constexpr std::size_t add_size = 3 * counter_size;

Status check_key(const Key& key) {
  if (key.empty()) return fail(Code::InvalidArgument, "a key of the metadata store is empty");
  if (key.size() > key_size_max) return fail(Code::TooLarge, "a key of the metadata store is longer than 256 bytes");
  return {};
}

std::int64_t count_of(ByteView value) {
  std::uint64_t count = 0;
  for (const std::uint8_t byte : value) count = count << 8 | byte;
  return static_cast<std::int64_t>(count);
}

Result<std::int64_t> count_of(const Key& key, const std::optional<ByteView>& value) {
  if (!value) return 0;
  if (value->size() != counter_size)
    return fail(Code::Malformed, "a stored counter is not 8 bytes long", printable(key));
  return count_of(*value);
}

}  // namespace

Status check_keys(std::span<const Key> keys) {
  if (keys.size() > get_count_max) return fail(Code::TooLarge, "too many keys are asked for at once");
  for (const Key& key : keys) HF_OK(check_key(key));
  return {};
}

Status check_scan(const Key& from, const Key& to, const Limit& limit) {
  // One byte more than a key: the place right after a key of the greatest length.
  if (from.size() > key_size_max + 1 || to.size() > key_size_max + 1)
    return fail(Code::TooLarge, "a bound of a scan is longer than a key");
  if (limit.rows == 0) return fail(Code::InvalidArgument, "a scan asks for no rows");
  return {};
}

Key after(const Key& key) { return key + '\0'; }

Status check_batch(const Batch& batch) {
  std::size_t size = 0;
  std::vector<std::string_view> written;
  written.reserve(batch.put.size() + batch.erase.size() + batch.add.size());
  for (const Condition& condition : batch.when) {
    HF_OK(check_key(condition.key));
    size += condition.key.size() + Hash::size;
  }
  for (const Write& write : batch.put) {
    HF_OK(check_key(write.key));
    if (write.value.size() > value_size_max)
      return fail(Code::TooLarge, "a value of the metadata store is larger than 256 KiB", printable(write.key));
    size += write.key.size() + write.value.size();
    written.emplace_back(write.key);
  }
  for (const Key& key : batch.erase) {
    HF_OK(check_key(key));
    size += key.size();
    written.emplace_back(key);
  }
  for (const Add& add : batch.add) {
    HF_OK(check_key(add.key));
    size += add.key.size() + add_size;
    written.emplace_back(add.key);
  }
  for (const Key& key : batch.touch) {
    HF_OK(check_key(key));
    size += key.size();
  }
  if (size > batch_size_max) return fail(Code::TooLarge, "a batch of the metadata store is larger than 1 MiB");
  std::ranges::sort(written);
  if (const auto twice = std::ranges::adjacent_find(written); twice != written.end())
    return fail(Code::InvalidArgument, "a batch writes one key twice", printable(*twice));
  return {};
}

Result<Verdict> judge(const Batch& batch, const Lookup& lookup) {
  Verdict verdict;
  const auto refuse = [&](Refused::By by, std::size_t index) {
    verdict.outcome.refused = Refused{by, index};
    return verdict;
  };
  for (std::size_t i = 0; i < batch.when.size(); ++i) {
    const Condition& condition = batch.when[i];
    HF_TRY(const auto value, lookup(condition.key));
    const bool holds = condition.is ? value && crypto::sha256(*value) == *condition.is : !value;
    if (!holds) return refuse(Refused::By::condition, i);
  }
  verdict.counts.reserve(batch.add.size());
  for (std::size_t i = 0; i < batch.add.size(); ++i) {
    const Add& add = batch.add[i];
    HF_TRY(const auto value, lookup(add.key));
    HF_TRY(const std::int64_t before, count_of(add.key, value));
    std::int64_t after = 0;
    if (__builtin_add_overflow(before, add.delta, &after) || after < add.at_least || after > add.at_most)
      return refuse(Refused::By::add, i);
    verdict.counts.push_back(after);
  }
  return verdict;
}

void TouchList::add(std::span<const Key> keys) {
  if (keys.empty()) return;
  {
    const std::lock_guard lock(mutex_);
    keys_.insert(keys_.end(), keys.begin(), keys.end());
    while (keys_.size() > touches_kept) {
      keys_.pop_front();
      ++first_;
    }
  }
  touched_.notify_all();
}

Cursor TouchList::now() {
  const std::lock_guard lock(mutex_);
  return {opening_, end()};
}

Changed TouchList::since(const Cursor& cursor, std::int64_t wait_ns) {
  std::unique_lock lock(mutex_);
  if (cursor.opening == opening_ && cursor.position == end() && wait_ns > 0) {
    touched_.wait_for(lock, std::chrono::nanoseconds(wait_ns), [&] { return end() != cursor.position; });
  }
  Changed changed;
  if (cursor.opening != opening_ || cursor.position < first_ || cursor.position > end()) {
    changed.everything = true;
    changed.next = {opening_, end()};
    return changed;
  }
  const std::size_t from = cursor.position - first_;
  const std::size_t count = std::min(keys_.size() - from, touches_a_call);
  const auto begin = keys_.begin() + static_cast<std::ptrdiff_t>(from);
  changed.keys.assign(begin, begin + static_cast<std::ptrdiff_t>(count));
  changed.next = {opening_, cursor.position + count};
  lock.unlock();
  std::ranges::sort(changed.keys);
  const auto repeated = std::ranges::unique(changed.keys);
  changed.keys.erase(repeated.begin(), repeated.end());
  return changed;
}

Result<std::optional<Bytes>> MetaStore::get_one(const Key& key) {
  HF_TRY(auto values, get({&key, 1}));
  return std::move(values.front());
}

Bytes counter_value(std::int64_t count) {
  Bytes value(counter_size);
  const auto bits = static_cast<std::uint64_t>(count);
  for (std::size_t i = 0; i < counter_size; ++i)
    value[i] = static_cast<std::uint8_t>(bits >> (8 * (counter_size - 1 - i)));
  return value;
}

Result<std::int64_t> read_counter(const std::optional<Bytes>& value) {
  return count_of({}, value ? std::optional<ByteView>(*value) : std::nullopt);
}

Key end_of_prefix(Key prefix) {
  while (!prefix.empty() && prefix.back() == '\xff') prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<std::uint8_t>(prefix.back()) + 1);
  return prefix;
}

}  // namespace holdfast::server
