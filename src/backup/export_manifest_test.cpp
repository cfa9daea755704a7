#include "backup/export_manifest.h"

#include <gtest/gtest.h>

#include "backup/export_contents.h"

namespace holdfast::backup {
namespace {

ExportedTree odd_tree() {
  ExportedTree tree;
  tree.space = "docs";
  tree.label.id.bytes[0] = 7;
  tree.label.time_ns = -5;
  tree.label.host = "a\thost";
  tree.label.paths = {"/home/a\nb", "/\\"};
  tree.label.tags = {"x"};
  tree.label.partial = true;
  tree.entries = {{'d', 0755, 1, 0, "-", "a\tfolder", ""},
                  {'f', 04711, -1, 3, std::string(64, '0'), "a\tfolder/\xff\n", ""},
                  {'l', 0, 0, 0, "-", "link", "to\\nowhere"}};
  return tree;
}

TEST(ExportManifest, GivesBackWhatWasWritten) {
  const ExportedTree tree = odd_tree();
  const auto read = decode_manifest(encode_manifest(tree));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->entries, tree.entries);
  EXPECT_EQ(read->label, tree.label);
  EXPECT_EQ(read->space, tree.space);
  EXPECT_FALSE(read->live);
}

TEST(ExportManifest, RefusesEveryChangedByteAndEveryPart) {
  const Bytes whole = encode_manifest(odd_tree());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes changed = whole;
    changed[i] ^= 1;
    EXPECT_FALSE(decode_manifest(changed)) << i;
    EXPECT_FALSE(decode_manifest(ByteView(whole).first(i))) << i;
  }
}

TEST(ExportManifest, NamesWhatDiffers) {
  const auto wanted = odd_tree().entries;
  auto disk = wanted;
  disk[0].mode = 0700;
  disk[1].sha256[0] = '1';
  disk.pop_back();
  disk.push_back({'f', 0644, 0, 0, "-", "more", ""});
  std::vector<ExportDifference> out;
  compare_entries("/out", wanted, disk, out);
  ASSERT_EQ(out.size(), 4u);
  EXPECT_EQ(out[0].what, "mode");
  EXPECT_EQ(out[1].what, "content");
  EXPECT_EQ(out[2].path + " " + out[2].what, "/out/link missing");
  EXPECT_EQ(out[3].path + " " + out[3].what, "/out/more not in the manifest");
}

TEST(ExportContents, GivesBackWhatWasWrittenAndNothingElse) {
  const ExportContents contents{{"a/live/1", std::string(64, '1')}, {"a/snapshots/b\tc\n\\", std::string(64, '2')}};
  const Bytes bytes = encode_contents(contents);
  const auto read = decode_contents(bytes);
  ASSERT_TRUE(read);
  EXPECT_EQ(*read, contents);
  EXPECT_TRUE(decode_contents(encode_contents({}))->empty());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    Bytes other = bytes;
    other[i] ^= 1;
    EXPECT_FALSE(decode_contents(other)) << i;
    EXPECT_FALSE(decode_contents(ByteView(bytes).first(i))) << i;
  }
  EXPECT_FALSE(decode_manifest(bytes));
}

}  // namespace
}  // namespace holdfast::backup
