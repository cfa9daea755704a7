// The MetaStore of the simulator and of tests: a std::map. With one thread it is deterministic. Nothing is durable but
// what contents() copies out, which is all that was committed: a server that crashes and comes back is a new store
// over the old one's contents.
#pragma once

#include <map>

#include "server/meta_store_engine.h"

namespace holdfast::server {

class MapMetaStore final : public MetaStore {
 public:
  struct Contents {
    std::map<Key, Bytes> values;
    std::uint64_t touches = 0;  // goes on across restarts, so that an old cursor is known as old
    friend bool operator==(const Contents&, const Contents&) = default;
  };

  MapMetaStore() : MapMetaStore(Contents()) {}
  explicit MapMetaStore(Contents contents);
  [[nodiscard]] Contents contents();

  Result<std::vector<std::optional<Bytes>>> get(std::span<const Key> keys) override;
  Result<Page> scan(const Key& from, const Key& to, const Limit& limit) override;
  Result<Outcome> commit(const Batch& batch) override;
  Result<Cursor> now() override;
  Result<Changed> changed(const Cursor& since, std::int64_t wait_ns) override;

 private:
  std::mutex mutex_;
  std::map<Key, Bytes> values_;
  TouchList touches_;
};

}  // namespace holdfast::server
