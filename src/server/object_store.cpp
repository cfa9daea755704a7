#include "server/object_store.h"

#include "crypto/hash.h"

namespace holdfast::server {

std::optional<Url> ObjectStore::url(const ObjectName&, const UrlUse&, std::int64_t) { return std::nullopt; }

Status check_object_size(std::uint64_t size, std::span<const ByteView> parts) {
  std::uint64_t total = 0;
  for (const ByteView part : parts) total += part.size();
  if (total != size) return fail(Code::InvalidArgument, "an object's bytes are not as many as its size says");
  return {};
}

Status check_object_hash(const Hash& sha256, std::span<const ByteView> parts) {
  crypto::Sha256 hash;
  for (const ByteView part : parts) hash.update(part);
  if (hash.finish() != sha256)
    return fail(Code::Tampered, "an object's bytes don't have the SHA-256 that was sent with them");
  return {};
}

Status check_object(std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts) {
  HF_OK(check_object_size(size, parts));
  return check_object_hash(sha256, parts);
}

Status check_object_range(const Range& range) {
  if (range.size > object_read_size_max)
    return fail(Code::TooLarge, "more than 64 MiB of an object are asked for at once");
  return {};
}

}  // namespace holdfast::server
