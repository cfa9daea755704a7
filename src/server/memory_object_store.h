// The ObjectStore of the simulator and of tests. With one thread it is deterministic. A server that crashes and comes
// back is a new store over the old one's contents().
#pragma once

#include <map>
#include <mutex>

#include "server/object_store.h"

namespace holdfast::server {

class MemoryObjectStore final : public ObjectStore {
 public:
  using Contents = std::map<ObjectName, Bytes>;

  explicit MemoryObjectStore(Contents contents = {}) : objects_(std::move(contents)) {}
  [[nodiscard]] Contents contents();

  Status put(const ObjectName& name, std::uint64_t size, const Hash& sha256, std::span<const ByteView> parts) override;
  Result<Bytes> get(const ObjectName& name, const Range& range) override;
  Result<std::uint64_t> size_of(const ObjectName& name) override;
  Status remove(const ObjectName& name) override;
  Result<std::vector<ObjectInfo>> list(const std::optional<ObjectName>& after, std::size_t limit) override;

 private:
  std::mutex mutex_;
  Contents objects_;
};

}  // namespace holdfast::server
