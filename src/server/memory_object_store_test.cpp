#include "server/memory_object_store.h"

#include "server/object_store_conformance.h"

namespace holdfast::server {
namespace {

struct MemoryEngine {
  std::unique_ptr<MemoryObjectStore> store_ = std::make_unique<MemoryObjectStore>();
  ObjectStore& store() { return *store_; }
  void reopen() { store_ = std::make_unique<MemoryObjectStore>(store_->contents()); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, ObjectStoreConformance, MemoryEngine);

TEST(MemoryObjectStore, HasNoUrls) {
  MemoryObjectStore store;
  EXPECT_FALSE(store.url(conformance::name_of(1, 1), UrlGet{}, 600));
  EXPECT_FALSE(store.url(conformance::name_of(1, 1), UrlPut{.size = 1, .sha256 = {}}, 600));
}

}  // namespace
}  // namespace holdfast::server
