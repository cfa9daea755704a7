// The server's objects: sealed bytes under random names, written once (DECISIONS F1, F7). Whether an object is staged,
// live or retired is the MetaStore's to know; an engine keeps bytes, and is safe by itself.
// Engines: memory_object_store.h (simulator), directory_object_store.h (default).
// Every engine passes object_store_conformance.h.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "base/files.h"  // Range
#include "base/result.h"

namespace holdfast::server {

inline constexpr std::uint64_t object_read_size_max = 64 * 1024 * 1024;  // in one get

struct ObjectName {
  GroupId group;
  ObjectId object;
  friend auto operator<=>(const ObjectName&, const ObjectName&) = default;
};

struct ObjectInfo {
  ObjectName name;
  std::uint64_t size = 0;
  friend bool operator==(const ObjectInfo&, const ObjectInfo&) = default;
};

// What a client may do with the storage by itself, without us. The size and hash of a put stand in signed headers, so
// the storage refuses other bytes.
struct UrlPut {
  std::uint64_t size = 0;
  Hash sha256;
};
struct UrlGet {};
using UrlUse = std::variant<UrlPut, UrlGet>;

struct Url {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;  // must be sent exactly so
};

// Any thread. Calls wait for the disk, so none is made on an I/O thread (F8).
// Errors: Missing (no such object), NoSpaceLeft, IoError, Tampered (the stored bytes are not what was put).
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;

  // The parts in order are the object. Durable when it returns. InvalidArgument: they are not `size` bytes;
  // Tampered: they don't hash to sha256; AlreadyExists: other bytes have that name. The same bytes again are fine.
  // After an error nothing is stored under the name that was not there before.
  virtual Status put(const ObjectName& name, std::uint64_t size, const Hash& sha256,
                     std::span<const ByteView> parts) = 0;

  // The caller knows the object's size and asks only within it: a range that the bytes don't fill is Tampered.
  // TooLarge: above object_read_size_max.
  virtual Result<Bytes> get(const ObjectName& name, const Range& range) = 0;

  virtual Result<std::uint64_t> size_of(const ObjectName& name) = 0;

  // An absent object is fine. Not durable at once: after a power cut the object may be there again.
  virtual Status remove(const ObjectName& name) = 0;

  // Ascending by (group, object), from the first after `after`. Fewer than limit: the end.
  // Objects put or removed meanwhile may be listed or not.
  virtual Result<std::vector<ObjectInfo>> list(const std::optional<ObjectName>& after, std::size_t limit) = 0;

  // Nullopt: this engine's objects go through the server.
  virtual std::optional<Url> url(const ObjectName& name, const UrlUse& use, std::int64_t valid_s);
};

// The checks of put() on the caller's side of it.
Status check_object(std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts);
Status check_object_size(std::uint64_t size, std::span<const ByteView> parts);
Status check_object_hash(const Hash& sha256, std::span<const ByteView> parts);
Status check_object_range(const Range& range);

}  // namespace holdfast::server
