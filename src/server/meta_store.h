// The server's metadata: an ordered map with conditional batches (DECISIONS F7). The server's rules are written once
// above it; an engine knows keys, values and batches, nothing of logs or objects.
// Engines: map_meta_store.h (simulator), sqlite_meta_store.h (default). What they share: meta_store_engine.h.
// Every engine passes meta_store_conformance.h.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace holdfast::server {

using Key = std::string;  // bytes, ordered as unsigned bytes

inline constexpr std::size_t key_size_max = 256;  // at least 1
inline constexpr std::size_t value_size_max = 256 * 1024;
inline constexpr std::size_t batch_size_max = 1024 * 1024;  // keys and values, and 32 bytes a hash, 24 an Add
inline constexpr std::size_t get_count_max = 8192;          // keys in one get

struct Condition {
  Key key;
  std::optional<Hash> is;  // SHA-256 of the value, so that big values need not travel; nullopt: must be absent
};

struct Write {
  Key key;
  Bytes value;
};

// A bounded counter: refused unless at_least <= old + delta <= at_most. An absent counter is 0; after an Add the key
// exists. The value is counter_value() below and can be read, put and erased like any other.
struct Add {
  Key key;
  std::int64_t delta = 0;
  std::int64_t at_least = std::numeric_limits<std::int64_t>::min();
  std::int64_t at_most = std::numeric_limits<std::int64_t>::max();
};

// Everything in it happens or nothing does. Conditions and bounds are judged by the state before the batch; put, erase
// and add together name each key once. Erasing an absent key is fine.
struct Batch {
  std::vector<Condition> when = {};
  std::vector<Write> put = {};
  std::vector<Key> erase = {};
  std::vector<Add> add = {};
  std::vector<Key> touch = {};  // told by changed(); only a name, needs no value and changes none
};

// The first that did not hold: conditions in their order, then adds in theirs.
struct Refused {
  enum class By : std::uint8_t { condition, add } by = By::condition;
  std::size_t index = 0;  // in Batch::when or Batch::add
  friend bool operator==(const Refused&, const Refused&) = default;
};

struct Outcome {
  std::optional<Refused> refused;
  [[nodiscard]] bool applied() const { return !refused; }
};

struct Limit {
  std::size_t rows = 1000;
  std::size_t bytes = 1024 * 1024;  // of keys and values; a page has at least one row if there is one
};

struct Page {
  std::vector<Write> rows;  // ascending
  Key next;                 // `from` of the following page; empty: this was the last
};

// A place in the stream of touches. Good for the store that gave it, until that is closed.
struct Cursor {
  std::uint64_t opening = 0, position = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

struct Changed {
  std::vector<Key> keys;    // each once, in no order
  bool everything = false;  // the cursor is older than what is remembered: any key may have been touched
  Cursor next;
};

// Any thread. Calls wait for the disk, so none is made on an I/O thread (F8).
// Errors: TooLarge and InvalidArgument (a limit above, a key that is empty or written twice), NoSpaceLeft, IoError,
// Malformed (the engine's files, or an Add on a value that is no counter). After an error no batch was applied;
// after IoError alone a crash that follows at once may still bring the batch back, whole.
class MetaStore {
 public:
  virtual ~MetaStore() = default;

  // In the order of the keys; nullopt: absent. All as of one moment.
  virtual Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys) = 0;

  // from <= key < to; an empty `from` is the beginning, an empty `to` the end. A page is as of one moment.
  virtual Result<Page> scan(const Key& from, const Key& to, const Limit& limit) = 0;

  // Durable, and seen by every later get and scan, when it returns. Concurrent batches share one fsync and are
  // judged one after the other: a refused one never spoils its neighbours.
  virtual Result<Outcome> commit(const Batch& batch) = 0;

  // The cursor from which changed() tells what is touched from now on. Take it before reading the state.
  virtual Result<Cursor> now() = 0;

  // Keys touched by anyone, in any process, since the cursor; may repeat, never misses. Waits up to wait_ns (0: not at
  // all) for the first; no keys: nothing happened. A server has one thread that calls this in a loop and wakes
  // its waiters, however many there are.
  virtual Result<Changed> changed(const Cursor& since, std::int64_t wait_ns) = 0;

  Result<std::optional<Bytes>> get_one(const Key& key);
};

Bytes counter_value(std::int64_t count);                               // 8 bytes, big-endian two's complement
Result<std::int64_t> read_counter(const std::optional<Bytes>& value);  // absent: 0; Malformed: not 8 bytes
Key end_of_prefix(Key prefix);                                         // `to` for all keys that begin with prefix

}  // namespace holdfast::server
