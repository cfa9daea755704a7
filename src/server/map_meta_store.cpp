#include "server/map_meta_store.h"

namespace holdfast::server {

MapMetaStore::MapMetaStore(Contents contents) : values_(std::move(contents.values)), touches_(0, contents.touches) {}

MapMetaStore::Contents MapMetaStore::contents() {
  const std::lock_guard lock(mutex_);
  return {values_, touches_.now().position};
}

Result<std::vector<std::optional<Bytes>>> MapMetaStore::get(std::span<const Key> keys) {
  HF_OK(check_keys(keys));
  const std::lock_guard lock(mutex_);
  std::vector<std::optional<Bytes>> found;
  found.reserve(keys.size());
  for (const Key& key : keys) {
    const auto at = values_.find(key);
    found.push_back(at == values_.end() ? std::nullopt : std::optional(at->second));
  }
  return found;
}

Result<Page> MapMetaStore::scan(const Key& from, const Key& to, const Limit& limit) {
  HF_OK(check_scan(from, to, limit));
  const std::lock_guard lock(mutex_);
  Page page;
  std::size_t bytes = 0;
  for (auto at = values_.lower_bound(from); at != values_.end() && (to.empty() || at->first < to); ++at) {
    bytes += at->first.size() + at->second.size();
    if (!page.rows.empty() && (page.rows.size() == limit.rows || bytes > limit.bytes)) {
      page.next = after(page.rows.back().key);
      break;
    }
    page.rows.push_back({at->first, at->second});
  }
  return page;
}

Result<Outcome> MapMetaStore::commit(const Batch& batch) {
  HF_OK(check_batch(batch));
  const std::lock_guard lock(mutex_);
  HF_TRY(const Verdict verdict, judge(batch, [&](const Key& key) -> Result<std::optional<ByteView>> {
           const auto at = values_.find(key);
           return at == values_.end() ? std::nullopt : std::optional<ByteView>(at->second);
         }));
  if (!verdict.outcome.applied()) return verdict.outcome;
  for (const Write& write : batch.put) values_.insert_or_assign(write.key, write.value);
  for (const Key& key : batch.erase) values_.erase(key);
  for (std::size_t i = 0; i < batch.add.size(); ++i)
    values_.insert_or_assign(batch.add[i].key, counter_value(verdict.counts[i]));
  touches_.add(batch.touch);
  return verdict.outcome;
}

Result<Cursor> MapMetaStore::now() { return touches_.now(); }

Result<Changed> MapMetaStore::changed(const Cursor& since, std::int64_t wait_ns) {
  return touches_.since(since, wait_ns);
}

}  // namespace holdfast::server
