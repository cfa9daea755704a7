#include "api/entry.h"

namespace holdfast::api {

Hash entry_hash(const Entry& entry) {
  if (entry.kind == EntryKind::link) return crypto::hash_of(entry);
  Entry placeless = entry;
  placeless.seq = 0;
  placeless.prev = {};
  return crypto::hash_of(placeless);
}

}  // namespace holdfast::api
