#include "server/memory_object_store.h"

namespace holdfast::server {

namespace {

std::unexpected<Error> missing(const ObjectName& name) {
  return fail(Code::Missing, "the server has no such object", name.object.hex());
}

}  // namespace

MemoryObjectStore::Contents MemoryObjectStore::contents() {
  const std::lock_guard lock(mutex_);
  return objects_;
}

Status MemoryObjectStore::put(const ObjectName& name, std::uint64_t size, const Hash& sha256,
                              std::span<const ByteView> parts) {
  HF_OK(check_object(size, sha256, parts));
  Bytes bytes;
  bytes.reserve(size);
  for (const ByteView part : parts) append(bytes, part);
  const std::lock_guard lock(mutex_);
  const auto [at, is_new] = objects_.try_emplace(name, std::move(bytes));
  // try_emplace moves only when it inserts.
  if (!is_new && at->second != bytes)
    return fail(Code::AlreadyExists, "an object of this name has other bytes", name.object.hex());
  return {};
}

Result<Bytes> MemoryObjectStore::get(const ObjectName& name, const Range& range) {
  HF_OK(check_object_range(range));
  const std::lock_guard lock(mutex_);
  const auto at = objects_.find(name);
  if (at == objects_.end()) return missing(name);
  const ByteView bytes = at->second;
  if (range.offset > bytes.size() || range.size > bytes.size() - range.offset)
    return fail(Code::Tampered, "the stored object is shorter than it was", name.object.hex());
  return to_bytes(bytes.subspan(range.offset, range.size));
}

Result<std::uint64_t> MemoryObjectStore::size_of(const ObjectName& name) {
  const std::lock_guard lock(mutex_);
  const auto at = objects_.find(name);
  if (at == objects_.end()) return missing(name);
  return at->second.size();
}

Status MemoryObjectStore::remove(const ObjectName& name) {
  const std::lock_guard lock(mutex_);
  objects_.erase(name);
  return {};
}

Result<std::vector<ObjectInfo>> MemoryObjectStore::list(const std::optional<ObjectName>& after, std::size_t limit) {
  const std::lock_guard lock(mutex_);
  std::vector<ObjectInfo> found;
  for (auto at = after ? objects_.upper_bound(*after) : objects_.begin(); at != objects_.end() && found.size() < limit;
       ++at)
    found.push_back({at->first, at->second.size()});
  return found;
}

}  // namespace holdfast::server
