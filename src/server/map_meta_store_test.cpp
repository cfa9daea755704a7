#include "server/map_meta_store.h"

#include "server/meta_store_conformance.h"

namespace holdfast::server {
namespace {

struct MapEngine {
  std::unique_ptr<MapMetaStore> store_ = std::make_unique<MapMetaStore>();
  MetaStore& store() { return *store_; }
  void reopen() { store_ = std::make_unique<MapMetaStore>(store_->contents()); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Map, MetaStoreConformance, MapEngine);

TEST(MapMetaStore, ASnapshotIsNotMovedByWhatComesLater) {
  MapMetaStore store;
  ASSERT_TRUE(store.commit({.put = {{"a", {1}}}, .touch = {"a"}})->applied());
  const MapMetaStore::Contents snapshot = store.contents();
  ASSERT_TRUE(store.commit({.put = {{"a", {2}}}})->applied());
  EXPECT_EQ(snapshot.values.at("a"), Bytes{1});
  EXPECT_EQ(snapshot.touches, 1u);
  MapMetaStore again(snapshot);
  EXPECT_EQ(again.contents(), snapshot);
}

}  // namespace
}  // namespace holdfast::server
